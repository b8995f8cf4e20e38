"""The catalog keeps a database's identity and its series, and believes no damaged byte."""

from __future__ import annotations

import shutil
import sqlite3
import zlib
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from headrace import limits
from headrace.errors import Corrupt, Unavailable
from headrace.model.series import NewSeries, SeriesTable, series_name
from headrace.store.embedded.documents.catalog import Catalog


def new_series(first: int, count: int) -> NewSeries:
    names = [b"\x03m%02d" % (number % 100) for number in range(first, first + count)]
    return NewSeries(
        first,
        np.arange(2 * first, 2 * (first + count), dtype=np.uint64).reshape(count, 2) + np.uint64(2**63),
        np.full(count, 4, dtype=np.uint32),
        np.frombuffer(bytearray(b"".join(names)), dtype=np.uint8),
    )


def held(catalog: Catalog) -> list[tuple[int, list[int], bytes]]:
    found = []
    for part in catalog.series():
        for row in range(len(part)):
            name = part.heap[int(part.lengths[:row].sum()) :][: part.lengths[row]]
            found.append((part.first + row, part.keys[row].tolist(), name.tobytes()))
    return found


def expected(count: int) -> list[tuple[int, list[int], bytes]]:
    return [(n, [2**63 + 2 * n, 2**63 + 2 * n + 1], b"\x03m%02d" % (n % 100)) for n in range(count)]


def test_a_database_keeps_its_identity(tmp_path: Path) -> None:
    first = Catalog(tmp_path / "catalog.sqlite")
    other = Catalog(tmp_path / "other.sqlite")
    assert len(first.database_id) == 16
    assert first.secret.shape == (8,)
    assert np.all(first.secret % 2 == 1)
    assert (first.database_id, first.secret.tolist()) != (other.database_id, other.secret.tolist())
    first.close()
    again = Catalog(tmp_path / "catalog.sqlite")
    assert (again.database_id, again.secret.tolist()) == (first.database_id, first.secret.tolist())
    assert again.series_count == 0


def test_series_come_back_in_order_from_rows_of_any_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "CATALOG_CHUNK_SERIES", 7)
    catalog = Catalog(tmp_path / "catalog.sqlite")
    for first, count in ((0, 1), (1, 7), (8, 30), (38, 3)):
        assert catalog.series_count == first
        catalog.add_series(new_series(first, count))
    assert held(catalog) == expected(41)
    catalog.close()
    again = Catalog(tmp_path / "catalog.sqlite")
    assert again.series_count == 41
    assert held(again) == expected(41)


def test_a_table_restored_from_the_catalog_knows_the_names(tmp_path: Path) -> None:
    catalog = Catalog(tmp_path / "catalog.sqlite")
    table = SeriesTable(catalog.secret)
    names = [series_name("m", {"host": f"h{number}"}) for number in range(50)]
    for name in names:
        table.register(table.key_of(name), name, 0)
    catalog.add_series(table.series(0, 50))
    catalog.close()
    again = Catalog(tmp_path / "catalog.sqlite")
    restored = SeriesTable(again.secret)
    for part in again.series():
        restored.restore(part)
    assert restored.names(np.arange(50, dtype=np.uint32)) == names
    keys = np.array([restored.key_of(name) for name in names], dtype=np.uint64)
    assert restored.lookup(keys)[0].tolist() == [*range(50)]


def test_what_was_added_is_there_after_the_process_is_gone(tmp_path: Path) -> None:
    """A copy of the files of an open catalog is what a killed process leaves."""
    catalog = Catalog(tmp_path / "catalog.sqlite")
    catalog.add_series(new_series(0, 10))
    left = tmp_path / "left"
    left.mkdir()
    for file in tmp_path.glob("catalog.sqlite*"):
        shutil.copy(file, left)
    assert held(Catalog(left / "catalog.sqlite")) == expected(10)


def test_commits_are_synced(tmp_path: Path) -> None:
    catalog = Catalog(tmp_path / "catalog.sqlite")
    connection = catalog._connection
    assert connection.execute("PRAGMA synchronous").fetchone() == (2,)
    assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_the_tables_are_the_documented_ones(tmp_path: Path) -> None:
    catalog = Catalog(tmp_path / "catalog.sqlite")
    catalog.add_series(new_series(0, 2))
    catalog.close()
    stranger = sqlite3.connect(tmp_path / "catalog.sqlite")
    version, database_id, secret = stranger.execute("SELECT format, id, secret FROM database").fetchone()
    assert (version, database_id, secret) == (1, catalog.database_id, catalog.secret.astype("<u8").tobytes())
    [row] = stranger.execute("SELECT first, count, keys, lengths, names, crc FROM series").fetchall()
    keys = b"".join((2**63 + n).to_bytes(8, "little") for n in range(4))
    lengths = (4).to_bytes(4, "little") * 2
    names = b"\x03m00\x03m01"
    assert row == (0, 2, keys, lengths, names, zlib.crc32(keys + lengths + names))


@pytest.mark.parametrize("column", ["keys", "lengths", "names"])
def test_a_flipped_bit_is_named_and_left_out(tmp_path: Path, column: str) -> None:
    catalog = Catalog(tmp_path / "catalog.sqlite")
    catalog.add_series(new_series(0, 5))
    [blob] = catalog._connection.execute(f"SELECT {column} FROM series").fetchone()
    flipped = bytes([blob[0] ^ 1]) + blob[1:]
    catalog._connection.execute(f"UPDATE series SET {column} = ?", (flipped,))
    catalog.add_series(new_series(5, 2))
    assert held(catalog) == expected(7)[5:]
    assert catalog.damaged_rows == [range(5)]


def test_a_file_that_is_no_catalog_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "catalog.sqlite"
    path.write_bytes(b"not a database, but somebody's notes" * 100)
    before = path.read_bytes()
    with pytest.raises(Corrupt) as corrupt:
        Catalog(path)
    assert corrupt.value.file == path
    assert path.read_bytes() == before


def test_a_later_format_is_refused(tmp_path: Path) -> None:
    catalog = Catalog(tmp_path / "catalog.sqlite")
    catalog._connection.execute("UPDATE database SET format = 3")
    catalog.close()
    with pytest.raises(Corrupt, match="format 3"):
        Catalog(tmp_path / "catalog.sqlite")


def test_a_full_disk_is_unavailable_and_changes_nothing(tmp_path: Path) -> None:
    catalog = Catalog(tmp_path / "catalog.sqlite")
    catalog.add_series(new_series(0, 5))
    [pages] = catalog._connection.execute("PRAGMA page_count").fetchone()
    catalog._connection.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(Unavailable, match="full"):
        catalog.add_series(new_series(5, 20_000))
    assert catalog.series_count == 5
    assert held(catalog) == expected(5)
    catalog._connection.execute("PRAGMA max_page_count = 1000000")
    catalog.add_series(new_series(5, 20_000))
    assert held(catalog) == expected(20_005)


def test_a_folder_that_is_not_there_is_unavailable(tmp_path: Path) -> None:
    with pytest.raises(Unavailable):
        Catalog(tmp_path / "absent" / "catalog.sqlite")


@pytest.mark.parametrize("column", ["id", "secret"])
def test_an_identity_that_is_not_what_was_written_is_no_identity(tmp_path: Path, column: str) -> None:
    """With another secret every name would have another key."""
    path = tmp_path / "catalog.sqlite"
    Catalog(path).close()
    with closing(sqlite3.connect(path, isolation_level=None)) as stranger:
        [was] = stranger.execute(f"SELECT {column} FROM database").fetchone()
        stranger.execute(f"UPDATE database SET {column} = ?", (bytes([was[0] ^ 2]) + was[1:],))
    with pytest.raises(Corrupt, match="id or secret is not what was written"):
        Catalog(path)


def test_a_flipped_bit_in_what_sqlite_keeps_of_a_table_gives_no_wrong_names(tmp_path: Path) -> None:
    """SQLite takes a column of type INTEGEP for one without values."""
    path = tmp_path / "catalog.sqlite"
    with closing(Catalog(path)) as catalog:
        catalog.add_series(new_series(0, 3))
    sound = path.read_bytes()
    said = b"series (first INTEGER PRIMARY KEY"
    begin = sound.index(said)
    refused = 0
    for at in range(begin, begin + len(said)):
        for place in range(8):
            spoilt = bytearray(sound)
            spoilt[at] ^= 1 << place
            path.write_bytes(spoilt)
            try:
                with closing(Catalog(path)) as catalog:
                    assert held(catalog) == expected(3), f"bit {place} of {chr(sound[at])}"
            except Corrupt:
                refused += 1
            for left in tmp_path.glob("catalog.sqlite-*"):
                left.unlink()
    assert refused > 4 * len(said)
