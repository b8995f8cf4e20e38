"""Commits of documents, points and a delete through the whole store: in one order, all of it or nothing."""

from __future__ import annotations

import asyncio
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace import limits
from headrace.config import Settings
from headrace.errors import Unavailable
from headrace.metrics import Metrics
from headrace.model.points import Admitted, Kind, Values
from headrace.model.series import series_name
from headrace.store import Document, DocumentRange
from headrace.store.embedded.journal.commits import Request, request_of, steps_of
from headrace.store.embedded.journal.format import FILE_HEADER_BYTES
from headrace.store.embedded.recent.deletes import Delete
from headrace.store.embedded.store import EmbeddedStore, assemble_store, open_store


def opened(folder: Path) -> EmbeddedStore:
    return open_store(Settings(data_dir=folder, disk_reserve_bytes=0), Metrics())


def points(store: EmbeddedStore, *times: int) -> Admitted:
    name = series_name("m", {"host": "a"})
    ordinal = store.table.register(store.table.key_of(name), name, 0)
    return batch(ordinal, *times)


def batch(ordinal: int, *times: int) -> Admitted:
    column = np.array(times, dtype=np.int64)
    values = Values(np.full(len(times), Kind.INT64, dtype=np.uint8), column)
    return Admitted(np.full(len(times), ordinal, dtype=np.uint32), column, values)


def times_of(store: EmbeddedStore) -> list[int]:
    with store.snapshot() as snapshot:
        try:
            times: list[int] = snapshot.select(snapshot.find("m", {}), 0, 10_000).times.tolist()
        except KeyError:
            return []
        return times


HOST_A = np.zeros(1, dtype=np.uint32)


async def test_a_commit_deletes_then_writes_then_changes_documents(tmp_path: Path) -> None:
    store = opened(tmp_path)
    await store.append(points(store, 1, 2))
    await store.commit([Document("form", "1", b"one"), Document("token", "t", b"")], points(store, 5), HOST_A)
    for _ in range(2):
        assert times_of(store) == [5]
        assert store.document("form", "1") == b"one"
        assert store.documents("token", "", "~") == [("t", b"")]
        store.close()
        store = opened(tmp_path)
    await store.commit([DocumentRange("form", "", "~"), Document("form", "2", b"two")], None, HOST_A)
    assert times_of(store) == []
    assert store.documents("form", "", "~") == [("2", b"two")]
    with pytest.raises(KeyError), store.snapshot() as snapshot:
        snapshot.find("m", {})
    store.close()


async def test_what_waits_together_is_one_sync_in_the_order_of_the_calls(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = assemble_store(Settings(data_dir=tmp_path, disk_reserve_bytes=0), Metrics(), lambda: 0)
    syncs: list[int] = []
    sync = os.fdatasync

    def counted(descriptor: int) -> None:
        syncs.append(descriptor)
        sync(descriptor)

    monkeypatch.setattr(os, "fdatasync", counted)
    calls = [
        store.append(points(store, 1)),
        store.commit([Document("n", "a", b"1")], points(store, 2)),
        store.commit([Document("n", "a", b"2"), Document("n", "b", b"3")], points(store, 3), HOST_A),
        store.commit([DocumentRange("n", "b", "c")]),
        store.append(points(store, 4)),
    ]
    tasks = [asyncio.create_task(call) for call in calls]
    await asyncio.sleep(0)
    store._writer.take_turn()
    assert len(set(await asyncio.gather(*tasks))) == 1
    assert len(syncs) == 1
    assert times_of(store) == [3, 4]
    assert store.documents("n", "", "~") == [("a", b"2")]
    store._parts.close()


async def test_nothing_to_do_is_done_at_once(tmp_path: Path) -> None:
    store = opened(tmp_path)
    sequence = await store.append(points(store, 1))
    none = np.empty(0, dtype=np.uint32)
    assert await store.commit([], batch(0), none) == sequence
    assert await store.delete(none, 0, 1) == sequence
    store.close()


async def test_what_no_commit_can_hold_is_its_callers_fault(tmp_path: Path) -> None:
    store = opened(tmp_path)
    with pytest.raises(ValueError, match="surrogates"):
        await store.commit([Document("n", "\ud800", b"")], points(store, 1))
    with pytest.raises(ValueError, match="in one commit"):
        await store.commit([Document("n", "a", b"")] * (limits.COMMIT_RECORDS + 1))
    await store.commit([Document("n", str(n), b"") for n in range(limits.COMMIT_RECORDS)], points(store, 2))
    assert times_of(store) == [2]
    store.close()


async def test_documents_wait_in_a_bounded_queue(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "QUEUE_DOCUMENT_BYTES_MAX", 100)
    store = assemble_store(Settings(data_dir=tmp_path, disk_reserve_bytes=0), Metrics(), lambda: 0)
    first = asyncio.create_task(store.commit([Document("n", "a", bytes(200))]))
    await asyncio.sleep(0)
    with pytest.raises(Unavailable, match="documents wait"):
        await store.commit([Document("n", "b", b"")], points(store, 1))
    await store.commit([])
    store._writer.take_turn()
    await first
    second = asyncio.create_task(store.commit([Document("n", "b", b"")]))
    await asyncio.sleep(0)
    store._writer.take_turn()
    await second
    store._parts.close()


async def test_a_torn_commit_leaves_nothing(tmp_path: Path) -> None:
    """The journal cut at every byte of a commit: before its end nothing of it is there, behind it all is."""
    store = opened(tmp_path / "data")
    await store.commit([Document("n", "a", b"1")], points(store, 1))
    [file] = (tmp_path / "data" / "journal").glob("*.journal")
    whole_before = file.stat().st_size
    await store.commit(
        [Document("n", "a", b"2"), DocumentRange("n", "b", "c"), Document("n", "d", b"3")], points(store, 2), HOST_A
    )
    whole_after = file.stat().st_size
    store.close()
    for size in [*range(whole_before, whole_after, 37), whole_after]:
        folder = tmp_path / f"cut-{size}"
        shutil.copytree(tmp_path / "data", folder)
        os.truncate(folder / "journal" / file.name, size)
        store = assemble_store(Settings(data_dir=folder, disk_reserve_bytes=0), Metrics(), lambda: 0)
        found = times_of(store), store.documents("n", "", "~")
        assert found == (([2], [("a", b"2"), ("d", b"3")]) if size == whole_after else ([1], [("a", b"1")]))
        store._parts.close()


requests = st.builds(
    lambda deleted, times: request_of(
        Delete(np.array([0], dtype=np.uint32), 0, 9) if deleted else None, batch(0, *times)
    ),
    st.booleans(),
    st.lists(st.integers(0, 9), max_size=3),
)


@given(st.lists(requests))
def test_points_that_no_delete_parts_are_one_step(asked: list[Request]) -> None:
    expected: list[object] = []
    for request in asked:
        if request.delete is not None:
            expected.append("delete")
        if request.points is not None:
            times = request.points.times.tolist()
            if expected and isinstance(expected[-1], list):
                expected[-1] += times
            else:
                expected.append(times)
    steps = steps_of(asked)
    assert ["delete" if isinstance(step, Delete) else step.times.tolist() for step in steps] == expected


# sealing what is no point -----------------------------------------------------------------------------------------


async def until(true: Callable[[], object]) -> None:
    deadline = time.monotonic() + 10
    while not true():
        assert time.monotonic() < deadline, "it did not happen"
        await asyncio.sleep(0.005)


@pytest.fixture
def _sealers_that_look_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "SEALER_TICK_S", 0.01)


def journal_of(folder: Path) -> list[Path]:
    return sorted((folder / "journal").iterdir())


def is_sealed(folder: Path) -> bool:
    """Whether the journal holds nothing: of its files the last stays, and is as long as its header."""
    try:
        return [file.stat().st_size for file in journal_of(folder)] == [FILE_HEADER_BYTES]
    except FileNotFoundError:  # one that was listed has just gone
        return False


@pytest.mark.usefixtures("_sealers_that_look_often")
async def test_documents_alone_are_sealed_when_they_are_old(tmp_path: Path) -> None:
    store = open_store(Settings(data_dir=tmp_path, seal_age_s=0.1), Metrics())
    await store.commit([Document("n", "a", b"1")])
    await until(lambda: is_sealed(tmp_path))
    assert store.document("n", "a") == b"1"
    store.close()
    store = opened(tmp_path)
    assert store.documents("n", "", "~") == [("a", b"1")]
    assert not list((tmp_path / "segments").glob("points-*"))
    store.close()


@pytest.mark.usefixtures("_sealers_that_look_often")
async def test_files_that_a_seal_left_go_with_the_next_look(tmp_path: Path) -> None:
    """A seal may be faster than the rotation behind its freeze, or a backup may keep the files."""
    store = open_store(Settings(data_dir=tmp_path, seal_age_s=0.1), Metrics())
    with store._parts.journal.keeping_files():
        await store.commit([Document("n", "a", b"1")])
        await until(lambda: store._parts.documents.recent_bytes == 0 and not store._parts.visible.seal_waits)
        assert not is_sealed(tmp_path)
    await until(lambda: is_sealed(tmp_path))
    store.close()


@pytest.mark.usefixtures("_sealers_that_look_often")
async def test_a_delete_alone_is_sealed_when_it_is_old(tmp_path: Path) -> None:
    store = open_store(Settings(data_dir=tmp_path, seal_age_s=0.1), Metrics())
    await store.append(points(store, 1, 2, 3))
    await until(lambda: list((tmp_path / "segments").glob("points-*")))
    await store.delete(HOST_A, 2, 2)
    await until(lambda: is_sealed(tmp_path))
    assert times_of(store) == [1, 3]
    store.close()
    store = open_store(Settings(data_dir=tmp_path, seal_age_s=0.1), Metrics())
    assert times_of(store) == [1, 3]
    await store.commit([], None, HOST_A)  # hides the series too
    await until(lambda: is_sealed(tmp_path))
    store.close()
    store = opened(tmp_path)
    assert times_of(store) == []
    assert store.suggest("metrics", "", 9) == []
    store.close()


async def test_many_bytes_of_documents_are_sealed_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "SEAL_OTHER_BYTES", 50_000)
    store = opened(tmp_path)
    for number in range(40):
        await store.commit([Document("n", f"{number:02d}", bytes(5000))])
        await asyncio.sleep(0.002)
    await until(lambda: store._parts.documents.recent_bytes < 60_000)
    assert sum(file.stat().st_size for file in journal_of(tmp_path)) < 120_000
    assert len(store.documents("n", "", "~")) == 40
    store.close()


def test_a_journal_of_many_documents_is_read_back_in_generations(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = opened(tmp_path)
    asyncio.run(store.commit([Document("n", f"{number:02d}", bytes(5000)) for number in range(40)], points(store, 1)))
    store.close()
    monkeypatch.setattr(limits, "SEAL_OTHER_BYTES", 50_000)
    store = assemble_store(Settings(data_dir=tmp_path, disk_reserve_bytes=0), Metrics(), lambda: 0)
    assert len(store._parts.visible._generations) > 3
    while store._parts.visible.seal_waits:
        store._sealer.take_turn()
    assert times_of(store) == [1]
    assert len(store.documents("n", "", "~")) == 40
    store._parts.close()
    store = opened(tmp_path)
    assert times_of(store) == [1]
    assert len(store.documents("n", "", "~")) == 40
    store.close()
