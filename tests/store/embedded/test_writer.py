"""The writer's turns taken one by one, with no sealer beside it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import numpy as np
import pytest

from headrace import limits
from headrace.config import Settings
from headrace.metrics import Metrics
from headrace.model.points import Admitted, Kind, Values
from headrace.model.series import series_name
from headrace.store.embedded.store import EmbeddedStore, assemble_store


def one_point(store: EmbeddedStore, time: int) -> Admitted:
    name = series_name("m", {"host": "a"})
    ordinal = store.table.register(store.table.key_of(name), name, 0)
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
