"""One adapter a platform: translate in, translate out, send."""
