"""What was read of segments, kept in memory for the next question."""
