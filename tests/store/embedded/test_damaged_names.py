"""A journal whose record of new series is damaged, or a row of the catalog: their points have no name any more, and
must never get another's."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing, suppress
from pathlib import Path

import numpy as np
import pytest

from headrace import limits
from headrace.config import Settings
from headrace.errors import Corrupt
from headrace.metrics import Metrics
from headrace.model.points import Admitted, Kind, Values
from headrace.model.series import SeriesName, series_name
from headrace.store.embedded.store import EmbeddedStore, open_store


def opened(folder: Path) -> EmbeddedStore:
    return open_store(Settings(data_dir=folder), Metrics())


async def put(store: EmbeddedStore, name: SeriesName, time: int, number: int) -> int:
    ordinal = store.table.register(store.table.key_of(name), name, 0)
    values = Values(np.array([Kind.INT64], dtype=np.uint8), np.array([number], dtype=np.int64))
    await store.append(Admitted(np.array([ordinal], dtype=np.uint32), np.array([time], dtype=np.int64), values))
    return ordinal


def points_of(store: EmbeddedStore, metric: str) -> list[tuple[int, int]]:
    with store.snapshot() as snapshot:
        try:
            found = snapshot.select(snapshot.find(metric, {}), 0, 10_000)
        except KeyError:
            return []
        return list(zip(found.times.tolist(), found.values.bits.tolist(), strict=True))


@pytest.mark.parametrize("another_follows", [True, False])
async def test_points_of_lost_names_go_to_nobody(tmp_path: Path, another_follows: bool) -> None:
    store = opened(tmp_path)
    await put(store, series_name("lost", {"a": "b"}), 1000, 1)
    await put(store, series_name("lost", {"a": "b"}), 2000, 2)
    if another_follows:
        await put(store, series_name("kept", {}), 3000, 3)
    store.close()
    [file] = (tmp_path / "journal").glob("*.journal")
    data = bytearray(file.read_bytes())
    data[data.index(b"lost")] ^= 1
    file.write_bytes(data)

    store = opened(tmp_path)
    assert points_of(store, "lost") == []
    assert points_of(store, "kept") == ([(3000, 3)] if another_follows else [])
    ordinal = await put(store, series_name("new", {}), 4000, 4)
    assert ordinal == (2 if another_follows else 1)
    assert await put(store, series_name("lost", {"a": "b"}), 5000, 5) == ordinal + 1
    store.close()

    store = opened(tmp_path)
    assert points_of(store, "new") == [(4000, 4)]
    assert points_of(store, "lost") == [(5000, 5)]
    store.close()


async def test_names_of_one_record_that_are_lost_stay_lost_when_the_catalog_has_taken_over(tmp_path: Path) -> None:
    """Every later start meets them in the catalog, nameless."""
    lost = [series_name("lost", {"a": str(number)}) for number in range(3)]
    store = opened(tmp_path)
    ordinals = [store.table.register(store.table.key_of(name), name, 0) for name in lost]
    values = Values(np.full(3, Kind.INT64, dtype=np.uint8), np.arange(3))
    await store.append(Admitted(np.array(ordinals, dtype=np.uint32), np.arange(3), values))
    await put(store, series_name("kept", {}), 3000, 3)
    store.close()
    [file] = (tmp_path / "journal").glob("*.journal")
    data = bytearray(file.read_bytes())
    data[data.index(b"lost")] ^= 1
    file.write_bytes(data)
    for start in range(3):
        store = opened(tmp_path)
        assert [("of series" in said or "records" in said) for said in store.damaged] == [True]
        assert points_of(store, "lost") == []
        assert points_of(store, "kept") == [(3000, 3)]
        new = series_name("new", {"start": str(start)})
        assert await put(store, new, 4000, start) == 4 + start
        assert points_of(store, "new") == [(4000, number) for number in range(start + 1)]
        seal(store)
        store.close()


def seal(store: EmbeddedStore) -> None:
    store._writer.freeze()
    while store._parts.visible.recent_points:
        time.sleep(0.005)


def spoil_first_row(catalog: Path, column: str) -> None:
    with closing(sqlite3.connect(catalog, isolation_level=None)) as stranger:
        stranger.execute(f"UPDATE series SET {column} = ? WHERE first = 0", (2**31 if column == "count" else b"x",))


@pytest.mark.parametrize("column", ["names", "count"])
@pytest.mark.parametrize("another_follows", [True, False])
async def test_names_that_the_catalog_lost_come_from_the_series_files(
    tmp_path: Path, another_follows: bool, column: str
) -> None:
    store = opened(tmp_path)
    await put(store, series_name("found", {"a": "b", "c": "d"}), 1000, 1)
    seal(store)
    if another_follows:
        await put(store, series_name("kept", {}), 3000, 3)
        seal(store)
    store.close()
    spoil_first_row(tmp_path / "catalog.sqlite", column)
    for damaged_rows in ([range(1)], []):
        store = opened(tmp_path)
        assert store.damaged == []
        assert points_of(store, "found") == [(1000, 1)]
        assert points_of(store, "kept") == ([(3000, 3)] if another_follows else [])
        assert store._parts.catalog.damaged_rows == damaged_rows, "mended by the first opening"
        store.close()
    store = opened(tmp_path)
    assert await put(store, series_name("found", {"a": "b", "c": "d"}), 4000, 4) == 0
    store.close()


@pytest.mark.parametrize("column", ["names", "count"])
@pytest.mark.parametrize("another_follows", [True, False])
async def test_points_whose_names_all_files_lost_go_to_nobody(
    tmp_path: Path, another_follows: bool, column: str
) -> None:
    store = opened(tmp_path)
    await put(store, series_name("lost", {"a": "b"}), 1000, 1)
    seal(store)
    if another_follows:
        await put(store, series_name("kept", {}), 3000, 3)
        seal(store)
    store.close()
    spoil_first_row(tmp_path / "catalog.sqlite", column)
    names_of_first = tmp_path / "segments" / "series-0000000000-0000000001.parquet"
    names_of_first.write_bytes(names_of_first.read_bytes()[:-1] + b"X")

    store = opened(tmp_path)
    assert store.damaged == [
        f"segments/{names_of_first.name}: its footer is not what was written",
        "catalog.sqlite: the names of series 0 to 0 are damaged",
    ]
    assert points_of(store, "lost") == []
    assert points_of(store, "kept") == ([(3000, 3)] if another_follows else [])
    ordinal = await put(store, series_name("lost", {"a": "b"}), 4000, 4)
    assert ordinal == (2 if another_follows else 1)
    seal(store)
    store.close()

    store = opened(tmp_path)
    assert points_of(store, "lost") == [(4000, 4)]
    assert points_of(store, "kept") == ([(3000, 3)] if another_follows else [])
    store.close()


async def test_lost_names_take_no_points_from_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The order of rows in segments comes of all names: without some, `m0` has another place in it."""
    monkeypatch.setattr(limits, "MERGE_FACTOR", 2)
    store = opened(tmp_path)
    store._merger.stop()
    for number, metric in enumerate(("m0", "m1")):
        await put(store, series_name(metric, {"a": "1"}), 1000, number)
    seal(store)
    others = [series_name(metric, {"a": "2"}) for metric in ("m2", "m3", "m0", "m1")]
    for start in range(2):
        for number, name in enumerate(others):
            await put(store, name, 2000 + start, number)
        seal(store)
    store.close()
    spoil_first_row(tmp_path / "catalog.sqlite", "names")
    names_of_first = tmp_path / "segments" / "series-0000000000-0000000002.parquet"
    names_of_first.write_bytes(names_of_first.read_bytes()[:-1] + b"X")
    right = {name.metric: [(2000, number), (2001, number)] for number, name in enumerate(others)}

    for start in range(2):
        store = opened(tmp_path)
        store._merger.stop()
        assert {metric: points_of(store, metric) for metric in right} == right
        [ordinal] = store.table.lookup(np.array([store.table.key_of(others[2])], dtype=np.uint64))[0].tolist()
        await store.delete(np.array([ordinal], dtype=np.uint32), 2001 - start, 2001 - start)
        right["m0"] = right["m0"][:-1]
        await put(store, others[3], 3000 + start, 9)
        right["m1"].append((3000 + start, 9))
        seal(store)
        store._housekeeping._apply_deletes_at = 0.0
        with suppress(Corrupt):  # of names: their file is damaged
            for _ in range(9):
                store._housekeeping.merge(lambda: None)
        assert {metric: points_of(store, metric) for metric in right} == right
        store.close()


async def test_a_damaged_list_of_deleted_series_is_named(tmp_path: Path) -> None:
    store = opened(tmp_path)
    ordinal = await put(store, series_name("gone", {}), 1000, 1)
    await store.commit([], None, np.array([ordinal], dtype=np.uint32))
    seal(store)
    store.close()
    with closing(sqlite3.connect(tmp_path / "catalog.sqlite", isolation_level=None)) as stranger:
        stranger.execute("UPDATE hidden SET crc = crc + 1")
    store = opened(tmp_path)
    assert store.damaged == ["catalog.sqlite: the list of deleted series is damaged; their names show again"]
    assert store.suggest("metrics", "", 9) == ["gone"]
    assert points_of(store, "gone") == []
    store.close()
