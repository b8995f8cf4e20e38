"""JSON that is not as the grammar has it: read as far as its meaning is plain, and named where it is not."""
