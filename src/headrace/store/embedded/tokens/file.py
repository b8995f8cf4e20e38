"""access.sqlite: read by a running server, and changed beside it by `headrace token`.

docs/format/access.md has the tables. SQLite keeps a rollback journal here and no WAL, so that it is one file while
nobody changes it, whoever did so last. What was changed is synced on return.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import NamedTuple

import msgspec
from isal import isal_zlib

from headrace import limits
from headrace.errors import Corrupt, Unavailable
from headrace.store.embedded.files.durable import make_folder, sync_file, sync_folder
from headrace.store.embedded.files.sqlite_files import are_of, check_tables, failures_as_ours, let_go, transaction
from headrace.store.embedded.tokens.rows import TokenChange, TokenRow

FORMAT = 1

MODE = 0o600
"""Nobody but its owner reads hashes and grants."""

_SCHEMA = (
    "CREATE TABLE state (format INTEGER NOT NULL, told INTEGER NOT NULL)",
    "CREATE TABLE tokens (id TEXT PRIMARY KEY, name TEXT NOT NULL, grants TEXT NOT NULL, hash TEXT NOT NULL,"
    " created INTEGER NOT NULL, expires INTEGER NOT NULL, revoked INTEGER NOT NULL, crc INTEGER NOT NULL)",
    "CREATE TABLE uses (id TEXT PRIMARY KEY, used INTEGER NOT NULL)",
    "CREATE TABLE changes (number INTEGER PRIMARY KEY, at INTEGER NOT NULL, what TEXT NOT NULL, id TEXT NOT NULL,"
    " name TEXT NOT NULL, by TEXT NOT NULL)",
)
_TOKENS = "SELECT id, name, grants, hash, created, expires, revoked, crc FROM tokens ORDER BY created, rowid"
_PUT = (
    "INSERT INTO tokens (id, name, grants, hash, created, expires, revoked, crc) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
    " ON CONFLICT (id) DO UPDATE SET expires = excluded.expires, revoked = excluded.revoked, crc = excluded.crc"
)
_USE = "INSERT INTO uses VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET used = excluded.used"
_NOTE = "INSERT INTO changes (at, what, id, name, by) VALUES (?, ?, ?, ?, ?)"
_UNTOLD = "SELECT number, at, what, id, name, by FROM changes WHERE number > (SELECT max(told) FROM state)"


class Content(NamedTuple):
    """All of the file at one moment.   used: by id, when a token was last used, ms since 1970 UTC.   untold: changes
    that no server has told, by number."""

    tokens: list[TokenRow]
    used: dict[str, int]
    untold: dict[int, TokenChange]


class TokenFile:
    """One thread at a time. Open from construction to `close`."""

    def __init__(self, path: Path) -> None:
        """Open the file, which is there. Raises Corrupt when it is damaged, Unavailable when it cannot be used."""
        self.path = path
        with failures_as_ours(path):
            there = _stat(path)
            uri = f"{path.absolute().as_uri()}?mode=rw"
            self._connection = sqlite3.connect(
                uri, limits.TOKENS_BUSY_S, uri=True, isolation_level=None, check_same_thread=False
            )
        self._file = there.st_dev, there.st_ino
        try:
            with failures_as_ours(path):
                self._connection.execute("PRAGMA synchronous = EXTRA")
                check_tables(self._connection, path, _SCHEMA)
                state = self._connection.execute("SELECT format, told FROM state").fetchall()
            if len(state) != 1 or not are_of(state[0], int, int):
                raise Corrupt(path, "does not say what it is")
            if state[0][0] != FORMAT:
                raise Corrupt(path, f"format {state[0][0]}; this server reads format {FORMAT}")
        except BaseException:
            self.close()
            raise

    def is_in_place(self) -> bool:
        """Whether its path still leads to this file. Raises Unavailable when nothing is there."""
        there = _stat(self.path)
        return (there.st_dev, there.st_ino) == self._file

    def version(self) -> int:
        """Another number as soon as somebody else has changed it. Raises Corrupt, Unavailable."""
        with failures_as_ours(self.path):
            [number] = self._connection.execute("PRAGMA data_version").fetchone()
        return int(number)

    def read(self) -> Content:
        """Raises Corrupt when anything of it is not what was written, Unavailable."""
        with failures_as_ours(self.path):
            self._connection.execute("BEGIN")
            try:
                return self._read()
            finally:
                self._connection.execute("ROLLBACK")

    def _read(self) -> Content:
        tokens = []
        for *row, crc in self._connection.execute(_TOKENS):
            token = TokenRow(*row)
            if not are_of(token, str, str, str, str, int, int, int) or crc != _crc(token):
                raise Corrupt(self.path, f"the token {token.id!a} is not what was written")
            tokens.append(token)
        used = dict(self._connection.execute("SELECT id, used FROM uses"))
        untold = {number: TokenChange(*change) for number, *change in self._connection.execute(_UNTOLD)}
        if not all(are_of(use, str, int) for use in used.items()):
            raise Corrupt(self.path, "when a token was used is not what was written")
        return Content(tokens, used, untold)

    @contextmanager
    def changing(self) -> Iterator[TokenChanges]:
        """All of the block's changes are on disk after it, or none is; nobody else changes anything meanwhile. Raises
        Corrupt, Unavailable."""
        with failures_as_ours(self.path), transaction(self._connection):
            yield TokenChanges(self._connection, self._read().tokens)

    def note_used(self, used: Mapping[str, int]) -> None:
        """When these tokens, by id, were last used. Raises Corrupt, Unavailable."""
        with failures_as_ours(self.path), transaction(self._connection):
            self._connection.executemany(_USE, used.items())

    def note_told(self, number: int) -> None:
        """All changes up to this one have been told. Raises Corrupt, Unavailable."""
        with failures_as_ours(self.path), transaction(self._connection):
            self._connection.execute("UPDATE state SET told = ?", (number,))

    def close(self) -> None:
        """Every change has been synced already."""
        self._connection.close()
        let_go(self.path)


class TokenChanges:
    """What may be changed within a transaction."""

    def __init__(self, connection: sqlite3.Connection, tokens: list[TokenRow]) -> None:
        """tokens: all that there are, the oldest first."""
        self._connection = connection
        self.tokens = tokens

    def put(self, token: TokenRow, change: TokenChange) -> None:
        """A new token, or one whose end has changed; and what is told of it."""
        self._connection.execute(_PUT, (*token, _crc(token)))
        self._connection.execute(_NOTE, change)


def is_there(path: Path) -> bool:
    """Whether there is a file, or anything that should be one. Raises Unavailable when that cannot be told."""
    try:
        path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError as failure:
        raise Unavailable(f"{path} cannot be looked for: {failure.strerror}") from failure
    return True


def begin_token_file(path: Path) -> bool:
    """Make the file where there is none, and its folder: it is whole and on disk on return, and for its owner alone.
    Who makes it as root makes it for the owner of the folder, as whom the server runs. Returns whether it was made.
    Raises Unavailable."""
    if is_there(path):
        return False
    temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    try:
        make_folder(path.parent)
        temporary.unlink(missing_ok=True)
        try:
            _make(temporary)
            os.link(temporary, path)  # unlike a rename it does not take the place of one that somebody else has made
        except FileExistsError:
            return False
        finally:
            temporary.unlink(missing_ok=True)
        sync_folder(path.parent)
    except OSError as failure:
        raise Unavailable(f"cannot make {path}: {failure.strerror}") from failure
    return True


def _make(path: Path) -> None:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, MODE)
    os.close(descriptor)
    if os.geteuid() == 0:
        owner = path.parent.stat()
        os.chown(path, owner.st_uid, owner.st_gid)
    with (
        failures_as_ours(path),
        closing(sqlite3.connect(path, isolation_level=None)) as connection,
        transaction(connection),
    ):
        for statement in _SCHEMA:
            connection.execute(statement)
        connection.execute("INSERT INTO state VALUES (?, 0)", (FORMAT,))
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        sync_file(descriptor)
    finally:
        os.close(descriptor)


def _stat(path: Path) -> os.stat_result:
    try:
        return path.stat()
    except OSError as failure:
        raise Unavailable(f"{path} cannot be found: {failure.strerror}") from failure


def _crc(token: TokenRow) -> int:
    """CRC-32 of a token as an array of JSON: SQLite would not notice a flipped bit."""
    return isal_zlib.crc32(msgspec.json.encode(token))
