"""Snapshots: what is visible at one moment, and the reads from it."""
