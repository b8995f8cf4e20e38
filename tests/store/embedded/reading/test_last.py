"""Snapshot.last against the definition: of each series the latest point that a select of all time shows."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from headrace import limits
from headrace.config import Settings
from headrace.errors import Refused
from headrace.metrics import Metrics
from headrace.model.points import Admitted, Kind, Values
from headrace.model.series import series_name
from headrace.model.time import TimeRange
from headrace.store import Columns
from headrace.store.embedded.reading.last import last
from headrace.store.embedded.store import open_store

NOW = 1_700_000_000_000

POINTS = st.dictionaries(
    st.integers(0, 5),
    st.sets(
        st.one_of(st.integers(0, 10**6), st.integers(NOW - 10**9, NOW + 10**9), st.integers(NOW - 10**12, NOW)),
        min_size=1,
        max_size=20,
    ),
)


class Held:
    """Points by series, and a select over them that counts and limits what it reads."""

    def __init__(self, points: dict[int, set[int]], points_max: int) -> None:
        self.points = points
        self.points_max = points_max
        self.reads = 0

    def select(self, series: NDArray[np.uint32], start_ms: int, end_ms: int) -> Columns:
        self.reads += 1
        found = {i: sorted(t for t in self.points.get(i, ()) if start_ms <= t <= end_ms) for i in series.tolist()}
        found = {i: times for i, times in found.items() if times}
        times = np.array([t for ts in found.values() for t in ts], dtype=np.int64)
        if len(times) > self.points_max:
            raise Refused("query-points", "too many")
        starts = np.cumsum([0, *map(len, found.values())], dtype=np.int64)
        kinds = np.full(len(times), Kind.INT64, dtype=np.uint8)
        return Columns(np.array([*found], dtype=np.uint32), starts, times, Values(kinds, times * 2))

    def span(self) -> TimeRange | None:
        every = [time for times in self.points.values() for time in times]
        return TimeRange(min(every), max(every)) if every else None


@given(POINTS, st.integers(NOW - 10**10, NOW + 10**10), st.integers(1, 40), st.permutations(range(6)))
def test_it_is_what_a_select_of_everything_shows_last(
    points: dict[int, set[int]], before: int, points_max: int, order: list[int]
) -> None:
    held = Held(points, max(points_max, len(order)))
    series = np.array(order, dtype=np.uint32)
    found = last(held.select, series, before, held.span(), NOW)
    latest = {i: max((t for t in points.get(i, ()) if t <= before), default=None) for i in order}
    expected = {i: t for i, t in latest.items() if t is not None}
    assert dict(zip(found.series.tolist(), found.times.tolist(), strict=True)) == expected
    assert found.series.tolist() == list(expected)
    assert found.values.bits.tolist() == [2 * t for t in expected.values()]
    assert found.starts.tolist() == list(range(len(expected) + 1))


def test_what_is_alive_takes_one_read_and_the_dead_a_few() -> None:
    alive = {i: {NOW - 30_000} for i in range(6)}
    held = Held(alive, 100)
    assert len(last(held.select, np.arange(6, dtype=np.uint32), NOW, held.span(), NOW)) == 6
    assert held.reads == 1
    year_ms = 365 * 86_400_000
    held = Held({**alive, 0: {NOW - 5 * year_ms}}, 100)
    assert len(last(held.select, np.arange(6, dtype=np.uint32), NOW, held.span(), NOW)) == 6
    assert held.reads <= 9


def test_a_clock_that_ran_ahead_costs_two_reads() -> None:
    held = Held({0: {NOW + 10**12}, **{i: set(range(NOW - 50_000, NOW, 1000)) for i in range(1, 6)}}, 300)
    assert len(last(held.select, np.arange(6, dtype=np.uint32), 2 * NOW, held.span(), NOW)) == 6
    assert held.reads <= 12


def wait_for_a_segment(folder: Path) -> None:
    deadline = time.monotonic() + 10
    while not list(folder.glob("points-*.parquet")):
        assert time.monotonic() < deadline, "nothing was sealed"
        time.sleep(0.02)


@pytest.mark.parametrize("sealed", [False, True])
async def test_the_store_reads_recent_and_segments(tmp_path: Path, sealed: bool) -> None:
    store = open_store(Settings(data_dir=tmp_path, seal_points=10 if sealed else 10**6), Metrics())
    try:
        names = [series_name("m", {"host": str(i)}) for i in range(3)]
        ordinals = np.array([store.table.register(store.table.key_of(name), name, 0) for name in names], np.uint32)
        for times in ((1, 5, 3), (9, 2, 4)):
            stamps = np.repeat(np.array(times, dtype=np.int64) * 10**9, 3)
            kinds = np.full(9, Kind.INT64, dtype=np.uint8)
            await store.append(Admitted(np.tile(ordinals, 3), stamps, Values(kinds, stamps // 10**9)))
        if sealed:
            await asyncio.to_thread(wait_for_a_segment, tmp_path / "segments")
        with store.snapshot() as snapshot:
            newest = snapshot.last(ordinals[::-1].copy(), 10**15)
            assert newest.series.tolist() == ordinals[::-1].tolist()
            assert newest.values.bits.tolist() == [9, 9, 9]
            assert snapshot.last(ordinals[1:], 4 * 10**9).values.bits.tolist() == [4, 4]
            assert len(snapshot.last(ordinals, 5)) == 0
            assert np.array_equal(snapshot.with_keys(snapshot.keys(ordinals)), ordinals)
    finally:
        store.close()
    assert limits.LAST_POINTS_MAX < limits.QUERY_POINTS_MAX
