"""What the catalog and the file of documents share: transactions, sqlite3's errors as ours, and what is behind them."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from headrace import limits
from headrace.errors import Corrupt, Unavailable


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

    SQLite says "malformed" also of a file that the disk does not give, so its bytes are read before it is called
    Corrupt.
    """
    try:
        yield
    except sqlite3.ProgrammingError:
        raise  # a fault of ours says nothing about the file
    except sqlite3.OperationalError as failure:
        # Our statements are right for the tables that we made: where they are not, somebody else was at the file.
        if failure.sqlite_errorcode == sqlite3.SQLITE_ERROR:
            _check_readable(path)
            raise Corrupt(path, str(failure)) from failure
        raise Unavailable(f"{path.name} cannot be used: {failure}") from failure
    except (sqlite3.DatabaseError, UnicodeDecodeError) as failure:  # it may quote what it found in its error
        _check_readable(path)
        raise Corrupt(path, str(failure)) from failure


def are_of(row: Sequence[object], *types: type) -> bool:
    """Whether the values of a row are of these types. SQLite keeps the type of each value beside it and not in the
    table, so one flipped bit makes another one of it."""
    return len(row) == len(types) and all(map(isinstance, row, types))


def is_sound(path: Path) -> bool:
    """Whether SQLite, asked by a connection that knows nothing yet, finds the file well formed. Reads all of it. Raises
    Unavailable when the disk does not give it."""
    _read_whole(path)
    uri = f"{path.absolute().as_uri()}?mode=ro"
    try:
        with closing(sqlite3.connect(uri, uri=True)) as connection:
            found: tuple[str] = connection.execute("PRAGMA quick_check(1)").fetchone()
            [tables] = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
            return found == ("ok",) and tables > 0  # without any, somebody has emptied it
    except sqlite3.OperationalError as failure:
        if failure.sqlite_errorcode == sqlite3.SQLITE_ERROR:
            return False
        raise Unavailable(f"{path.name} cannot be used: {failure}") from failure
    except (sqlite3.DatabaseError, UnicodeDecodeError):
        return False


_found_readable: dict[Path, float] = {}
"""When (of the monotonic clock) all of a file was read last."""


def _check_readable(path: Path) -> None:
    """Raises Unavailable, which names file, offset and reason, when the disk does not give a byte of it."""
    if time.monotonic() - _found_readable.get(path, -limits.SQLITE_READABLE_S) >= limits.SQLITE_READABLE_S:
        _read_whole(path)
        _found_readable[path] = time.monotonic()


def _read_whole(path: Path) -> None:
    for file in (path, path.with_name(path.name + "-wal")):
        at = 0
        try:
            with file.open("rb", buffering=0) as opened:
                while read := opened.read(limits.SQLITE_READ_BYTES):
                    at += len(read)
        except FileNotFoundError:
            continue
        except OSError as failure:
            reason = f"{failure.strerror} (errno {failure.errno})"
            raise Unavailable(f"cannot read {file} behind byte {at}: {reason}") from failure
