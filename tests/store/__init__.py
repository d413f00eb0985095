"""What a store promises, and SQLite in particular."""
