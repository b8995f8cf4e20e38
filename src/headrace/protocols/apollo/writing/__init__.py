"""Points registered, samples in."""
