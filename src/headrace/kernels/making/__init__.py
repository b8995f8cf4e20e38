"""What compiles kernels, and keeps them; a server that finds them compiled imports none of it."""
