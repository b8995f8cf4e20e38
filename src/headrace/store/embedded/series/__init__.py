"""The series that are visible, found by metric and tags."""
