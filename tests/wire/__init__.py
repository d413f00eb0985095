"""Loopback servers of the platforms, for tests that run the real clients over real sockets."""
