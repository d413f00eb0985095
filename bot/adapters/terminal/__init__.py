"""The terminal room: a platform of its own, for trying nnquestion without an account."""
