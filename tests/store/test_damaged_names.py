"""A journal whose record of new series is damaged: their points have no name any more, and must never get another's."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from headrace.config import Settings
from headrace.metrics import Metrics
from headrace.model.points import Admitted, Kind, Values
from headrace.model.series import SeriesName, series_name
from headrace.store.embedded import EmbeddedStore, open_store


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
