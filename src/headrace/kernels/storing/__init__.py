"""Rows on their way to disk and back: journal, recent, merges, deletes."""
