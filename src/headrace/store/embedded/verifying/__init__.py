"""Reading a whole database without changing a byte of it, and saying what of it is not as it was acknowledged."""
