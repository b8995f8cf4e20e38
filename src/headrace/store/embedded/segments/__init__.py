"""The folder of segments: which there are, which count, what becomes of them."""
