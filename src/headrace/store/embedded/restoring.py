"""Putting segments back, while no server runs: one that was set aside as damaged, from a sound copy of it, and what was
dropped for its age, while its grace lasts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from headrace.errors import Corrupt
from headrace.store.embedded.bringing_back import NotAwaited, bring_back
from headrace.store.embedded.files.durable import copy_file, sync_folder
from headrace.store.embedded.files.folder_lock import FolderLock
from headrace.store.embedded.files.names import CURRENT, DAMAGED_SUFFIX
from headrace.store.embedded.parts import SEGMENTS
from headrace.store.embedded.segments.current import Current, read_current, write_current
from headrace.store.embedded.segments.files.description import describe_segment
from headrace.store.embedded.segments.files.meta import SegmentMeta


def restore_segments(data_dir: Path, copies: Sequence[Path]) -> Iterator[tuple[str, int]]:
    """Let segments count again, less what has been deleted: those that were set aside, of which `copies` holds sound
    copies, then dropped files, which it names. Yields the name and the points of each when it counts on disk.

    Raises NotAwaited when the database does not wait for one, Corrupt when it is not what was written, Unavailable when
    a server runs or the disk fails; OSError when the disk does not take it. Those that were yielded before count.
    """
    lock = FolderLock(data_dir)
    try:
        folder = data_dir / SEGMENTS
        current = _current(folder)
        dropped = {dropped.file for dropped in current.dropped} & {copy.name for copy in copies}
        for copy in copies:
            if copy.name not in dropped:
                meta = _awaited(current, copy.name.removesuffix(DAMAGED_SUFFIX))
                current = _restore(folder, current, meta, copy)
                yield meta.file, meta.rows
        for back in bring_back(folder, current, dropped):
            yield back.file, back.meta.rows
    finally:
        lock.release()


def _current(folder: Path) -> Current:
    current = read_current(folder)
    if current is None:
        raise NotAwaited(f"{folder} has no {CURRENT}")
    return current


def _restore(folder: Path, current: Current, meta: SegmentMeta, copy: Path) -> Current:
    described, _ = describe_segment(copy.parent, copy.name, current.database)
    if replace(described, file=meta.file, footer_crc=meta.footer_crc) != meta or (
        meta.footer_crc is not None and described.footer_crc != meta.footer_crc
    ):
        raise Corrupt(copy, f"is sound, but not the segment {meta.file} that was set aside")
    copy_file(copy, folder / meta.file)
    sync_folder(folder)
    current = _with(current, meta)
    write_current(folder, current)
    return current


def _awaited(current: Current, file: str) -> SegmentMeta:
    for meta in current.restorable:
        if meta.file == file:
            return meta
    if any(damaged.file == file for damaged in current.damaged):
        raise NotAwaited(f"{file} was set aside, but deletes since then have been forgotten: it cannot count again")
    raise NotAwaited(f"{file} is no segment that was set aside, and not among what was dropped and is still kept")


def _with(current: Current, meta: SegmentMeta) -> Current:
    segments = tuple(sorted((*current.segments, meta), key=lambda one: one.max_sequence))
    damaged = tuple(one for one in current.damaged if one.file != meta.file)
    return replace(current, segments=segments, damaged=damaged)
