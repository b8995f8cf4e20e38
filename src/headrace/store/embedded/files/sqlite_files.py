"""What the catalog and the file of documents share: transactions, and sqlite3's errors as ours."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

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
    """The one place where sqlite3's errors become ours; the most specific wins."""
    try:
        yield
    except sqlite3.ProgrammingError:
        raise  # a fault of ours says nothing about the file
    except sqlite3.OperationalError as failure:
        # Our statements are right for the tables that we made: where they are not, somebody else was at the file.
        if failure.sqlite_errorcode == sqlite3.SQLITE_ERROR:
            raise Corrupt(path, str(failure)) from failure
        raise Unavailable(f"{path.name} cannot be used: {failure}") from failure
    except sqlite3.DatabaseError as failure:
        raise Corrupt(path, str(failure)) from failure
