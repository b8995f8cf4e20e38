"""What was dropped for its age and is kept for its grace, in a folder of its own that no pattern for segments meets.

A file gets there by a rename after current.json has listed it as dropped, so at any moment of a crash it is listed as
counting, or as dropped, and lies where its entry says. What lies there and is not listed was put there by somebody
else, and is left alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from headrace.store.embedded.files.durable import rename, sync_folder
from headrace.store.embedded.files.listing import matching
from headrace.store.embedded.files.names import (
    DROPPED,
    TEMPORARY_SUFFIX,
    dropped_file,
    number_of_dropped,
    points_file,
)
from headrace.store.embedded.segments.current import Current, DroppedFile
from headrace.store.embedded.segments.files.meta import SegmentMeta


def next_number(folder: Path, current: Current) -> int:
    """Of the next file that is dropped.   folder: of the segments."""
    names = [*(dropped.file for dropped in current.dropped), *(path.name for path in matching(folder / DROPPED, "*"))]
    return max(map(number_of_dropped, names), default=0) + 1


def drop_whole(folder: Path, current: Current, metas: Iterable[SegmentMeta]) -> tuple[DroppedFile, ...]:
    """Entries for segments that are dropped as they are."""
    first = next_number(folder, current)
    return tuple(
        DroppedFile(dropped_file(number, meta.file), meta.file, meta) for number, meta in enumerate(metas, first)
    )


def name_of_left_out(folder: Path, current: Current, sequences: tuple[int, int], deletes_through: int) -> str:
    """The name, beside the segments, under which rows are written that a new file leaves out. They are not listed as
    dropped before that file counts, so until then it is the name of a temporary file."""
    name = dropped_file(next_number(folder, current), points_file(*sequences, deletes_through))
    return name + TEMPORARY_SUFFIX


def drop_left_out(written: SegmentMeta) -> DroppedFile:
    """The entry for rows that were written under a name of `name_of_left_out`."""
    file = written.file.removesuffix(TEMPORARY_SUFFIX)
    name = points_file(written.min_sequence, written.max_sequence, written.deletes_applied)
    return DroppedFile(file, written.file, replace(written, file=name))


def path_of(folder: Path, dropped: DroppedFile) -> Path | None:
    """Where its file lies, None when it is gone.   folder: of the segments."""
    places = [folder / DROPPED / dropped.file, *([folder / dropped.source] if dropped.source else [])]
    return next((place for place in places if place.exists()), None)


def move(folder: Path, entries: Sequence[DroppedFile]) -> None:
    """Let each listed file lie where it belongs; those that do already, or are gone, are passed over. Whoever reads one
    may read on. Raises OSError, and may then be called again."""
    left = [dropped for dropped in entries if dropped.source and (folder / dropped.source).exists()]
    if not left:
        return
    (folder / DROPPED).mkdir(exist_ok=True)
    for dropped in left:
        rename(folder / dropped.source, folder / DROPPED / dropped.file)
    sync_dropped(folder)
    sync_folder(folder)


def sync_dropped(folder: Path) -> None:
    """What has gone from the folder of dropped files is gone for good: a power cut must not bring it back after it is
    no longer listed. Raises OSError."""
    if (folder / DROPPED).exists():
        sync_folder(folder / DROPPED)
