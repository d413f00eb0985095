"""The program as a whole: its settings and its commands, started as a user starts them."""
