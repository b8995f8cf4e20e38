"""Every name that the segments folder may hold."""

from __future__ import annotations

import re
from itertools import count
from pathlib import Path

CURRENT = "current.json"

TEMPORARY_SUFFIX = ".tmp"
"""A file being written; swept at opening."""

DROPPED = "dropped"
"""The folder in the segments folder where lies what was dropped for its age, for its grace."""

DAMAGED_SUFFIX = ".damaged"
"""Added to the name of a segment that could not be read; kept for the operator."""

POINTS_PATTERN = "points-*.parquet"
SERIES_PATTERN = "series-*.parquet"
DELETES_PATTERN = "deletes-*.parquet"


EMPTY_POINTS = "empty-points.parquet"
EMPTY_SERIES = "empty-series.parquet"
"""Without rows, with all columns, for programs that read the folder (docs/format/segments.md); nothing here does."""


def points_file(min_sequence: int, max_sequence: int, deletes_through: int = 0, rewritten: int = 0) -> str:
    """A segment's name says which journal records it came from, and through which later one deletes were applied, so
    that a segment rewritten for them has a name of its own. Names sort in the order of versions.

    rewritten: how often a segment was rewritten beside that, because its rows had expired."""
    through = f"-{deletes_through:016d}" if deletes_through > max_sequence else ""
    again = f".{rewritten}" if rewritten else ""
    return f"points-{min_sequence:016d}-{max_sequence:016d}{through}{again}.parquet"


def next_rewritten(name: str) -> int:
    """What `rewritten` is for a file that takes the place of the segment of this name."""
    before, _, number = name.removesuffix(".parquet").rpartition(".")
    return int(number) + 1 if before else 1


def free_points_file(folder: Path, min_sequence: int, max_sequence: int, deletes_through: int) -> str:
    """As `points_file`, a name that no file in the folder has."""
    names = (points_file(min_sequence, max_sequence, deletes_through, rewritten) for rewritten in count())
    return next(name for name in names if not (folder / name).exists())


def dropped_file(number: int, name: str) -> str:
    """In the folder of what was dropped, where two may come from the same records."""
    return f"{number:010d}-{name}"


def number_of_dropped(name: str) -> int:
    """0 for a name that is none of ours."""
    number, _, _ = name.partition("-")
    return int(number) if number.isdecimal() else 0


def deletes_file(sequence: int) -> str:
    """The deletes that were pending when the journal was sealed through `sequence`."""
    return f"deletes-{sequence:016d}.parquet"


def series_file(first: int, end: int) -> str:
    """The series with ordinals first .. end - 1. A merged file never has the name of one that it is made of."""
    return f"series-{first:010d}-{end:010d}.parquet"


_OF_SEQUENCES = re.compile(r"(?:points-\d{16}|deletes)-(\d{16})")


def last_sequence_of(name: str) -> int:
    """The last record of the journal from which a file of points or deletes came, by its name; 0 for any other."""
    found = _OF_SEQUENCES.match(name)
    return int(found[1]) if found else 0
