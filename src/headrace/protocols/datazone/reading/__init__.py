"""Forms read and listed."""
