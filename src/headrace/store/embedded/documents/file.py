"""documents.sqlite: documents on disk, through which record of the journal, and what is damaged of them.

docs/format/documents.md has the tables. One thread writes, any reads: each reading borrows a connection of its own, and
SQLite's WAL lets both go on side by side. What was written is synced on return, so the journal may go.
"""

from __future__ import annotations

import sqlite3
import threading
from collections import deque
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

from isal import isal_zlib

from headrace import limits
from headrace.errors import Corrupt, Unavailable
from headrace.store import Document, DocumentRange
from headrace.store.embedded.files.disk_file import forget_cached
from headrace.store.embedded.files.durable import sync_folder
from headrace.store.embedded.files.sqlite_files import (
    are_of,
    check_tables,
    complaints,
    descriptor_of,
    failures_as_ours,
    is_sound,
    let_go,
    sound_but_unusable,
    transaction,
)

FORMAT = 2
FORMAT_WITHOUT_GONE = 1

_SCHEMA = (
    "CREATE TABLE state (format INTEGER NOT NULL, database BLOB NOT NULL, applied INTEGER NOT NULL)",
    "CREATE TABLE documents (id INTEGER PRIMARY KEY, kind TEXT NOT NULL, key TEXT NOT NULL, body BLOB NOT NULL,"
    " crc INTEGER NOT NULL, UNIQUE (kind, key))",
    "CREATE TABLE damage (what TEXT PRIMARY KEY)",
)
_SCHEMA_OF_GONE = (
    "CREATE TABLE gone (kind TEXT NOT NULL, first TEXT NOT NULL, end TEXT NOT NULL, through INTEGER NOT NULL)"
)

_SCHEMA_OF_PROGRESS = "CREATE TABLE IF NOT EXISTS progress (applied INTEGER NOT NULL, crc INTEGER NOT NULL)"

_THERE = (
    " AND NOT EXISTS (SELECT 1 FROM gone WHERE documents.kind = gone.kind AND documents.key >= first"
    " AND documents.key < end AND documents.id <= through)"
)
_GET = "SELECT body, crc FROM documents WHERE kind = ? AND key = ?" + _THERE
_RANGE = " FROM documents WHERE kind = ? AND key >= ? AND key < ?" + _THERE + " ORDER BY key"
_KEYS = "SELECT key" + _RANGE
_BETWEEN = "SELECT key, body, crc" + _RANGE
_BETWEEN_BACKWARDS = _BETWEEN + " DESC"
_BEHIND = "SELECT id, kind, key, body, crc FROM documents WHERE id > ?" + _THERE + " ORDER BY id"
_PUT = (
    "INSERT INTO documents (kind, key, body, crc) VALUES (?, ?, ?, ?)"
    " ON CONFLICT (kind, key) DO UPDATE SET body = excluded.body, crc = excluded.crc"
)
_DELETE = "DELETE FROM documents WHERE kind = ? AND key = ?"
_NOTE = "INSERT OR IGNORE INTO damage VALUES (?)"
_DELETE_ID = "DELETE FROM documents WHERE id = ?"
_PIECE = "SELECT id, key, length(body) FROM documents WHERE kind = ? AND key >= ? AND key < ? AND id <= ? ORDER BY key"
_PUT_AS = "INSERT INTO documents (id, kind, key, body, crc) VALUES (?, ?, ?, ?, ?)"
_HIGHEST_ID = "SELECT coalesce(max(id), 0) FROM documents"
_HIGHEST_GONE = "SELECT max(through) FROM gone"
_FIRST_GONE = "SELECT rowid, kind, first, end, through FROM gone ORDER BY rowid LIMIT 1"

_CHECK = "integrity_check(1)"

Span = tuple[str, str]
"""Keys from the first on and below the second."""


class Piece(NamedTuple):
    """So much one transaction may delete of ranges: rows, and bytes of bodies, the last of which may go over."""

    rows: int
    bytes: int


class Looked(NamedTuple):
    """What one look at documents found. bytes: of their bodies.   damaged: kind and key as they stand there, and what
    is wrong.   through: the id of the last, None when no more follow."""

    bytes: int
    damaged: list[tuple[str, str, Corrupt]]
    through: int | None


ALL_IDS = 2**63 - 1


class DocumentFile:
    """`write`, `sweep` and `note` are for one thread at a time, all else for any. Open from construction to `close`."""

    def __init__(self, path: Path, database_id: bytes, missed: Sequence[str] = ()) -> None:
        """Open the file, or begin one where there is none: it is on disk on return.

        database_id: 16 bytes.   missed: what a new file is to remember as lost, a sentence each.
        Raises Corrupt when the file is damaged, Unavailable when the disk fails.
        """
        self.path = path
        self._applied = 0
        self._idle: deque[sqlite3.Connection] = deque()
        self._readings = 0
        self._closed = False
        self._changed = threading.Condition()
        with failures_as_ours(path):
            self._connection = self._connect_to_write()
        try:
            with failures_as_ours(path):
                self._begin_or_read(database_id, missed)
        except BaseException:
            self._connection.close()
            let_go(path)
            raise

    def connect_again(self) -> None:
        """After an error that was the disk's: the next `write` goes by a connection that remembers none. Raises
        Unavailable. For the thread that writes."""
        with failures_as_ours(self.path):
            replaced, self._connection = self._connection, self._connect_to_write()
            replaced.close()
            self._set_up()

    def _connect_to_write(self) -> sqlite3.Connection:
        return sqlite3.connect(self.path, isolation_level=None, check_same_thread=False)

    def _set_up(self) -> None:
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = FULL")
        self._connection.execute(f"PRAGMA journal_size_limit = {limits.DOCUMENT_WAL_BYTES}")

    def _begin_or_read(self, database_id: bytes, missed: Sequence[str]) -> None:
        # Only a new file takes the first: room that deleted documents leave can be given back step by step.
        self._connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
        self._set_up()
        if not self._connection.execute("SELECT 1 FROM sqlite_schema WHERE name = 'state'").fetchone():
            with transaction(self._connection):
                for statement in (*_SCHEMA, _SCHEMA_OF_GONE):
                    self._connection.execute(statement)
                self._connection.execute("INSERT INTO state VALUES (?, ?, 0)", (FORMAT, database_id))
                self._connection.executemany(_NOTE, [(what,) for what in missed])
            sync_folder(self.path.parent)
        found = self._connection.execute("SELECT format, database, applied FROM state").fetchone()
        state: tuple[Any, ...] = found or ()
        if not are_of(state, int, bytes, int):
            raise Corrupt(self.path, "does not say what it is")
        self.format, self.database, self._applied = state
        if self.format == FORMAT_WITHOUT_GONE and self.database == database_id:
            with transaction(self._connection):
                self._connection.execute(_SCHEMA_OF_GONE)
                self._connection.execute("UPDATE state SET format = ?", (FORMAT,))
            self.format = FORMAT
        self.damage: list[str] = [str(what) for (what,) in self._connection.execute("SELECT what FROM damage")]
        """What was ever lost."""
        if self.format == FORMAT and self.database == database_id:
            self._check_progress()
            self._check_whole()

    def _check_progress(self) -> None:
        """A wrong `applied` would let changes that the journal has be passed over. A file that was begun before it was
        checked says it once."""
        self._connection.execute(_SCHEMA_OF_PROGRESS)
        check_tables(self._connection, self.path, (*_SCHEMA, _SCHEMA_OF_GONE, _SCHEMA_OF_PROGRESS))
        progress = self._connection.execute("SELECT applied, crc FROM progress").fetchone()
        if progress is None:
            self._connection.execute("INSERT INTO progress VALUES (?, ?)", self._progress(self._applied))
        elif progress != self._progress(self._applied):
            raise Corrupt(self.path, "does not say through which change it is right")

    def _progress(self, applied: int) -> tuple[int, int]:
        return applied, isal_zlib.crc32(applied.to_bytes(8, "little"), isal_zlib.crc32(self.database))

    def _check_whole(self) -> None:
        """Of a small file: are its rows found by their names? A large one would hold up the start."""
        if self.path.stat().st_size > limits.DOCUMENTS_CHECKED_BYTES:
            return
        if found := complaints(self._connection, self.path, _CHECK):
            if is_sound(self.path, _CHECK):
                raise sound_but_unusable(self.path, found[0])
            raise Corrupt(self.path, found[0])

    @property
    def applied(self) -> int:
        """Every change of documents in the journal up to this sequence is in the file."""
        return self._applied

    def get(self, kind: str, key: str) -> bytes | None:
        """The body of a document, None where there is none. Raises Corrupt, Unavailable."""
        with self._reading() as connection:
            found = connection.execute(_GET, (kind, key)).fetchone()
        if found is None:
            return None
        body, crc = found
        if not _is_right(kind, key, body, crc):
            raise self._damaged(kind, key)
        return bytes(body)

    @contextmanager
    def between(
        self, kind: str, spans: Sequence[Span], backwards: bool = False
    ) -> Iterator[Iterator[tuple[str, bytes | Corrupt]]]:
        """The documents of a kind in these spans (in rising order, apart) as they are at this moment, rising by key or
        falling; a damaged one with what is wrong instead of its body. Raises Corrupt when nobody can tell which there
        are, Unavailable."""
        with self._one_state() as connection, closing(self._rows(connection, kind, spans, backwards)) as rows:
            yield rows

    def keys(self, kind: str, spans: Sequence[Span]) -> list[str]:
        """As `between`, rising, without a look at the bodies."""
        with self._one_state() as connection:
            return [str(key) for span in spans for (key,) in connection.execute(_KEYS, (kind, *span))]

    def rows(self) -> Iterator[Document | Corrupt]:
        """Every row as it stands in the file, also those that are gone and not swept yet; of a damaged one what is
        wrong. Raises Corrupt, Unavailable."""
        with self._one_state() as connection:
            for row in connection.execute("SELECT kind, key, body, crc FROM documents"):
                kind, key, body, crc = row
                sound = isinstance(kind, str) and _is_right(kind, key, body, crc)
                yield Document(kind, key, body) if sound else self._damaged(kind, key)

    def look(self, behind: int, bytes_max: int) -> Looked:
        """At the documents with ids behind this one, in their order, until their bodies come to bytes_max. Raises
        Corrupt, Unavailable."""
        size = 0
        damaged = []
        with self._reading() as connection, closing(connection.execute(_BEHIND, (behind,))) as rows:
            for number, kind, key, body, crc in rows:
                if not isinstance(kind, str) or not _is_right(kind, key, body, crc):
                    damaged.append((kind, key, self._damaged(kind, key)))
                size += len(body) if isinstance(body, bytes | str) else 0
                if size >= bytes_max:
                    return Looked(size, damaged, number)
        return Looked(size, damaged, None)

    def forget_cached(self) -> None:
        """What is read next comes from the disk, but for what a connection remembers itself (2 MB). Raises OSError,
        Unavailable."""
        with self._reading():
            forget_cached(descriptor_of(self.path))

    @contextmanager
    def _one_state(self) -> Iterator[sqlite3.Connection]:
        with self._reading() as connection:
            connection.execute("BEGIN")
            try:
                yield connection
            finally:
                if connection.in_transaction:  # SQLite ends it by itself when the disk fails
                    connection.execute("ROLLBACK")

    def _rows(
        self, connection: sqlite3.Connection, kind: str, spans: Sequence[Span], backwards: bool
    ) -> Generator[tuple[str, bytes | Corrupt]]:
        for first, end in reversed(spans) if backwards else spans:
            rows = connection.execute(_BETWEEN_BACKWARDS if backwards else _BETWEEN, (kind, first, end))
            for key, body, crc in rows:
                yield str(key), body if _is_right(kind, key, body, crc) else self._damaged(kind, key)

    def write(self, ranges: Iterable[DocumentRange], documents: Iterable[Document], applied: int) -> None:
        """Take the ranges away, then change the documents; on return it is on disk, and all changes of the journal up
        to `applied` are. Of a large range most rows stay, marked as gone, for `sweep`. Raises Unavailable or Corrupt,
        and then nothing has changed."""
        with failures_as_ours(self.path):
            with transaction(self._connection):
                self._take_away(ranges)
                self._put(documents)
                self._connection.execute("UPDATE state SET applied = ?", (applied,))
                self._connection.execute("UPDATE progress SET applied = ?, crc = ?", self._progress(applied))
            self._applied = applied
            self._give_room_back()

    def sweep(self) -> bool:
        """Delete some of the rows that are gone. Returns whether there were any. For the thread that writes. Raises
        Unavailable or Corrupt."""
        with failures_as_ours(self.path):
            gone = self._connection.execute(_FIRST_GONE).fetchone()
            if gone is None:
                return False
            number, kind, first, end, through = gone
            with transaction(self._connection):
                _, left_from = self._delete_some(DocumentRange(kind, first, end), through, _whole_piece())
                if left_from is None:
                    self._connection.execute("DELETE FROM gone WHERE rowid = ?", (number,))
                else:
                    self._connection.execute("UPDATE gone SET first = ? WHERE rowid = ?", (left_from, number))
            self._give_room_back()
            return True

    def _take_away(self, ranges: Iterable[DocumentRange]) -> None:
        left = _whole_piece()
        for gone in ranges:
            left, left_from = self._delete_some(gone, ALL_IDS, left)
            if left_from is not None:
                [highest] = self._connection.execute(_HIGHEST_ID).fetchone()
                self._connection.execute(
                    "INSERT INTO gone VALUES (?, ?, ?, ?)", (gone.kind, left_from, gone.end, highest)
                )

    def _delete_some(self, gone: DocumentRange, through: int, left: Piece) -> tuple[Piece, str | None]:
        """Of the rows up to id `through`, as many as fit, in the order of their keys. Returns what else would fit, and
        the key from which rows are left, None when none is."""
        ids, left_from = [], None
        with closing(self._connection.execute(_PIECE, (*gone, through))) as rows:
            for number, key, size in rows:
                if left.rows < 1 or left.bytes < 1:
                    left_from = key
                    break
                ids.append((number,))
                left = Piece(left.rows - 1, left.bytes - size)
        self._connection.executemany(_DELETE_ID, ids)
        return left, left_from

    def _put(self, documents: Iterable[Document]) -> None:
        [gone_through] = self._connection.execute(_HIGHEST_GONE).fetchone()
        [highest] = self._connection.execute(_HIGHEST_ID).fetchone()
        new_ids = count(max(highest, gone_through or 0) + 1)
        for kind, key, body in documents:
            if body is None or gone_through is not None:
                self._connection.execute(_DELETE, (kind, key))
            if body is None:
                continue
            row = (kind, key, body, _crc(kind, key, body))
            if gone_through is None:
                self._connection.execute(_PUT, row)
            else:  # with the id of a row that is gone it would be gone too
                self._connection.execute(_PUT_AS, (next(new_ids), *row))

    def _give_room_back(self) -> None:
        # A row a page, but of no column: `execute` would stop at the first.
        self._connection.executescript(f"PRAGMA incremental_vacuum({limits.DOCUMENT_PAGES_GIVEN_BACK})")

    def note(self, damage: Sequence[str]) -> None:
        """Remember what is lost. Raises Unavailable or Corrupt."""
        with failures_as_ours(self.path), transaction(self._connection):
            self._connection.executemany(_NOTE, [(what,) for what in damage])
        self.damage += damage

    def close(self) -> None:
        """Wait for readings to end; a later one gets Unavailable. Nobody may write any more. What was written is on
        disk already, and no descriptor stays open."""
        with self._changed:
            self._closed = True
            self._changed.wait_for(lambda: not self._readings)
        while self._idle:
            self._idle.pop().close()
        self._connection.close()
        let_go(self.path)

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        with self._changed:
            if self._closed:
                raise Unavailable(f"{self.path.name} is out of use")
            self._readings += 1
            idle = self._idle.pop() if self._idle else None
        try:
            with failures_as_ours(self.path):
                connection = idle or self._connect_to_read()
                failed = False
                try:
                    yield connection
                except sqlite3.Error:
                    failed = True  # what it remembers of an error is not for the next reading
                    raise
                finally:
                    connection.close() if failed else self._idle.append(connection)
        finally:
            with self._changed:
                self._readings -= 1
                self._changed.notify_all()

    def _connect_to_read(self) -> sqlite3.Connection:
        uri = f"{self.path.absolute().as_uri()}?mode=ro"
        return sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False)

    def _damaged(self, kind: str, key: str) -> Corrupt:
        return Corrupt(self.path, f"the document {kind} {key!r} is damaged")


def _whole_piece() -> Piece:
    return Piece(limits.DOCUMENTS_SWEPT, limits.DOCUMENT_BYTES_SWEPT)


def _is_right(kind: str, key: object, body: object, crc: object) -> bool:
    return isinstance(key, str) and isinstance(body, bytes) and crc == _crc(kind, key, body)


def _crc(kind: str, key: str, body: bytes) -> int:
    """CRC-32 of kind, key and body one after another: SQLite would not notice a flipped bit."""
    return isal_zlib.crc32(body, isal_zlib.crc32(key.encode(), isal_zlib.crc32(kind.encode())))
