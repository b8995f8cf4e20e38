"""Copies of the database inside of its own directory, for a while: of hard links wherever that is possible."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import structlog

from headrace.errors import Unavailable
from headrace.store.embedded.files.disk_space import DiskSpace
from headrace.store.embedded.parts import ACCESS, CATALOG, DOCUMENTS, JOURNAL, SEGMENTS, STREAMING, VERIFYING, Parts

log = structlog.get_logger(__name__)

T = TypeVar("T")


class OwnCopies:
    """Any thread."""

    def __init__(self, parts: Parts, disk: DiskSpace) -> None:
        self._parts = parts
        self._disk = disk
        self.data_dir = parts.folder.folder.parent.absolute()

    def make(self, place: Path, copy_out: Callable[[Path], T]) -> T:
        """What `copy_out` returns, which takes a backup into the folder `place` below data_dir. Raises Unavailable when
        there is no room, and what it raises."""
        needed_bytes = self._bytes_needed()
        if self._disk.free_bytes() - needed_bytes < self._disk.reserve_bytes // 2:
            raise Unavailable(f"a copy of {needed_bytes // 1_000_000} MB would take the room that sealing may need")
        return copy_out(place)

    def _bytes_needed(self) -> int:
        """SQLite's files are copied, and once more to be read; the journal's newest file is; and all else that lies on
        another file system."""
        sqlite = [f"{name}{beside}" for name in (CATALOG, DOCUMENTS, ACCESS) for beside in ("", "-wal")]
        needed = 2 * sum(_bytes_of(self.data_dir / name) for name in sqlite)
        files = self._parts.journal.files()
        here = self.data_dir.stat().st_dev
        needed += sum(file.bytes for file in (files[-1:] if (self.data_dir / JOURNAL).stat().st_dev == here else files))
        if (self.data_dir / SEGMENTS).stat().st_dev != here:
            needed += sum(meta.bytes for meta in self._parts.folder.current.segments)
        return needed


def remove_copies(data_dir: Path, *names: str) -> None:
    """Those of `names`, by default all: what is in use no more, or was when a crash came. Never raises: what stays
    lies there until the next start, and nobody takes it for anything."""
    for name in names or (VERIFYING, STREAMING):
        try:
            shutil.rmtree(data_dir / name)
        except FileNotFoundError:
            pass
        except OSError as failure:
            log.warning("a copy of the database stays until the next start", folder=name, reason=str(failure))


def _bytes_of(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0
