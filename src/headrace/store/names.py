"""Every name that the segments folder may hold."""

from __future__ import annotations

CURRENT = "current.json"

TEMPORARY_SUFFIX = ".tmp"
"""A file being written; swept at opening."""

DAMAGED_SUFFIX = ".damaged"
"""Added to the name of a segment that could not be read; kept for the operator."""

POINTS_PATTERN = "points-*.parquet"
SERIES_PATTERN = "series-*.parquet"


def points_file(min_sequence: int, max_sequence: int) -> str:
    """A segment's name says which journal records it came from; names sort in the order of versions."""
    return f"points-{min_sequence:016d}-{max_sequence:016d}.parquet"


def series_file(sequence: int) -> str:
    """The series that were new when the journal was sealed through `sequence`."""
    return f"series-{sequence:016d}.parquet"
