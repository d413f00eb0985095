"""Discord: servers as groups, their text channels as places for drills."""
