"""The same comparison with the store's own threads running: several writers at once, seals, merges and queries between
them. The steps come from a seed; how the threads meet does not."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Any
from unittest import mock

import numpy as np
from hunt_model import RETENTION, Batch, Contents, Deletion, Model, contents_of, difference
from hunt_steps import NAMES, START_MS, batch, columns, deletion, time_range
from numpy.typing import NDArray
from structlog.testing import capture_logs

from headrace import limits
from headrace.config import Settings
from headrace.errors import Unavailable
from headrace.gate import RuleSet, admit
from headrace.metrics import Metrics
from headrace.model.series import SeriesName
from headrace.store.embedded import EmbeddedStore, open_store
from headrace.store.snapshot import EmbeddedSnapshot

WRITERS = 4
LIVES = 3
RULES = RuleSet("hunt", 0, None, 1, 8, 1000)

SMALL_LIMITS: dict[str, Any] = {
    "ROW_GROUP_ROWS": 97,
    "SERIES_CHUNK": 3,
    "COMMIT_POINTS": 60,
    "SEALER_TICK_S": 0.001,
    "PROBE_INTERVAL_S": 0.001,
    "MERGE_FACTOR": 3,
    "MERGE_INPUTS_MAX": 4,
    "MERGE_ROWS_MAX": 1000,
    "MERGE_SERIES_MAX": 20,
    "APPLY_DELETES_S": 0.01,
}


def storm(seed: int, rounds: int, folder: Path | None = None) -> None:
    """Every writer does `rounds` rounds in each of some lives of one database. Raises AssertionError."""
    with (
        tempfile.TemporaryDirectory(dir=folder, prefix="hunt-") as own,
        mock.patch.multiple(limits, **SMALL_LIMITS),
        capture_logs(),
    ):
        # The last write wins, so each series has one writer only.
        writers = [Writer(Random(seed * WRITERS + number), NAMES[number::WRITERS]) for number in range(WRITERS)]
        for life in range(LIVES):
            settings = Settings(data_dir=Path(own), seal_points=[40, 150, 600][(seed + life) % 3], retention=RETENTION)
            asyncio.run(_live(settings, writers, rounds))


async def _live(settings: Settings, writers: Sequence[Writer], rounds: int) -> None:
    store = open_store(settings, Metrics(), lambda: START_MS)
    try:
        for writer in writers:
            writer.check_all(store)
        await asyncio.gather(*(writer.write(store, rounds) for writer in writers))
        for writer in writers:
            writer.check_all(store)
    finally:
        store.close()


class Writer:
    """One client, the series that only it writes, and what they must hold."""

    def __init__(self, chance: Random, series: Sequence[SeriesName]) -> None:
        self._chance = chance
        self._series = series
        self._model = Model()

    async def write(self, store: EmbeddedStore, rounds: int) -> None:
        for _ in range(rounds):
            with store.snapshot() as earlier:
                before = self._model.contents(START_MS)
                await self._change(store)
                await asyncio.to_thread(self._check, store, earlier, before)
            await asyncio.to_thread(self._check_now, store)
            if self._chance.random() < 0.05:
                store._writer.freeze()

    def check_all(self, store: EmbeddedStore) -> None:
        with store.snapshot() as snapshot:
            self._check(store, snapshot, self._model.contents(START_MS))

    async def _change(self, store: EmbeddedStore) -> None:
        try:
            if self._chance.random() < 0.1:
                await self._delete(store)
            else:
                await self._append(store)
        except Unavailable:
            return  # and then nothing of it may show

    async def _append(self, store: EmbeddedStore) -> None:
        mine = Batch(tuple(point for point in batch(self._chance, START_MS).points if point.name in self._series))
        await store.append(admit(columns(mine, store.table), RULES, store.table).admitted)
        self._model.apply(mine)

    async def _delete(self, store: EmbeddedStore) -> None:
        asked = deletion(self._chance, START_MS)
        mine = Deletion(tuple(name for name in asked.series if name in self._series), asked.start_ms, asked.end_ms)
        ordinals = self._ordinals(store, mine.series)
        if len(ordinals):
            await store.delete(ordinals, mine.start_ms, mine.end_ms)
            self._model.apply(mine)

    def _check_now(self, store: EmbeddedStore) -> None:
        """An acknowledged point is in the next answer."""
        start_ms, end_ms = time_range(self._chance, START_MS)
        with store.snapshot() as snapshot:
            self._check(store, snapshot, self._model.contents(START_MS, start_ms, end_ms), start_ms, end_ms)

    def _check(
        self,
        store: EmbeddedStore,
        snapshot: EmbeddedSnapshot,
        expected: Contents,
        start_ms: int = -(2**63),
        end_ms: int = 2**63 - 1,
    ) -> None:
        found = snapshot.select(self._ordinals(store, self._series), start_ms, end_ms)
        wrong = difference(contents_of(found, snapshot.names(found.series)), expected)
        assert not wrong, wrong

    def _ordinals(self, store: EmbeddedStore, names: Sequence[SeriesName]) -> NDArray[np.uint32]:
        """Of those that have been committed."""
        keys = np.array([store.table.key_of(name) for name in names], dtype=np.uint64).reshape(-1, 2)
        ordinals, _ = store.table.lookup(keys)
        return ordinals[ordinals < len(store._parts.index)]
