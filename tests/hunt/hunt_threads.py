"""The same comparison with the store's own threads running: several writers at once, seals, merges and queries between
them. What each writer asks for comes from a seed; how the threads meet does not."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any
from unittest import mock

import numpy as np
from hunt_files import check_log
from hunt_model import RETENTION, Batch, Bundle, Change, Contents, Deletion, Model, Paper, contents_of, difference
from hunt_steps import NAMES, START_MS, batch, bundle, columns, deletion, time_range
from numpy.typing import NDArray
from structlog.testing import capture_logs

from headrace import limits
from headrace.config import Settings
from headrace.errors import Unavailable
from headrace.gate import RuleSet, admit
from headrace.metrics import Metrics
from headrace.model.points import Admitted
from headrace.model.series import SeriesName
from headrace.store import Document, DocumentRange
from headrace.store.embedded.reading.snapshot import EmbeddedSnapshot
from headrace.store.embedded.store import EmbeddedStore, open_store

WRITERS = 4
LIVES = 3
RULES = RuleSet("hunt", 0, None, 1, 8, 1000)

SMALL_LIMITS: dict[str, Any] = {
    "ROW_GROUP_ROWS": 97,
    "SERIES_CHUNK": 3,
    "SERIES_STEP": 2,
    "SERIES_CHUNK_BYTES": 100,
    "SERIES_RECORD_BYTES": 100,
    "COMMIT_POINTS": 60,
    "COMMIT_POINT_BYTES": 3000,
    "SEAL_TEXT_BYTES": 2000,
    "SEALER_TICK_S": 0.001,
    "SEAL_OTHER_BYTES": 20_000,
    "DOCUMENTS_SWEPT": 1,
    "PROBE_INTERVAL_S": 0.001,
    "MERGE_FACTOR": 3,
    "MERGE_INPUTS_MAX": 4,
    "MERGE_ROWS_MAX": 1000,
    "MERGE_SERIES_MAX": 20,
    "APPLY_DELETES_S": 0.01,
}

Papers = list[tuple[str, bytes]]


def storm(seed: int, rounds: int, folder: Path | None = None) -> None:
    """Every writer does `rounds` rounds in each of some lives of one database. Raises AssertionError."""
    with tempfile.TemporaryDirectory(dir=folder, prefix="hunt-") as own, small_limits():
        writers = writers_of(seed)
        for life in range(LIVES):
            asyncio.run(_live(settings_of(Path(own), seed + life), writers, rounds))


@contextmanager
def small_limits() -> Iterator[None]:
    """And a look at what the store has logged, at the end."""
    with mock.patch.multiple(limits, **SMALL_LIMITS), capture_logs() as logged:
        yield
    check_log(logged)


def settings_of(folder: Path, number: int) -> Settings:
    """Of the `number`-th life: each seals at another size."""
    return Settings(data_dir=folder, seal_points=[40, 150, 600][number % 3], retention=RETENTION)


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


def writers_of(seed: int) -> list[Writer]:
    return [Writer(seed * WRITERS + number, NAMES[number::WRITERS], f"paper-{number}") for number in range(WRITERS)]


class Writer:
    """One client, the series and the kind of documents that only it writes, and what they must hold: the last write
    wins, so nobody else may."""

    def __init__(self, seed: int, series: Sequence[SeriesName], kind: str) -> None:
        self.model = Model()
        self.note: Callable[[bool], None] = lambda acknowledged: None
        """Called with whether a change was acknowledged or refused, before the next one is asked for."""
        self._changes = Random(seed)
        self._chance = Random(seed)  # of its own, so that a seed decides all changes, whatever else is done
        self._series = series
        self._kind = kind

    async def write(self, store: EmbeddedStore, rounds: int) -> None:
        for _ in range(rounds):
            with store.snapshot() as earlier:
                before, papers_before = self.model.contents(START_MS), self._papers()
                reading = asyncio.create_task(asyncio.to_thread(self._read_papers, store))
                await self._change(store)
                await asyncio.to_thread(self._check, store, earlier, before)
                assert await reading in (papers_before, self._papers()), "a part of a commit was seen"
            await asyncio.to_thread(self._check_now, store)
            if self._chance.random() < 0.05:
                store._writer.freeze()

    async def write_without_end(self, store: EmbeddedStore) -> None:
        """And compare nothing."""
        while True:
            await self._change(store)

    def next_change(self) -> Change:
        """A seed decides them all."""
        chance = self._changes.random()
        if chance < 0.1:
            asked = deletion(self._changes, START_MS)
            return Deletion(self._own(asked.series), asked.start_ms, asked.end_ms)
        if chance < 0.4:
            parts = bundle(self._changes, START_MS)
            papers = tuple(paper._replace(kind=self._kind) for paper in parts.papers)
            return Bundle(self._own(parts.deleted), self._own_points(parts.batch), papers)
        return self._own_points(batch(self._changes, START_MS))

    def check_all(self, store: EmbeddedStore) -> None:
        wrong = self.difference(store, self.model)
        assert not wrong, wrong

    def difference(self, store: EmbeddedStore, model: Model) -> str:
        """What the store holds of this writer beside what a model does."""
        with store.snapshot() as snapshot:
            found = snapshot.select(self._ordinals(store, self._series), -(2**63), 2**63 - 1)
            wrong = difference(contents_of(found, snapshot.names(found.series)), model.contents(START_MS))
        if wrong:
            return wrong
        papers, expected = self._read_papers(store), _papers_of(model)
        return "" if papers == expected else f"documents: {papers} instead of {expected}"

    def _own(self, series: Sequence[SeriesName]) -> tuple[SeriesName, ...]:
        return tuple(name for name in series if name in self._series)

    def _own_points(self, asked: Batch) -> Batch:
        return Batch(tuple(point for point in asked.points if point.name in self._series))

    async def _change(self, store: EmbeddedStore) -> None:
        change = self.next_change()
        try:
            await self._ask(store, change)
        except Unavailable:
            self.note(False)  # and then nothing of it may show
        else:
            self.model.apply(change)
            self.note(True)

    async def _ask(self, store: EmbeddedStore, change: Change) -> None:
        match change:
            case Batch():
                await store.append(self._admit(store, change))
            case Deletion():
                await store.delete(self._ordinals(store, change.series), change.start_ms, change.end_ms)
            case Bundle():
                papers = [Document(*one) if isinstance(one, Paper) else DocumentRange(*one) for one in change.papers]
                deleted = self._ordinals(store, change.deleted)
                await store.commit(papers, self._admit(store, change.batch), deleted)

    def _admit(self, store: EmbeddedStore, mine: Batch) -> Admitted:
        return admit(columns(mine, store.table), RULES, store.table).admitted

    def _check_now(self, store: EmbeddedStore) -> None:
        """An acknowledged change is in the next answer."""
        start_ms, end_ms = time_range(self._chance, START_MS)
        with store.snapshot() as snapshot:
            self._check(store, snapshot, self.model.contents(START_MS, start_ms, end_ms), start_ms, end_ms)
        assert self._read_papers(store) == self._papers()

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

    def _papers(self) -> Papers:
        return _papers_of(self.model)

    def _read_papers(self, store: EmbeddedStore) -> Papers:
        return store.documents(self._kind, "", "\U0010ffff")

    def _ordinals(self, store: EmbeddedStore, names: Sequence[SeriesName]) -> NDArray[np.uint32]:
        """Of those that have been committed."""
        keys = np.array([store.table.key_of(name) for name in names], dtype=np.uint64).reshape(-1, 2)
        ordinals, _ = store.table.lookup(keys)
        return ordinals[ordinals < len(store._parts.index)]


def _papers_of(model: Model) -> Papers:
    return sorted((key, body) for (_, key), body in model.papers.items())
