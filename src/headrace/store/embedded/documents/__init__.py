"""What is no point: documents on disk and in memory, and the catalog of names."""
