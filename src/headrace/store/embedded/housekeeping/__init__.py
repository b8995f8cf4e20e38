"""The threads behind the writer: sealing, merging, what must go."""
