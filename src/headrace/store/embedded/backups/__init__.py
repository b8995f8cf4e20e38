"""Backups of a database, also of one in use, and the way back (docs/decisions/backup.md)."""
