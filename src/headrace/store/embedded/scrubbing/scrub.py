"""The scrub: reads again, from the disk, one file after another of those that count, and says what came of it.

A segment that turns out damaged is set aside, as by a query that meets it; names and deletes, which memory has, are
written anew. What could not be read is named, and nothing is made of it.
"""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Protocol

import numpy as np
import pyarrow as pa
import structlog

from headrace import limits
from headrace.errors import Corrupt, Unavailable
from headrace.model.series import SeriesTable
from headrace.model.time import Clock
from headrace.store.embedded.documents.documents import Documents
from headrace.store.embedded.files.disk_file import BeforeRead, DiskFile
from headrace.store.embedded.parts import DOCUMENTS, Parts
from headrace.store.embedded.reading.visible import Visible
from headrace.store.embedded.scrubbing.counted import CountedFile, counted_files, names_counted
from headrace.store.embedded.scrubbing.record import ScrubRecord, Seen
from headrace.store.embedded.segments.files.pages import check_pages
from headrace.store.embedded.segments.files.segment import Segment

log = structlog.get_logger(__name__)


class SetsAside(Protocol):
    """Serves on without a damaged segment (housekeeping.Housekeeping)."""

    def set_aside(self, damage: Corrupt) -> bool:
        """False when it is no segment that counts. Never raises."""
        ...


class Scrub:
    """`read_next` and `write_record` are for one thread, all else for any."""

    def __init__(self, parts: Parts, housekeeping: SetsAside, data_dir: Path, clock: Clock) -> None:
        self._parts = parts
        self._housekeeping = housekeeping
        self._data_dir = data_dir
        self._clock = clock
        self._record = ScrubRecord(data_dir, parts.folder.current.database)

    def files(self) -> list[CountedFile]:
        """All that count now."""
        return counted_files(self._data_dir, self._parts.folder.current, self._record)

    @property
    def damaged(self) -> list[str]:
        """Files that count and are not what was written, a sentence each: those beside segments stay where they are."""
        return [f"{name}: {known.reason}" for name, known in self._failed() if known.damaged]

    @property
    def unreadable(self) -> int:
        """How many files could not be read when it was tried last."""
        return sum(not known.damaged for _, known in self._failed())

    def _failed(self) -> list[tuple[str, Seen]]:
        known = [(name, self._record.of(name)) for name in names_counted(self._parts.folder.current)]
        return [(name, seen) for name, seen in known if seen.failed is not None]

    def oldest_s(self) -> float:
        """For how many seconds nobody has looked at one of the files, at most."""
        now_ms = self._clock()
        return max((now_ms - one.since(now_ms) for one in self.files()), default=0) / 1000

    def read_next(self, before_read: BeforeRead) -> bool:
        """Read the file that was seen longest ago, and remember what came of it. Returns whether one was due.

        before_read: told of each step, of some 100 KB; what it raises ends the reading, and nothing is remembered.
        """
        now_ms = self._clock()
        due = [one for one in self.files() if one.is_due(now_ms)]
        if not due:
            return False
        one = min(due, key=lambda one: one.since(now_ms))
        seen = self._read(one, before_read)
        self._record.note(one.file, seen, names_counted(self._parts.folder.current))
        return True

    def write_record(self) -> None:
        """On return a restart knows when files were seen. Raises OSError, Unavailable."""
        self._parts.lock.check()
        self._record.write()

    def _read(self, one: CountedFile, before_read: BeforeRead) -> Seen:
        try:
            if one.file == DOCUMENTS:
                _look_through(self._parts.documents, before_read)
            else:
                self._read_parquet(one, before_read)
            return Seen(self._clock())
        except Corrupt as damage:
            return self._damaged(one, damage)
        except (OSError, Unavailable) as failure:
            return self._failed_to_read(one, failure)

    def _read_parquet(self, one: CountedFile, before_read: BeforeRead) -> None:
        path = self._data_dir / one.file
        with (
            _Pin(self._parts.visible, path),
            closing(DiskFile(path, before_read)) as file,
            pa.PythonFile(file, mode="r") as source,
        ):
            check_pages(path, source, one.footer_crc)

    def _damaged(self, one: CountedFile, damage: Corrupt) -> Seen:
        try:
            self._parts.lock.check()
        except Unavailable as failure:  # it was read in another directory
            return self._failed_to_read(one, failure)
        if self._housekeeping.set_aside(damage) or self._written_again(damage):
            return Seen()
        if self._is_new(one, damage.detail):
            log.error("a file is damaged", file=one.file, damage=damage.detail)
        return replace(one.seen, failed=self._clock(), reason=damage.detail, damaged=True)

    def _written_again(self, damage: Corrupt) -> bool:
        """Whether the file is of names or deletes, which memory has, and is as it should be now."""
        folder, table = self._parts.folder, self._parts.table
        if any(file.file == damage.file.name for file in folder.current.series) and _lacks_names(table):
            return False  # the damaged file may have them
        try:
            if not folder.write_again(damage, table.encoded_names):
                return False
        except OSError as failure:
            log.error("a damaged file cannot be written anew", file=str(damage.file), reason=str(failure))
            return False
        log.error("damage mended: the file is written anew", file=str(damage.file), damage=damage.detail)
        return True

    def _failed_to_read(self, one: CountedFile, failure: Exception) -> Seen:
        if self._is_new(one, str(failure)):
            log.error("a file cannot be read; it stays as it is", file=one.file, reason=str(failure))
        return replace(one.seen, failed=self._clock(), reason=str(failure), damaged=False)

    def _is_new(self, one: CountedFile, reason: str) -> bool:
        """Whether it has not been said before, of a file that still counts: what was merged meanwhile is gone."""
        return one.seen.reason != reason and one.file in names_counted(self._parts.folder.current)


def _lacks_names(table: SeriesTable) -> bool:
    """Whether the name of some series is lost."""
    every = np.arange(len(table), dtype=np.uint32)
    steps = (every[at : at + limits.SERIES_CHUNK] for at in range(0, len(every), limits.SERIES_CHUNK))
    return any(bool(np.any(table.encoded_names(step).lengths == 0)) for step in steps)


class _Pin:
    """In the block the segment at this path, if it is one that counts, is not unlinked."""

    def __init__(self, visible: Visible, path: Path) -> None:
        self._visible = visible
        self._path = path
        self._pinned: tuple[Segment, ...] = ()

    def __enter__(self) -> None:
        segments = self._visible.pin_segments()
        self._pinned = tuple(segment for segment in segments if segment.path == self._path)
        self._visible.release_segments(tuple(segment for segment in segments if segment.path != self._path))

    def __exit__(self, *_: object) -> None:
        self._visible.release_segments(self._pinned)


def _look_through(documents: Documents, before_read: BeforeRead) -> None:
    """All documents, some at a time. Raises Corrupt when SQLite finds the file malformed, OSError, Unavailable."""
    documents.forget_cached()
    behind: int | None = 0
    while behind is not None:
        size, behind = documents.look(behind)
        before_read(size)
