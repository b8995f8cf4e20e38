"""The catalog: a SQLite file with what the database is and which series it has. docs/format/catalog.md has the tables.

All but the database's id and secret is derived from the journal, which is cut only when the catalog has taken over.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from isal import isal_zlib
from numpy.typing import NDArray

from headrace import limits
from headrace.errors import Corrupt
from headrace.kernels.hashing import SECRET_WORDS
from headrace.model.series import NewSeries
from headrace.store import Document
from headrace.store.embedded.files.durable import sync_folder
from headrace.store.embedded.files.sqlite_files import are_of, check_tables, failures_as_ours, let_go, transaction

FORMAT = 2
FORMAT_WITH_DOCUMENTS = 1
"""Documents are in the catalog itself, or nowhere yet. A database begins with it and gets FORMAT as soon as
documents.sqlite is there, so that one of FORMAT without that file is known to have lost it."""

ID_BYTES = 16

_SCHEMA = (
    "CREATE TABLE database (format INTEGER NOT NULL, id BLOB NOT NULL, secret BLOB NOT NULL)",
    "CREATE TABLE series (first INTEGER PRIMARY KEY, count INTEGER NOT NULL,"
    " keys BLOB NOT NULL, lengths BLOB NOT NULL, names BLOB NOT NULL, crc INTEGER NOT NULL)",
)

_SCHEMA_OF_HIDDEN = "CREATE TABLE IF NOT EXISTS hidden (series BLOB NOT NULL, crc INTEGER NOT NULL)"
"""Made at every opening: databases from before there were deletes lack it."""


_SCHEMA_OF_PROGRESS = (
    "CREATE TABLE IF NOT EXISTS progress"
    " (changes INTEGER NOT NULL, whole INTEGER NOT NULL, identity_crc INTEGER NOT NULL)"
)
"""Made at every opening: databases from before older copies were told apart lack it."""


class Catalog:
    """Open from construction to `close`; one thread at a time, which may change."""

    def __init__(self, path: Path) -> None:
        """Open the catalog, or begin a database when there is none: then its id and secret are on disk on return.

        Raises Corrupt when the file is no catalog or one of a later format, Unavailable when the disk fails.
        """
        self._path = path
        self.series_count = 0
        """Series that the catalog holds: those with ordinals below."""
        self.damage: list[Corrupt] = []
        """What `hidden` met and left out."""
        self.damaged_rows: list[range] = []
        """The ordinals of the rows that `series` met and left out, as far as they can be told."""
        with failures_as_ours(path):
            self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        try:
            self._read()
        except BaseException:
            self.close()
            raise

    def _read(self) -> None:
        path = self._path
        with failures_as_ours(path):
            self._connection.execute("PRAGMA journal_mode = WAL")
            self._connection.execute("PRAGMA synchronous = FULL")
            if not self._connection.execute("SELECT 1 FROM sqlite_schema WHERE name = 'database'").fetchone():
                self._begin()
            self._connection.execute(_SCHEMA_OF_HIDDEN)
            self._connection.execute(_SCHEMA_OF_PROGRESS)
            check_tables(self._connection, path, (*_SCHEMA, _SCHEMA_OF_HIDDEN, _SCHEMA_OF_PROGRESS))
            found = self._connection.execute("SELECT format, id, secret FROM database").fetchone()
            identity: tuple[Any, ...] = found or ()
        if not are_of(identity, int, bytes, bytes):
            raise Corrupt(path, "does not say what database it is of")
        version, self.database_id, secret = identity
        if (
            version not in (FORMAT, FORMAT_WITH_DOCUMENTS)
            or len(self.database_id) != ID_BYTES
            or len(secret) != 8 * SECRET_WORDS
        ):
            raise Corrupt(path, f"format {version}; this server reads format {FORMAT}")
        self.format: int = version
        self._read_progress(_crc(self.database_id, secret))
        self.secret = np.frombuffer(secret, dtype="<u8").astype(np.uint64)
        """uint64[SECRET_WORDS]: with it the names of this database decide their keys."""
        with failures_as_ours(path):
            # Not by `count`: a damaged one must not make ordinals be given twice, or a billion be given up.
            end = "first + max(coalesce(length(lengths) / 4, 1), coalesce(length(keys) / 16, 1))"
            highest = self._connection.execute(f"SELECT coalesce(max({end}), 0) FROM series")
            [self.series_count] = highest.fetchone()

    def _read_progress(self, identity_crc: int) -> None:
        with failures_as_ours(self._path):
            row = self._connection.execute("SELECT changes, whole, identity_crc FROM progress").fetchone()
            if row is None:
                row = (0, 0, identity_crc)
                self._connection.execute("INSERT INTO progress VALUES (?, ?, ?)", row)
        if not are_of(row, int, int, int) or row[2] != identity_crc:
            raise Corrupt(self._path, "the database's id or secret is not what was written")
        self.changes: int = row[0]
        """How often it has changed: an older copy has fewer changes."""
        self.is_whole = bool(row[1])
        """Whether an opening has come to its end before, so that everything else of the database must be there."""

    def note_whole(self) -> None:
        """All that belongs to a database has been made. Raises Unavailable."""
        with failures_as_ours(self._path):
            self._connection.execute("UPDATE progress SET whole = 1")
        self.is_whole = True

    def catch_up(self, changes: int) -> None:
        """It was an older copy and has been mended: now it counts as having changed at least so often. Raises
        Unavailable."""
        if self.changes < changes:
            with failures_as_ours(self._path):
                self._connection.execute("UPDATE progress SET changes = ?", (changes,))
            self.changes = changes

    @contextmanager
    def _change(self) -> Iterator[None]:
        """All of the block's changes are on disk after it and counted, or none is."""
        with failures_as_ours(self._path), transaction(self._connection):
            yield
            self._connection.execute("UPDATE progress SET changes = ?", (self.changes + 1,))
        self.changes += 1

    def series(self) -> Iterator[NewSeries]:
        """All series, in rising order of their ordinals; those of a damaged row are left out, and `damaged_rows` says
        so. Raises Corrupt when the file is malformed, Unavailable."""
        with failures_as_ours(self._path):
            rows = self._connection.execute("SELECT first, count, keys, lengths, names, crc FROM series ORDER BY first")
            for row in rows:
                first, count, keys, lengths, names, crc = row
                # SQLite would not notice a flipped bit.
                if (
                    not are_of(row, int, int, bytes, bytes, bytes, int)
                    or (len(keys), len(lengths)) != (16 * count, 4 * count)
                    or crc != _crc(keys, lengths, names)
                ):
                    self.damaged_rows.append(_ordinals(first, keys, lengths))
                    continue
                yield NewSeries(
                    first,
                    np.frombuffer(keys, dtype="<u8").astype(np.uint64).reshape(count, 2),
                    np.frombuffer(lengths, dtype="<u4").astype(np.uint32),
                    np.frombuffer(names, dtype=np.uint8).copy(),
                )

    def put_back(self, series: NewSeries) -> None:
        """Take the names of these series, which other files still have, in place of those of damaged rows. Raises
        Unavailable, and then nothing has changed."""
        with self._change():
            self._connection.execute("DELETE FROM series WHERE first >= ? AND first < ?", (series.first, series.end))
            self._insert(series)
        self.series_count = max(self.series_count, series.end)

    def add_series(self, series: NewSeries) -> None:
        """Take over from the journal the series from ordinal `series_count` on: on return they are on disk.

        Raises Unavailable, and then nothing has changed.
        """
        with self._change():
            self._insert(series)
        self.series_count = series.end

    def hidden(self) -> NDArray[np.uint32]:
        """uint32, ascending: the series that were hidden when `set_hidden` was last called; none if that is damaged,
        and `damage` says so. Raises Corrupt when the file is malformed, Unavailable."""
        with failures_as_ours(self._path):
            row = self._connection.execute("SELECT series, crc FROM hidden").fetchone()
        if row is None:
            return np.empty(0, dtype=np.uint32)
        if not are_of(row, bytes, int) or len(row[0]) % 4 or row[1] != _crc(row[0]):
            detail = "the list of deleted series is damaged; their names show again"
            self.damage.append(Corrupt(self._path, detail))
            return np.empty(0, dtype=np.uint32)
        return np.frombuffer(row[0], dtype="<u4").astype(np.uint32)

    def set_hidden(self, series: NDArray[np.uint32]) -> None:
        """On return these series (ascending) are on disk as the hidden ones. Raises Unavailable, and then nothing has
        changed."""
        blob = series.astype("<u4").tobytes()
        with self._change():
            self._connection.execute("DELETE FROM hidden")
            self._connection.execute("INSERT INTO hidden VALUES (?, ?)", (blob, _crc(blob)))

    def documents(self) -> Iterator[Document | Corrupt]:
        """What a catalog of FORMAT_WITH_DOCUMENTS holds of documents, of a damaged one what is wrong. Raises Corrupt,
        Unavailable."""
        with failures_as_ours(self._path):
            if not self._connection.execute("SELECT 1 FROM sqlite_schema WHERE name = 'documents'").fetchone():
                return
            for row in self._connection.execute("SELECT kind, key, body, crc FROM documents"):
                kind, key, body, crc = row
                sound = are_of(row, str, str, bytes, int) and crc == _crc(body)
                yield (
                    Document(kind, key, body) if sound else Corrupt(self._path, f"the document {kind} {key} is damaged")
                )

    def give_up_documents(self) -> None:
        """They are on disk elsewhere, and this is of FORMAT from now on. Raises Unavailable, and then nothing has
        changed."""
        with self._change():
            self._connection.execute("DROP TABLE IF EXISTS documents")
            self._connection.execute("UPDATE database SET format = ?", (FORMAT,))
        self.format = FORMAT

    def close(self) -> None:
        """Every change has been synced already."""
        self._connection.close()
        let_go(self._path)

    def _begin(self) -> None:
        secret = np.frombuffer(os.urandom(8 * SECRET_WORDS), dtype=np.uint64) | np.uint64(1)
        with transaction(self._connection):
            for statement in _SCHEMA:
                self._connection.execute(statement)
            self._connection.execute(
                "INSERT INTO database VALUES (?, ?, ?)",
                (FORMAT_WITH_DOCUMENTS, os.urandom(ID_BYTES), secret.astype("<u8").tobytes()),
            )
        sync_folder(self._path.parent)

    def _insert(self, series: NewSeries) -> None:
        """In rows of the table that are not large."""
        for part in series.cut(limits.CATALOG_CHUNK_SERIES, limits.CATALOG_CHUNK_BYTES):
            keys, lengths = part.keys.astype("<u8").tobytes(), part.lengths.astype("<u4").tobytes()
            blobs = (keys, lengths, part.heap.tobytes())
            row = (part.first, len(part), *blobs, _crc(*blobs))
            self._connection.execute("INSERT INTO series VALUES (?, ?, ?, ?, ?, ?)", row)


def _ordinals(first: int, keys: object, lengths: object) -> range:
    """Those of a row that is damaged, as far as they can be told. first: the row's own number, always an integer."""
    by_keys = len(keys) // 16 if isinstance(keys, bytes) else 0
    by_lengths = len(lengths) // 4 if isinstance(lengths, bytes) else 0
    return range(first, first + max(by_keys, by_lengths, 1))


def _crc(*blobs: bytes) -> int:
    """CRC-32 of the blobs one after another."""
    crc = 0
    for blob in blobs:
        crc = isal_zlib.crc32(blob, crc)
    return crc
