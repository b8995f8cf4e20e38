"""The writer's turns taken one by one, with no sealer beside it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import numpy as np
import pytest

from headrace import limits
from headrace.config import Settings
from headrace.errors import Refused, Unavailable
from headrace.metrics import Metrics
from headrace.model.points import Admitted, Kind, Values
from headrace.model.series import series_name
from headrace.store.embedded.store import EmbeddedStore, assemble_store


def series_a(store: EmbeddedStore) -> int:
    name = series_name("m", {"host": "a"})
    return store.table.register(store.table.key_of(name), name, 0)


def text_point(store: EmbeddedStore, time: int, size: int) -> Admitted:
    values = Values(np.array([Kind.TEXT], dtype=np.uint8), np.array([size], dtype=np.int64), b"x" * size)
    return Admitted(np.array([series_a(store)], dtype=np.uint32), np.array([time], dtype=np.int64), values)


def one_point(store: EmbeddedStore, time: int) -> Admitted:
    ordinal = series_a(store)
    values = Values(np.array([Kind.INT64], dtype=np.uint8), np.array([time], dtype=np.int64))
    return Admitted(np.array([ordinal], dtype=np.uint32), np.array([time], dtype=np.int64), values)


async def write(store: EmbeddedStore, time: int) -> None:
    appending = asyncio.create_task(store.append(one_point(store, time)))
    await asyncio.sleep(0)
    store._writer.take_turn()
    await appending


async def test_a_freeze_for_which_there_is_no_room_is_left_to_be_asked_for_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sealer asks each second while recent is old: many such may wait behind a slow fdatasync."""
    monkeypatch.setattr(limits, "SEAL_WAIT_S", 0.0)
    store = assemble_store(Settings(data_dir=tmp_path, disk_reserve_bytes=0), Metrics(), lambda: 0)
    for time in range(limits.GENERATIONS_MAX + 2):
        await write(store, time)
        store._writer.freeze()
        store._writer.take_turn()
    await write(store, 99)
    with store.snapshot() as snapshot:
        columns = snapshot.select(snapshot.find("m", {}), 0, 1000)
    assert columns.times.tolist() == [*range(limits.GENERATIONS_MAX + 2), 99]
    store._parts.close()


def assembled(folder: Path) -> EmbeddedStore:
    return assemble_store(Settings(data_dir=folder, disk_reserve_bytes=0), Metrics(), lambda: 0)


def times_of(store: EmbeddedStore) -> list[int]:
    with store.snapshot() as snapshot:
        times: list[int] = snapshot.select(snapshot.find("m", {}), 0, 1000).times.tolist()
        return times


async def test_a_commit_is_cut_by_the_bytes_of_its_texts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "COMMIT_POINT_BYTES", 2000)
    store = assembled(tmp_path)
    tasks = [asyncio.create_task(store.append(text_point(store, time, 990))) for time in range(3)]
    await asyncio.sleep(0)
    store._writer.take_turn()
    await asyncio.gather(*tasks[:2])
    assert not tasks[2].done()
    assert times_of(store) == [0, 1]
    store._writer.take_turn()
    await tasks[2]
    assert times_of(store) == [0, 1, 2]
    store._parts.close()


async def test_the_queue_is_bounded_in_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "QUEUE_POINT_BYTES_MAX", 1000)
    store = assembled(tmp_path)
    waiting = asyncio.create_task(store.append(text_point(store, 1, 5000)))  # one is taken, however large
    await asyncio.sleep(0)
    with pytest.raises(Unavailable, match="bytes of points"):
        await store.append(one_point(store, 2))
    store._writer.take_turn()
    await waiting
    await write(store, 3)
    assert times_of(store) == [1, 3]
    store._parts.close()


async def test_what_no_record_can_hold_is_refused_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "REQUEST_POINT_BYTES_MAX", 1000)
    store = assembled(tmp_path)
    before = asyncio.create_task(store.append(one_point(store, 1)))
    await asyncio.sleep(0)
    with pytest.raises(Refused, match="at most 1000") as refused:
        await store.append(text_point(store, 2, 1000))
    assert refused.value.rule == "body-too-large"
    store._writer.take_turn()
    await before
    await write(store, 3)
    assert times_of(store) == [1, 3]
    store._parts.close()


async def test_long_texts_begin_a_generation_of_their_own_now_and_at_the_next_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "SEAL_TEXT_BYTES", 2500)
    store = assembled(tmp_path)
    times = [*range(5)]
    for time in times:
        appending = asyncio.create_task(store.append(text_point(store, time, 1000)))
        await asyncio.sleep(0)
        store._writer.take_turn()
        await appending
    for _ in range(2):
        with store.snapshot() as snapshot:
            assert [len(generation) for generation in snapshot._pinned.generations] == [2, 2, 1]
        assert times_of(store) == times
        store._parts.close()
        store = assembled(tmp_path)
    store._parts.close()


async def test_more_than_a_generation_waits_until_it_is_alone_in_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "SEAL_TEXT_BYTES", 2500)
    monkeypatch.setattr(limits, "SEAL_WAIT_S", 0.0)
    monkeypatch.setattr(limits, "PROBE_INTERVAL_S", 0.0)
    store = assembled(tmp_path)
    first = asyncio.create_task(store.append(text_point(store, 1, 5000)))
    await asyncio.sleep(0)
    store._writer.take_turn()
    await first
    second = asyncio.create_task(store.append(text_point(store, 2, 5000)))
    await asyncio.sleep(0)
    store._writer.take_turn()
    with pytest.raises(Unavailable, match="faster than they can be sealed"):
        await second
    assert times_of(store) == [1]
    store._sealer.take_turn()
    store._writer.take_turn()  # finds the disk well, so that it takes points again
    third = asyncio.create_task(store.append(text_point(store, 3, 5000)))
    await asyncio.sleep(0)
    store._writer.take_turn()
    await third
    assert times_of(store) == [1, 3]
    store._parts.close()
