"""The journal: what has been acknowledged, in append-only files of records (docs/format/journal.md).

journal_reader.Replay reads what is there, then a Journal goes on behind it, always in a new file. A file begins to
exist durably before anything in it is acknowledged, and its first sequence disowns whatever an older file holds from
there on: that is what makes the remains of a failed write harmless, whether or not they could be cut off.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Protocol

import structlog

from headrace import limits
from headrace.errors import Unavailable
from headrace.store.embedded.files.durable import replaced_file, sync_file, sync_folder
from headrace.store.embedded.files.names import TEMPORARY_SUFFIX
from headrace.store.embedded.journal.format import crc_seed, encode_file_header, file_name, frame_commit
from headrace.store.embedded.journal.reader import JournalFile, Replay
from headrace.store.embedded.journal.records import Buffer, Record

log = structlog.get_logger(__name__)

IOV_MAX = 1024
"""Buffers that one pwritev takes (Linux: UIO_MAXIOV)."""

_ROOM_AHEAD = memoryview(bytes(limits.JOURNAL_AHEAD_BYTES))


class Place(Protocol):
    """The data directory (files.FolderLock)."""

    def check(self) -> None:
        """Raises Unavailable when it is not the one that was opened."""
        ...


class Journal:
    """The writer thread appends, probes and rotates; any one other thread may unlink; sizes may be read anywhere."""

    def __init__(self, replay: Replay, place: Place | None = None) -> None:
        """replay: of the same folder, iterated to its end.   place: where that folder is, None: it is not
        moved."""
        self._place = place
        self._folder = replay.folder
        self._database_id = replay.database_id
        self._last_sequence = replay.last_sequence
        self._lock = threading.Lock()
        self._closed = list(replay.files)
        self._keepers = 0
        """How many keep files from being unlinked."""
        self._current: _CurrentFile | None = None

    def begin(self) -> None:
        """Make the next file now, durably, if none is open: a journal that was ever begun is never without a file, so
        that one whose files are gone is known by it. Raises Unavailable."""
        if self._current is None:
            self._begin()

    @property
    def last_sequence(self) -> int:
        """Of the last record that is durable."""
        return self._last_sequence

    @property
    def newest_first(self) -> int:
        """The sequence with which the newest file begins, 0 without any."""
        return max((file.first for file in self.files()), default=0)

    @property
    def bytes(self) -> int:
        """Of all files together."""
        with self._lock:
            return sum(file.bytes for file in self._closed) + (self._current.bytes if self._current else 0)

    def append(self, records: Sequence[Record]) -> int:
        """Write the records as one commit and sync it. Returns the sequence of the last one; the first has
        last_sequence + 1. On return they survive a power cut, all of them; after a crash during the call all or none.

        Raises Unavailable when the disk is full or fails: then none of them counts, the file is never touched again,
        and the next append begins another one.
        """
        current = self._current or self._begin()
        framed = frame_commit(records, self._last_sequence + 1, current.seed)
        size = sum(map(len, framed))
        if size <= limits.JOURNAL_SMALL_COMMIT_BYTES:
            framed = [b"".join(framed)]
            if current.bytes + size > current.end:
                framed.append(_ROOM_AHEAD)
        try:
            written = _write(current.descriptor, framed, current.bytes)
            os.fdatasync(current.descriptor)
        except OSError as error:
            # The kernel may have thrown away what it could not write, and say of a second sync that all is well.
            self._close(current)
            raise Unavailable(f"cannot write the journal: {error.strerror}") from error
        current.end = max(current.end, current.bytes + written)
        current.bytes += size
        self._last_sequence += len(records)
        return self._last_sequence

    def probe(self) -> None:
        """Find out whether the disk takes writes again, and begin a new file if none is open. Raises Unavailable."""
        if self._place is not None:
            self._place.check()
        probe = self._folder / f"probe{TEMPORARY_SUFFIX}"
        try:
            try:
                with probe.open("wb") as file:
                    file.write(bytes(limits.PROBE_BYTES))
                    file.flush()
                    sync_file(file.fileno())
            finally:
                probe.unlink(missing_ok=True)
        except OSError as error:
            raise Unavailable(f"cannot write the journal: {error.strerror}") from error
        self.begin()

    def rotate(self) -> None:
        """What is appended from now on goes to a new file. It is begun now if the disk lets it, else by the next
        append."""
        if self._current is not None:
            self._close(self._current)
            with suppress(Unavailable):
                self._begin()

    @contextmanager
    def keeping_files(self) -> Iterator[None]:
        """In the block no file is unlinked; those that have become needless meanwhile go with the next. Any thread."""
        with self._lock:
            self._keepers += 1
        try:
            yield
        finally:
            with self._lock:
                self._keepers -= 1

    def files(self) -> list[JournalFile]:
        """All files, ascending, each with the bytes that are durable and count. Any thread."""
        with self._lock:
            current = self._current
            newest = [JournalFile(current.first, current.path, current.bytes)] if current else []
            return [*self._closed, *newest]

    def unlink_through(self, sequence: int) -> int:
        """Unlink closed files that hold no record after `sequence`, but the newest file of all stays; returns their
        bytes. Raises Unavailable."""
        with self._lock:
            if self._keepers:
                return 0
            firsts = [file.first for file in self._closed]
            firsts += [self._current.first] if self._current else []
            done = [
                file for file, following in zip(self._closed, firsts[1:], strict=False) if following <= sequence + 1
            ]
            self._closed = self._closed[len(done) :]
        try:
            for file in done:
                file.path.unlink(missing_ok=True)
            if done:
                sync_folder(self._folder)
        except OSError as error:
            with self._lock:
                self._closed = [*done, *self._closed]
            raise Unavailable(f"cannot unlink journal files: {error.strerror}") from error
        return sum(file.bytes for file in done)

    def close(self) -> None:
        """No append may follow. What was appended is durable already."""
        if self._current is not None:
            self._close(self._current)

    def _begin(self) -> _CurrentFile:
        """Make a new file, durably. It may take the place of one of the same name that never held a record that
        counts."""
        if self._place is not None:
            self._place.check()
        first = self._last_sequence + 1
        path = self._folder / file_name(first)
        header = encode_file_header(self._database_id, first)
        try:
            with replaced_file(path) as file:
                file.write(header)
            sync_folder(self._folder)
            descriptor = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
        except OSError as error:
            raise Unavailable(f"cannot begin a journal file: {error.strerror}") from error
        current = _CurrentFile(first, path, descriptor, crc_seed(self._database_id, first), len(header))
        with self._lock:
            self._closed = [file for file in self._closed if file.path != path]
            self._current = current
        return current

    def _close(self, current: _CurrentFile) -> None:
        """Cutting off what lies behind the last commit is a courtesy to the next opening, which does not rely on it."""
        try:
            os.ftruncate(current.descriptor, current.bytes)
        except OSError as error:
            log.warning("cannot cut a journal file behind its end", file=current.path.name, error=str(error))
        with self._lock:
            self._closed = [*self._closed, JournalFile(current.first, current.path, current.bytes)]
            self._current = None
        try:
            os.close(current.descriptor)
        except OSError as error:
            # What counts in it was synced before; an error of what was not is no news.
            log.warning("closing a journal file failed", file=current.path.name, error=str(error))


class _CurrentFile:
    """The file that is appended to.

    bytes: up to where it holds commits that count.   end: up to where it may hold anything; between them lie zeros,
    room that small commits brought along: a sync of bytes that the file has already need not write its size as well.
    """

    def __init__(self, first: int, path: Path, descriptor: int, seed: int, size: int) -> None:
        self.first = first
        self.path = path
        self.descriptor = descriptor
        self.seed = seed
        self.bytes = self.end = size


def _write(descriptor: int, buffers: Sequence[Buffer], offset: int) -> int:
    """Write all from `offset` on, however often the kernel takes only a part; returns the bytes. Raises OSError."""
    views = list(buffers)
    total = 0
    at = 0
    while at < len(views):
        written = os.pwritev(descriptor, views[at : at + IOV_MAX], offset + total)
        total += written
        while at < len(views) and written >= len(views[at]):
            written -= len(views[at])
            at += 1
        if written:
            views[at] = views[at][written:]
    return total
