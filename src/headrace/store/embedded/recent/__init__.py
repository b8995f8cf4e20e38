"""What no segment has yet: points in memory, deletes, hidden series."""
