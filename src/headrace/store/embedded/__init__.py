"""The embedded store: one database in one folder, kept by one process. Imports point from store.py down: writer,
housekeeping, reading, documents, journal, segments, recent, series, files."""
