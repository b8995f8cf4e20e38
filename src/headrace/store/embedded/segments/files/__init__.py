"""The files in the folder of segments: how points, names and deletes are written and read back."""
