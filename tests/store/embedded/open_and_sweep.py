"""The segments folder alone, opened as a store does whose journal has everything that is not sealed."""

from __future__ import annotations

from pathlib import Path

from headrace.errors import Corrupt
from headrace.store.embedded.segments.files.segment import Segment
from headrace.store.embedded.segments.folder import SegmentFolder, open_folder


def open_and_sweep(path: Path, database: str) -> tuple[SegmentFolder, list[Segment], list[Corrupt]]:
    """The folder, its segments that can be read, and what is wrong with the others."""
    opened = open_folder(path, database)
    opened.settle()
    return opened.folder, opened.segments, opened.damaged
