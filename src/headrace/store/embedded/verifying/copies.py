"""Private copies of SQLite's files: to read one with a log beside it, SQLite writes into its folder."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

from headrace.errors import Corrupt
from headrace.store.embedded.files.sqlite_files import complaints, failures_as_ours, let_go

WAL_SUFFIX = "-wal"
"""SQLite's log of what is committed and not in the file itself yet."""

JOURNAL_SUFFIX = "-journal"
"""What SQLite puts back into a file without such a log, when a change of it was cut off."""


def copied(path: Path, copies: Path) -> Path:
    """A copy of the file in the folder `copies`, with its log, that may be opened and written. Raises OSError."""
    for source in (path, *(path.with_name(path.name + suffix) for suffix in (WAL_SUFFIX, JOURNAL_SUFFIX))):
        if source.exists():
            shutil.copyfile(source, copies / source.name)
    return copies / path.name


def check_integrity(copy: Path) -> None:
    """Raises Corrupt when SQLite does not find every page, row and index of the file well formed, Unavailable."""
    try:
        with failures_as_ours(copy), closing(sqlite3.connect(copy)) as connection:
            found = complaints(connection, copy, "integrity_check(3)")
    finally:
        let_go(copy)
    if found:
        raise Corrupt(copy, "; ".join(found))
