"""The hunt's disk: what it fails, fails; what was synced is there after a power cut, what was not may be gone."""

from __future__ import annotations

import errno
import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, nullcontext
from pathlib import Path
from random import Random
from typing import Any

import pyarrow as pa
import pytest
from hunt_disk import Calls, Died, Disk, Fault
from hunt_images import SECTOR_BYTES, Image
from hunt_sqlite import shim

from headrace.store.embedded.files.durable import replaced_file


@pytest.fixture
def disk(tmp_path: Path) -> Disk:
    for folder in ("data", "attic"):
        (tmp_path / folder).mkdir()
    return Disk(tmp_path / "data", tmp_path / "attic")


@pytest.fixture
def sqlite(disk: Disk) -> Iterator[Path]:
    """A file of SQLite on that disk, with the number 1 in it."""
    library = shim()
    if library is None:
        pytest.skip("this interpreter has SQLite in itself: its calls cannot be caught")
    with library.in_use():
        library.watcher = disk
        path = disk.root / "numbers.sqlite"
        with disk.watching(), closing(connected(path)) as connection:
            connection.execute("CREATE TABLE numbers (number INTEGER)")
            connection.execute("INSERT INTO numbers VALUES (1)")
        yield path


def connected(path: Path, synchronous: str = "FULL") -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute(f"PRAGMA synchronous = {synchronous}")
    return connection


def numbers_in(path: Path) -> list[int]:
    with closing(sqlite3.connect(path)) as connection:
        return [number for (number,) in connection.execute("SELECT number FROM numbers ORDER BY number")]


READS: dict[str, Callable[[Path], Any]] = {
    "open": lambda path: os.open(path, os.O_RDONLY),
    "stat": lambda path: path.exists(),
    "list": lambda path: list(path.parent.glob("*")),
    "read_bytes": lambda path: path.read_bytes(),
    "Arrow": lambda path: pa.OSFile(str(path)).read(),
}


def test_what_the_store_replaces_is_watched(disk: Disk) -> None:
    """The first call that changes something is that its file is created, so nobody comes to write."""
    came: list[Any] = []
    with disk.watching():
        disk.arm(Fault(1, 1, errno.ENOSPC))
        with pytest.raises(OSError, match="No space left"), replaced_file(disk.root / "current.json") as file:
            came.append(file)
    assert disk.hits == 1
    assert not came, "it was created past the disk"


@pytest.mark.parametrize("how", READS)
def test_reads_fail_as_long_as_they_are_to(disk: Disk, how: str) -> None:
    path = disk.root / "file"
    path.write_bytes(b"content")
    with disk.watching():
        disk.arm(Fault(1, 2, errno.EIO, of=Calls.READS))
        for _ in range(2):
            with pytest.raises(OSError, match="Input/output error") as failed:
                READS[how](path)
            assert failed.value.errno == errno.EIO
        READS[how](path)
    assert disk.hits == 2


@pytest.mark.parametrize("call", range(1, 6))
@pytest.mark.parametrize("error", [errno.EIO, errno.ENOSPC, None])
def test_a_commit_that_fails_or_dies_at_any_call_changes_nothing(
    disk: Disk, sqlite: Path, tmp_path: Path, call: int, error: int | None
) -> None:
    with closing(connected(sqlite)) as connection:
        disk.arm(Fault(call, error=error, part=0.5, of=Calls.SQLITE))
        died = pytest.raises(Died) if error is None else nullcontext()
        with died, disk.watching(), pytest.raises(sqlite3.Error):
            connection.execute("INSERT INTO numbers VALUES (2)")
        assert disk.hits == 1
        for seed in range(20):
            copy = tmp_path / f"copy-{seed}"
            disk.copy_after_power_cut(copy, Random(seed))
            assert numbers_in(copy / sqlite.name) in ([1], [1, 2])


def test_what_sqlite_synced_is_there_after_a_power_cut_and_what_it_did_not_may_be_gone(
    disk: Disk, sqlite: Path, tmp_path: Path
) -> None:
    found: dict[str, set[tuple[int, ...]]] = {"FULL": set(), "OFF": set()}
    for number, synchronous in enumerate(found, 2):
        with closing(connected(sqlite, synchronous)) as connection:
            connection.execute("INSERT INTO numbers VALUES (?)", (number,))
            for seed in range(20):
                copy = tmp_path / f"copy-{synchronous}-{seed}"
                disk.copy_after_power_cut(copy, Random(seed))
                found[synchronous].add(tuple(numbers_in(copy / sqlite.name)))
    assert found == {"FULL": {(1, 2)}, "OFF": {(1, 2), (1, 2, 3)}}


def test_sectors_behind_a_failed_sync_may_be_lost_whatever_a_later_one_says() -> None:
    old, new = b"o" * 2 * SECTOR_BYTES, b"n" * 2 * SECTOR_BYTES
    image = Image(old)
    image.write(0, SECTOR_BYTES)
    image.lose()
    image.write(SECTOR_BYTES, 2 * SECTOR_BYTES)
    image.sync(new)
    left = {image.after_power_cut(new, Random(seed)) for seed in range(50)}
    assert left == {new, old[:SECTOR_BYTES] + new[SECTOR_BYTES:]}
