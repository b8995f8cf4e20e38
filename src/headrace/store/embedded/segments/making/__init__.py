"""What goes into a new segment: recent rows or those of older segments, less what may be forgotten."""
