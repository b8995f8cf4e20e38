"""The embedded store as its callers see it: promises 1, 2, 4 and 6, with disks that fail on purpose."""

from __future__ import annotations

import asyncio
import errno
import os
import shutil
import sqlite3
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

import numpy as np
import pytest

from headrace import limits
from headrace.config import Settings
from headrace.errors import Unavailable
from headrace.metrics import Metrics
from headrace.model.points import Admitted, Kind, Values
from headrace.model.series import series_name
from headrace.store import Document, DocumentRange
from headrace.store.embedded.reading.visible import Visible
from headrace.store.embedded.store import EmbeddedStore, open_store


@asynccontextmanager
async def opened(
    folder: Path,
    seal_points: int = 1000,
    seal_age_s: float = 600.0,
    disk_reserve_bytes: int = 0,
    query_memory_bytes: int = limits.QUERY_MEMORY_BYTES,
    cache_bytes: int = limits.CACHE_BYTES,
) -> AsyncIterator[EmbeddedStore]:
    settings = Settings(
        data_dir=folder,
        seal_points=seal_points,
        seal_age_s=seal_age_s,
        disk_reserve_bytes=disk_reserve_bytes,
        query_memory_bytes=query_memory_bytes,
        cache_bytes=cache_bytes,
    )
    store = await asyncio.to_thread(open_store, settings, Metrics())
    try:
        yield store
    finally:
        await asyncio.to_thread(store.close)


def points(store: EmbeddedStore, host: str, numbers: range) -> Admitted:
    name = series_name("m", {"host": host})
    ordinal = store.table.register(store.table.key_of(name), name, 0)
    count = len(numbers)
    return Admitted(
        np.full(count, ordinal, dtype=np.uint32),
        np.array(numbers, dtype=np.int64),
        Values(np.full(count, Kind.INT64, dtype=np.uint8), np.array(numbers, dtype=np.int64) * 10),
    )


def read(store: EmbeddedStore) -> dict[str, list[int]]:
    """The times of each host; that each value is what was written is checked on the way."""
    with store.snapshot() as snapshot:
        try:
            series = snapshot.find("m", {})
        except KeyError:
            return {}
        columns = snapshot.select(series, 0, 10**9)
        assert columns.values.bits.tolist() == (columns.times * 10).tolist()
        hosts = [dict(name.tags)["host"] for name in snapshot.names(columns.series)]
        bounds = columns.starts.tolist()
        return {
            host: columns.times[first:end].tolist() for host, first, end in zip(hosts, bounds, bounds[1:], strict=False)
        }


async def until(true: object, within_s: float = 60.0) -> None:
    deadline = time.monotonic() + within_s
    while not true():  # type: ignore[operator]
        assert time.monotonic() < deadline, "it did not happen"
        await asyncio.sleep(0.01)


async def test_a_point_is_visible_when_append_returns_and_not_in_a_snapshot_taken_before(tmp_path: Path) -> None:
    async with opened(tmp_path) as store:
        await store.append(points(store, "a", range(3)))
        with store.snapshot() as before:
            await store.append(points(store, "a", range(3, 5)))
            assert len(before.select(before.find("m", {}), 0, 99)) == 3
        assert read(store) == {"a": [0, 1, 2, 3, 4]}


async def test_what_was_acknowledged_is_there_after_a_crash_at_that_moment(tmp_path: Path) -> None:
    """The folder as it is when append returns is all that a power cut leaves."""
    async with opened(tmp_path / "data") as store:
        for number in range(5):
            await store.append(points(store, f"h{number}", range(number + 1)))
            shutil.copytree(tmp_path / "data", tmp_path / f"crash{number}")
    for number in range(5):
        async with opened(tmp_path / f"crash{number}") as survivor:
            assert read(survivor) == {f"h{one}": list(range(one + 1)) for one in range(number + 1)}


async def test_a_file_of_documents_that_is_spoilt_under_a_running_store_stops_no_points(tmp_path: Path) -> None:
    """Four generations of points with a document each: more than may wait for a seal."""
    path, others = tmp_path / "documents.sqlite", [Document("k", f"{number:03}", bytes(5000)) for number in range(600)]
    async with opened(tmp_path, seal_points=10) as store:
        await store.commit(others, points(store, "a", range(10)))
        await store.append(points(store, "a", range(10, 20)))
        await until(lambda: store.documents("k", "", "~") and not store._parts.documents.recent_bytes)
        with closing(sqlite3.connect(path)) as stranger:
            stranger.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        path.write_bytes(b"somebody's notes" * (path.stat().st_size // 16))
        for number in range(2, 6):
            tens = range(10 * number, 10 * number + 10)
            await store.commit(
                [DocumentRange("k", "0", "5"), Document("k", "new", b"%d" % number)], points(store, "a", tens)
            )
        await until(lambda: store._parts.visible.recent_points <= 10)
        assert read(store) == {"a": list(range(60))}
        [lost] = store.damaged
    async with opened(tmp_path, seal_points=10) as store:
        assert read(store) == {"a": list(range(60))}
        assert store.documents("k", "", "~") == [("new", b"5")]
        assert store.damaged == [lost]
    assert "documents.sqlite.0.damaged" in lost


async def test_sealing_changes_where_points_lie_and_nothing_else(tmp_path: Path) -> None:
    async with opened(tmp_path, seal_points=10) as store:
        for number in range(50):
            await store.append(points(store, "a", range(number, number + 2)))
        await until(lambda: len(list((tmp_path / "segments").glob("points-*"))) >= 1)
        assert read(store) == {"a": list(range(51))}
    async with opened(tmp_path, seal_points=10) as store:
        assert read(store) == {"a": list(range(51))}


async def test_old_recent_points_are_sealed_and_their_journal_goes(tmp_path: Path) -> None:
    async with opened(tmp_path, seal_age_s=0.1) as store:
        await store.append(points(store, "a", range(100)))
        [journal] = (tmp_path / "journal").glob("*")
        await until(lambda: list((tmp_path / "segments").glob("points-*")))
        await until(lambda: not journal.exists())
        assert read(store) == {"a": list(range(100))}


async def test_all_that_waits_is_one_commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    syncs = []

    def slow_sync(descriptor: int) -> None:
        syncs.append(descriptor)
        time.sleep(0.05)

    async with opened(tmp_path) as store:
        batches = [points(store, f"h{number}", range(1)) for number in range(100)]
        monkeypatch.setattr(os, "fdatasync", slow_sync)
        sequences = await asyncio.gather(*(store.append(batch) for batch in batches))
        assert len(read(store)) == 100
    assert len(syncs) <= 3, "the first goes alone, those that come meanwhile together"
    assert sequences == sorted(sequences)


async def test_a_failing_disk_is_unavailable_shows_nothing_and_heals(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken_sync(descriptor: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(limits, "PROBE_INTERVAL_S", 0.05)
    async with opened(tmp_path / "data") as store:
        await store.append(points(store, "good", range(3)))
        with monkeypatch.context() as patch:
            patch.setattr(os, "fdatasync", broken_sync)
            patch.setattr(os, "fsync", broken_sync)
            with pytest.raises(Unavailable, match="Input/output error"):
                await store.append(points(store, "refused", range(3)))
            assert store.refusing
            with pytest.raises(Unavailable):
                await store.append(points(store, "refused", range(3)))
            assert read(store) == {"good": [0, 1, 2]}
        await until(lambda: store.refusing is None)
        await store.append(points(store, "later", range(2)))
        assert read(store) == {"good": [0, 1, 2], "later": [0, 1]}
        shutil.copytree(tmp_path / "data", tmp_path / "crash")
    async with opened(tmp_path / "crash") as survivor:
        assert read(survivor) == {"good": [0, 1, 2], "later": [0, 1]}


async def test_a_full_queue_is_unavailable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "QUEUE_POINTS_MAX", 10)
    async with opened(tmp_path) as store:
        sync = os.fdatasync

        def slow_sync(descriptor: int) -> None:
            time.sleep(0.2)
            sync(descriptor)

        monkeypatch.setattr(os, "fdatasync", slow_sync)
        first = asyncio.create_task(store.append(points(store, "a", range(1))))
        await asyncio.sleep(0.05)  # it is being written, so what follows waits
        second = asyncio.create_task(store.append(points(store, "b", range(8))))
        await asyncio.sleep(0)
        with pytest.raises(Unavailable, match="wait"):
            await store.append(points(store, "c", range(8)))
        await asyncio.gather(first, second)
        assert read(store) == {"a": [0], "b": list(range(8))}


async def test_our_own_fault_in_the_writer_is_told_to_everyone_and_a_restart_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def bug(self: Visible, points: Admitted, sequence: int) -> None:
        raise RuntimeError("a bug")

    async with opened(tmp_path) as store:
        await store.append(points(store, "a", range(2)))
        with monkeypatch.context() as patch:
            patch.setattr(Visible, "append", bug)
            with pytest.raises(RuntimeError, match="a bug"):
                await store.append(points(store, "b", range(2)))
        with pytest.raises(Unavailable, match="restart"):
            await store.append(points(store, "c", range(2)))
        assert read(store) == {"a": [0, 1]}
    async with opened(tmp_path) as store:
        assert read(store) == {"a": [0, 1], "b": [0, 1]}, "the journal had it before the bug struck"


async def test_close_commits_what_waits(tmp_path: Path) -> None:
    async with opened(tmp_path) as store:
        appends = [asyncio.create_task(store.append(points(store, f"h{number}", range(1)))) for number in range(20)]
        await asyncio.sleep(0)
    await asyncio.gather(*appends)
    async with opened(tmp_path) as store:
        assert len(read(store)) == 20


async def test_a_batch_larger_than_a_generation_is_taken(tmp_path: Path) -> None:
    async with opened(tmp_path, seal_points=10) as store:
        await store.append(points(store, "a", range(5)))
        await store.append(points(store, "a", range(5, 500)))
        await store.append(points(store, "a", range(500, 505)))
        assert read(store) == {"a": list(range(505))}
