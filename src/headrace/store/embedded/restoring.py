"""Putting a segment back that was set aside as damaged, from a sound copy of it, while no server runs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from headrace.errors import Corrupt, HeadraceError
from headrace.store.embedded.files.durable import replaced_file, sync_folder
from headrace.store.embedded.files.folder_lock import FolderLock
from headrace.store.embedded.files.names import CURRENT, DAMAGED_SUFFIX
from headrace.store.embedded.parts import SEGMENTS
from headrace.store.embedded.segments.current import Current, read_current, write_current
from headrace.store.embedded.segments.files.description import describe_segment
from headrace.store.embedded.segments.files.meta import SegmentMeta


class NotAwaited(HeadraceError):  # noqa: N818 - nothing is wrong with the file
    """The database has no place for such a segment."""


def restore_segment(data_dir: Path, copy: Path) -> SegmentMeta:
    """Let the segment of which `copy` is a sound copy count again: its points, less what has been deleted since. On
    return it is on disk.

    Raises NotAwaited when the database does not wait for it, Corrupt when it is not what was written, Unavailable when
    a server runs or the disk fails; OSError when the disk does not take it.
    """
    lock = FolderLock(data_dir)
    try:
        folder = data_dir / SEGMENTS
        current = read_current(folder)
        if current is None:
            raise NotAwaited(f"{folder} has no {CURRENT}")
        meta = _awaited(current, copy.name.removesuffix(DAMAGED_SUFFIX))
        described, _ = describe_segment(copy.parent, copy.name, current.database)
        if replace(described, file=meta.file, footer_crc=meta.footer_crc) != meta or (
            meta.footer_crc is not None and described.footer_crc != meta.footer_crc
        ):
            raise Corrupt(copy, f"is sound, but not the segment {meta.file} that was set aside")
        with replaced_file(folder / meta.file) as file:
            file.write(copy.read_bytes())
        sync_folder(folder)
        write_current(folder, _with(current, meta))
        return meta
    finally:
        lock.release()


def _awaited(current: Current, file: str) -> SegmentMeta:
    for meta in current.restorable:
        if meta.file == file:
            return meta
    if any(damaged.file == file for damaged in current.damaged):
        raise NotAwaited(f"{file} was set aside, but deletes since then have been forgotten: it cannot count again")
    raise NotAwaited(f"{file} is no segment that was set aside")


def _with(current: Current, meta: SegmentMeta) -> Current:
    segments = tuple(sorted((*current.segments, meta), key=lambda one: one.max_sequence))
    damaged = tuple(one for one in current.damaged if one.file != meta.file)
    return replace(current, segments=segments, damaged=damaged)
