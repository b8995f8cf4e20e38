"""Downsampling in pieces gives what downsampling at once gives, and holds only a piece."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from headrace import limits
from headrace.config import Settings
from headrace.errors import Refused, Unavailable
from headrace.metrics import Metrics
from headrace.model.points import Admitted, Kind, Values
from headrace.model.query import (
    ANY_VALUE,
    Buckets,
    CalendarBuckets,
    Downsampling,
    Fill,
    FixedBuckets,
    OneBucket,
    Selection,
    SeriesQuery,
    TagFilter,
)
from headrace.model.series import series_name
from headrace.model.time import DAY_MS, HOUR_MS, TimeRange
from headrace.query.aggregation.downsampling import spans
from headrace.query.aggregation.engine import run
from headrace.store import Check, go_on
from headrace.store.embedded.reading.helpers import Helpers
from headrace.store.embedded.store import EmbeddedStore, open_store

SERIES = 12
POINTS = 500
START_MS = 1_700_000_000_000
STEP_MS = 60_000
WHOLE = TimeRange(START_MS, START_MS + POINTS * STEP_MS)


@contextmanager
def store_of_points(folder: Path, memory_bytes: int) -> Iterator[EmbeddedStore]:
    """Groups of hosts lie across one another, so that their order is not the one on disk."""
    store = open_store(Settings(data_dir=folder, seal_points=1700, query_memory_bytes=memory_bytes), Metrics())
    try:
        yield store
    finally:
        store.close()


async def write(store: EmbeddedStore) -> None:
    names = [series_name("m", {"host": f"h{n:02d}", "group": str(n % 3)}) for n in range(SERIES)]
    series = np.array([store.table.register(store.table.key_of(name), name, 0) for name in names], dtype=np.uint32)
    chance = np.random.default_rng(5)
    for begin in range(0, POINTS, 50):
        of = np.repeat(series, 50)
        times = START_MS + np.tile(np.arange(begin, begin + 50), SERIES) * STEP_MS
        values = Values(np.full(len(of), Kind.DOUBLE, dtype=np.uint8), chance.normal(size=len(of)).view(np.int64))
        await store.append(Admitted(of, times, values))


@contextmanager
def helped(store: EmbeddedStore, helpers: int) -> Iterator[None]:
    """With so many helpers, however many cores this machine has."""
    own, store._helpers = store._helpers, Helpers(helpers)
    try:
        yield
    finally:
        store._helpers.close()
        store._helpers = own


def answers(
    store: EmbeddedStore, buckets: Buckets, fill: Fill, aggregator: str, check: Check = go_on
) -> list[tuple[object, ...]]:
    selection = Selection("m", (TagFilter("group", ANY_VALUE, group_by=True),))
    query = SeriesQuery(selection, WHOLE, aggregator, Downsampling(buckets, "sum", fill))
    with store.snapshot(check) as snapshot:
        return [
            (result.series.tolist(), result.times.tolist(), result.values.bits.tolist())
            for result in run(snapshot, query)
        ]


BUCKETS: list[Buckets] = [FixedBuckets(7 * STEP_MS), CalendarBuckets(3, "hour", ZoneInfo("Europe/Berlin")), OneBucket()]


async def test_pieces_change_no_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with store_of_points(tmp_path, 10**9) as store:
        await write(store)
        for buckets in BUCKETS:
            for fill, aggregator in ((Fill.NONE, "sum"), (Fill.ZERO, "none"), (Fill.NAN, "p95")):
                monkeypatch.setattr(limits, "QUERY_HALVED_POINTS", 10**9)
                monkeypatch.setattr(limits, "QUERY_PIECE_POINTS", 10**9)
                at_once = answers(store, buckets, fill, aggregator)
                assert len(at_once) == (12 if aggregator == "none" else 3)
                monkeypatch.setattr(limits, "QUERY_HALVED_POINTS", 1)
                for piece_points, helpers in ((2000, 1), (90, 0), (90, 1), (7, 1)):
                    monkeypatch.setattr(limits, "QUERY_PIECE_POINTS", piece_points)
                    with helped(store, helpers):
                        assert answers(store, buckets, fill, aggregator) == at_once


async def test_texts_in_some_pieces_are_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with store_of_points(tmp_path, 10**9) as store:
        await write(store)
        numbers = answers(store, BUCKETS[0], Fill.NONE, "sum")
        heap = b"n/a"
        between = START_MS + np.arange(200, 300) * STEP_MS + 1
        texts = Values(np.full(100, Kind.TEXT, dtype=np.uint8), np.full(100, len(heap), dtype=np.int64), heap)
        await store.append(Admitted(np.zeros(100, dtype=np.uint32), between, texts))
        name = series_name("m", {"host": "none", "group": "3"})
        wordy = store.table.register(store.table.key_of(name), name, 0)
        await store.append(Admitted(np.full(100, wordy, dtype=np.uint32), between, texts))
        monkeypatch.setattr(limits, "QUERY_HALVED_POINTS", 1)
        for piece_points, helpers in ((10**9, 0), (90, 1), (7, 0)):
            monkeypatch.setattr(limits, "QUERY_PIECE_POINTS", piece_points)
            with helped(store, helpers):
                assert answers(store, BUCKETS[0], Fill.NONE, "sum") == numbers
                assert len(answers(store, BUCKETS[0], Fill.ZERO, "sum")) == len(numbers)


async def test_more_points_than_memory_holds_are_downsampled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with store_of_points(tmp_path, 100_000) as store:
        await write(store)
        buckets = FixedBuckets(HOUR_MS)
        with pytest.raises(Refused, match="query_memory_bytes"):
            answers(store, buckets, Fill.NONE, "sum")
        assert store._query_memory.in_use == 0
        monkeypatch.setattr(limits, "QUERY_HALVED_POINTS", 500)
        monkeypatch.setattr(limits, "QUERY_PIECE_POINTS", 500)
        with helped(store, 1):
            assert len(answers(store, buckets, Fill.NONE, "sum")) == 3
            assert store._query_memory.in_use == 0
            monkeypatch.setattr(limits, "QUERY_PIECE_POINTS", 4000)
            with pytest.raises(Refused, match="query_memory_bytes"):
                answers(store, buckets, Fill.NONE, "sum")
            assert store._query_memory.in_use == 0


async def test_a_query_given_up_lets_go_of_all_it_held(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "QUERY_HALVED_POINTS", 500)
    monkeypatch.setattr(limits, "QUERY_PIECE_POINTS", 500)
    with store_of_points(tmp_path, 10**9) as store, helped(store, 1):
        await write(store)
        asked = itertools.count(1)
        for most in (1, 3, 9):

            def check(most: int = most) -> None:
                if next(asked) % 10 == most:
                    raise Unavailable("the client has gone")

            with pytest.raises(Unavailable, match="the client has gone"):
                answers(store, OneBucket(), Fill.NONE, "sum", check)
            assert store._query_memory.in_use == 0


@pytest.mark.parametrize("buckets", BUCKETS)
@pytest.mark.parametrize("parts", [1, 2, 5, 1000])
def test_spans_cover_the_range_and_cut_between_buckets(buckets: Buckets, parts: int) -> None:
    asked = TimeRange(START_MS, START_MS + 2 * DAY_MS)
    over = TimeRange(START_MS - HOUR_MS, START_MS + 2 * DAY_MS + HOUR_MS)
    cut = spans(over, asked, buckets, parts)
    assert cut[0].start_ms == over.start_ms
    assert cut[-1].end_ms == over.end_ms
    assert all(later.start_ms == earlier.end_ms + 1 for earlier, later in pairwise(cut))
    assert len(cut) <= parts
    if parts == 5 and not isinstance(buckets, OneBucket):
        assert len(cut) == 5
    if isinstance(buckets, FixedBuckets):
        assert all(span.start_ms % buckets.interval_ms == 0 for span in cut[1:])
    if isinstance(buckets, CalendarBuckets):
        assert all((span.start_ms + HOUR_MS) % (3 * HOUR_MS) == 0 for span in cut[1:])
