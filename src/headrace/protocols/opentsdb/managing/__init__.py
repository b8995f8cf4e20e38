"""What is neither put nor asked: annotations, deletes, how long points are kept."""
