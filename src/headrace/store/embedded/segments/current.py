"""segments/current.json: which files count. Replaced as a whole; a file that it does not list does not exist."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

import msgspec

from headrace.errors import Corrupt
from headrace.store.embedded.files.durable import replaced_file, sync_folder
from headrace.store.embedded.files.names import CURRENT
from headrace.store.embedded.segments.files.meta import SegmentMeta

CURRENT_FORMAT = 2
"""From 2 on it may list segments of format 2. 1 is read as well."""


@dataclass(frozen=True, slots=True)
class SeriesFile:
    """A file with the names of `series` series."""

    file: str
    series: int


@dataclass(frozen=True, slots=True)
class DamagedFile:
    """A file that was set aside and no longer counts, and why."""

    file: str
    reason: str


@dataclass(frozen=True, slots=True)
class Current:
    """The content of current.json. File names are relative to its folder.

    sealed_through: every journal record up to this sequence is in the segments, or in `deletes`.
    deletes: the file of the deletes up to sealed_through under which rows of the segments may still fall; "" before
    there was any.
    """

    database: str
    format: int = CURRENT_FORMAT
    sealed_through: int = 0
    segments: tuple[SegmentMeta, ...] = ()
    series: tuple[SeriesFile, ...] = ()
    damaged: tuple[DamagedFile, ...] = field(default=())
    deletes: str = ""


class _Format(msgspec.Struct):
    format: int


def read_current(folder: Path) -> Current | None:
    """What counts in `folder`, or None when it has no current.json. Raises Corrupt when it cannot be understood."""
    path = folder / CURRENT
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return None
    try:
        written_format = msgspec.json.decode(content, type=_Format).format
        if not 1 <= written_format <= CURRENT_FORMAT:
            raise Corrupt(path, f"format {written_format}, this version of headrace reads 1 to {CURRENT_FORMAT}")
        return replace(msgspec.json.decode(content, type=Current), format=CURRENT_FORMAT)
    except msgspec.DecodeError as error:
        raise Corrupt(path, str(error)) from error


def write_current(folder: Path, current: Current) -> None:
    """On return `current` is what counts, also after a power cut. Raises OSError; then it may or may not count."""
    sync_folder(folder)  # the files it lists must be there before it is
    with replaced_file(folder / CURRENT) as file:
        file.write(msgspec.json.format(msgspec.json.encode(current), indent=1))
    sync_folder(folder)
