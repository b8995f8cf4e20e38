"""What SQLite says of a file: the disk is asked before the file is called damaged."""

from __future__ import annotations

import errno
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from headrace import limits
from headrace.errors import Corrupt, Unavailable
from headrace.store.embedded.files.sqlite_files import check_tables, failures_as_ours, is_sound, let_go


def malformed(path: Path) -> None:
    with failures_as_ours(path):
        raise sqlite3.DatabaseError("database disk image is malformed")


def test_malformed_is_damage_only_where_every_byte_can_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "documents.sqlite"
    path.write_bytes(b"x" * 5000)

    def fail(*_: object, **__: object) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    with monkeypatch.context() as failing:
        failing.setattr(os, "open", fail)
        with pytest.raises(Unavailable, match=r"cannot read .*documents\.sqlite behind byte 0: .* \(errno 5\)"):
            malformed(path)
    with pytest.raises(Corrupt, match="malformed"):
        malformed(path)


@pytest.mark.parametrize("page", [0, 2])
def test_a_page_behind_the_first_is_read_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, page: int) -> None:
    monkeypatch.setattr(limits, "SQLITE_READ_BYTES", 4096)
    path = tmp_path / "documents.sqlite"
    path.write_bytes(bytes(3 * 4096))
    real = os.pread

    def pread(descriptor: int, size: int, at: int) -> bytes:
        if at == page * 4096:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return real(descriptor, size, at)

    monkeypatch.setattr(os, "pread", pread)
    with pytest.raises(Unavailable, match=f"behind byte {page * 4096}: "):
        malformed(path)


OTHERS_LOOK = """
import sqlite3, sys
with sqlite3.connect(sys.argv[1]) as connection:
    connection.execute("SELECT count(*) FROM t").fetchone()
connection.close()
"""


def test_looking_at_a_file_takes_no_locks_from_its_connections(tmp_path: Path) -> None:
    """Or another program that opens and closes it would take the last connection's log for a leftover, and unlink it:
    what is written from then on would be gone with the process."""
    path = tmp_path / "documents.sqlite"
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("CREATE TABLE t (n)")
        assert is_sound(path)
        subprocess.run([sys.executable, "-c", OTHERS_LOOK, str(path)], check=True)
        connection.execute("INSERT INTO t VALUES (1)")
        assert path.with_name("documents.sqlite-wal").stat().st_size
    let_go(path)
    assert not [each for each in Path("/proc/self/fd").iterdir() if str(path) in _target(each)]


def _target(link: Path) -> str:
    try:
        return str(link.readlink())
    except FileNotFoundError:  # the one that lists them
        return ""


@pytest.mark.parametrize(
    "stands",
    [
        "t (a INTEGEP PRIMARY KEY, b BLOB NOT NULL)",
        "t (a INTEGER PRIMARY KEY, b BLOB)",
        "t (a INTEGER, b BLOB NOT NULL)",
        "t (a INTEGER PRIMARY KEY, c BLOB NOT NULL)",
        "t (a INTEGER PRIMARY KEY)",
        "u (a INTEGER PRIMARY KEY, b BLOB NOT NULL)",
    ],
)
def test_a_table_that_is_not_as_it_was_made(stands: str, tmp_path: Path) -> None:
    made = ["CREATE TABLE IF NOT EXISTS t (a INTEGER PRIMARY KEY, b BLOB NOT NULL)"]
    with closing(sqlite3.connect(":memory:")) as right, closing(sqlite3.connect(":memory:")) as wrong:
        right.execute(made[0])
        check_tables(right, tmp_path, made)
        wrong.execute(f"CREATE TABLE {stands}")
        with pytest.raises(Corrupt, match="the table t is not as it was made"):
            check_tables(wrong, tmp_path, made)


def test_a_text_that_is_no_utf_8_is_damage(tmp_path: Path) -> None:
    path = tmp_path / "documents.sqlite"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE t (a TEXT)")
        connection.execute("INSERT INTO t VALUES (CAST(x'ff' AS TEXT))")
        connection.commit()
        with pytest.raises(Corrupt, match="UTF-8"), failures_as_ours(path):
            connection.execute("SELECT a FROM t").fetchone()
