"""What the catalog and the file of documents share: transactions, sqlite3's errors as ours, and what is behind them."""

from __future__ import annotations

import os
import re
import sqlite3
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from headrace import limits
from headrace.errors import Corrupt, Unavailable

_ERROR_CODE = re.compile(r"error code=(\d+)")
_PRIMARY_CODE = 0xFF
"""Of an error code of SQLite's, the kind; the bits above say more (SQLite: result codes)."""


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """All of the block's changes are on disk after it, or none is."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")


@contextmanager
def failures_as_ours(path: Path) -> Iterator[None]:
    """The one place where sqlite3's errors become ours; the most specific wins.

    SQLite says "malformed" also when the disk fails, were it for one read. So the file is called Corrupt only when all
    of its bytes can be read and SQLite, asked afresh, says it again.
    """
    try:
        yield
    except sqlite3.ProgrammingError:
        raise  # a fault of ours says nothing about the file
    except sqlite3.OperationalError as failure:
        # Our statements are right for the tables that we made: where they are not, somebody else was at the file.
        if _code_of(failure) == sqlite3.SQLITE_ERROR:
            _read_whole(path)
            raise Corrupt(path, str(failure)) from failure
        raise Unavailable(f"{path.name} cannot be used: {failure}") from failure
    except (sqlite3.DatabaseError, UnicodeDecodeError) as failure:  # it may quote what it found in its error
        if _is_sound_of_late(path):
            raise sound_but_unusable(path, str(failure)) from failure
        raise Corrupt(path, str(failure)) from failure


def _code_of(failure: sqlite3.OperationalError) -> int:
    """SQLite's own code. A text that is no UTF-8 is Python's finding, which has none: we write no such texts."""
    return getattr(failure, "sqlite_errorcode", sqlite3.SQLITE_ERROR)


def are_of(row: Sequence[object], *types: type) -> bool:
    """Whether the values of a row are of these types. SQLite keeps the type of each value beside it and not in the
    table, so one flipped bit makes another one of it."""
    return len(row) == len(types) and all(map(isinstance, row, types))


def check_tables(connection: sqlite3.Connection, path: Path, schema: Sequence[str]) -> None:
    """Raises Corrupt when the columns of a table are not those that the statements of `schema` make, sqlite3.Error.
    SQLite keeps the statements as texts, and takes a column of type INTEGEP for one that has no values."""
    with closing(sqlite3.connect(":memory:")) as made:
        for statement in schema:
            made.execute(statement)
        for (table,) in made.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall():
            columns = f"PRAGMA table_info({table})"
            if connection.execute(columns).fetchall() != made.execute(columns).fetchall():
                raise Corrupt(path, f"the table {table} is not as it was made")


def sound_but_unusable(path: Path, said: str) -> Unavailable:
    """What SQLite said of a file that it finds sound when it looks afresh."""
    return Unavailable(f"{path.name} is sound, and yet cannot be used: {said} (SQLite says so, too, when a read fails)")


def is_sound(path: Path, check: str = "quick_check(1)") -> bool:
    """Whether SQLite, asked by a connection that knows nothing yet, finds the file well formed. Reads all of it.
    check: see complaints. Raises Unavailable when the disk does not give it."""
    _read_whole(path)
    sound = _is_well_formed(path, check)
    if not sound:
        _read_whole(path)  # that the disk gave it before says nothing about the reads between
    return sound


def _is_well_formed(path: Path, check: str) -> bool:
    uri = f"{path.absolute().as_uri()}?mode=ro"
    try:
        with closing(sqlite3.connect(uri, uri=True)) as connection:
            wrong = complaints(connection, path, check)
            [tables] = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
            return not wrong and tables > 0  # without any, somebody has emptied it
    except sqlite3.OperationalError as failure:
        if _code_of(failure) == sqlite3.SQLITE_ERROR:
            return False
        raise Unavailable(f"{path.name} cannot be used: {failure}") from failure
    except (sqlite3.DatabaseError, UnicodeDecodeError):
        return False


def complaints(connection: sqlite3.Connection, path: Path, check: str) -> list[str]:
    """What a check of SQLite's finds wrong in the file at `path`, one line each. check: "quick_check(n)" or such.
    Raises Unavailable when a read failed, which SQLite lists beside what is wrong, though not always as such;
    sqlite3.Error."""
    found = [" ".join(str(what).split()) for (what,) in connection.execute(f"PRAGMA {check}")]
    codes = [int(code) for what in found for code in _ERROR_CODE.findall(what)]
    if any(code & _PRIMARY_CODE == sqlite3.SQLITE_IOERR for code in codes):
        raise Unavailable(f"cannot read {path}: {found[0]} (a read failed)")
    return [what for what in found if what != "ok"]


_verdicts: dict[tuple[Path, int], tuple[float, bool]] = {}
"""When (of the monotonic clock) a file, by its path and inode, was looked at afresh, and whether it was sound."""


def _is_sound_of_late(path: Path) -> bool:
    """As is_sound, within the last limits.SQLITE_JUDGED_S."""
    file = path, path.stat().st_ino if path.exists() else 0
    judged_s, verdict = _verdicts.get(file, (-limits.SQLITE_JUDGED_S, False))
    if time.monotonic() - judged_s >= limits.SQLITE_JUDGED_S:
        verdict = is_sound(path)
        _verdicts[file] = time.monotonic(), verdict
    return verdict


def _read_whole(path: Path) -> None:
    """By the call that SQLite reads with. Raises Unavailable, which names file, offset and reason, when the disk does
    not give a byte of it."""
    for file in _files_of(path):
        at = 0
        try:
            descriptor = descriptor_of(file)
            while read := os.pread(descriptor, limits.SQLITE_READ_BYTES, at):
                at += len(read)
        except FileNotFoundError:
            continue
        except OSError as failure:
            reason = f"{failure.strerror} (errno {failure.errno})"
            raise Unavailable(f"cannot read {file} behind byte {at}: {reason}") from failure


_descriptors: dict[Path, list[int]] = {}
_descriptors_lock = threading.Lock()


def descriptor_of(file: Path) -> int:
    """For plain reads of a file that SQLite may have open. It stays open until `let_go`: when a process closes any
    descriptor of a file, all locks go that SQLite has on it there (sqlite.org, How To Corrupt, 2.2), and somebody's
    `sqlite3` would take the log away from under us. Raises OSError."""
    with _descriptors_lock:
        there = file.stat()
        for descriptor in _descriptors.get(file, []):
            if os.path.samestat(os.fstat(descriptor), there):
                return descriptor
        descriptor = os.open(file, os.O_RDONLY | os.O_CLOEXEC)
        _descriptors.setdefault(file, []).append(descriptor)
        return descriptor


def let_go(path: Path) -> None:
    """No connection of this process has the file open any more."""
    with _descriptors_lock:
        for file in _files_of(path):
            for descriptor in _descriptors.pop(file, []):
                os.close(descriptor)


def _files_of(path: Path) -> tuple[Path, Path]:
    return path, path.with_name(path.name + "-wal")
