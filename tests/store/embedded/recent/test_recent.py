"""Recent: appends, pinned views, and the rows of some series, against lists."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from point_batches import SERIES_MAX, TIMES_MAX, Point, batch, double, metric_ids, points, value_at

from headrace.errors import Refused
from headrace.model.arrivals import NO_ARRIVAL
from headrace.model.points import NEVER, Admitted, Kind, Values
from headrace.store.embedded.recent.recent import Recent, RecentView
from headrace.store.rows import want

MANY = 1_000_000


def found(view: RecentView, ordinals: list[int], start_ms: int, end_ms: int) -> list[list[Point]]:
    """For each ordinal its rows as points, in the order of arrival."""
    rows = view.select(want(np.array(ordinals, dtype=np.uint32), metric_ids), start_ms, end_ms, MANY)
    everything = [
        Point(
            int(rows.series[row]),
            int(rows.times[row]),
            value_at(rows.values, row),
            NEVER if rows.expires is None else int(rows.expires[row]),
            NO_ARRIVAL if rows.arrivals is None else int(rows.arrivals[row]),
        )
        for row in range(len(rows))
    ]
    return [[point for point in everything if point.series == ordinal] for ordinal in ordinals]


@given(
    st.lists(st.lists(points, min_size=1, max_size=30), max_size=8),
    st.lists(st.integers(0, SERIES_MAX + 1), unique=True),
    st.integers(0, TIMES_MAX),
    st.integers(0, TIMES_MAX),
    st.integers(0, 8),
)
def test_a_view_holds_what_had_been_appended(
    batches: list[list[Point]], ordinals: list[int], start_ms: int, end_ms: int, pinned: int
) -> None:
    recent = Recent(1000)
    view, seen = recent.view(), 0
    for sequence, written in enumerate(batches, start=1):
        recent.append(batch(written), sequence)
        if sequence <= pinned:
            view, seen = recent.view(), sequence
    before = [point for written in batches[:seen] for point in written]
    assert len(view) == len(before)
    assert found(view, ordinals, start_ms, end_ms) == [
        [point for point in before if point.series == ordinal and start_ms <= point.time <= end_ms]
        for ordinal in ordinals
    ]
    if seen:
        assert (view.first_sequence, view.last_sequence) == (1, seen)


@pytest.mark.parametrize("series", [1, 500])  # by chain, by scan
def test_both_ways_find_the_same(series: int) -> None:
    generator = np.random.default_rng(series)
    recent = Recent(50_000)
    ordinals = generator.integers(0, 1000, 50_000, dtype=np.uint32)
    times = generator.integers(0, 1000, 50_000)
    bits = generator.integers(-(2**62), 2**62, 50_000)
    for start in range(0, 50_000, 999):
        end = min(start + 999, 50_000)
        part = slice(start, end)
        recent.append(Admitted(ordinals[part], times[part], Values(np.ones(end - start, np.uint8), bits[part])), start)
    asked = generator.permutation(1000)[:series].astype(np.uint32)
    rows = recent.view().select(want(asked, metric_ids), 100, 900, MANY)
    for ordinal in asked:
        right = (ordinals == ordinal) & (times >= 100) & (times <= 900)
        assert rows.times[rows.series == ordinal].tolist() == times[right].tolist()
        assert rows.values.bits[rows.series == ordinal].tolist() == bits[right].tolist()


@pytest.mark.parametrize("series", [1, 64])
def test_too_many_points_are_refused(series: int) -> None:
    recent = Recent(64 * 100)
    recent.append(batch([Point(row % 64, row, double(row)) for row in range(6400)]), 1)
    wanted = want(np.arange(series, dtype=np.uint32), metric_ids)
    assert len(recent.view().select(wanted, 0, MANY, series * 100)) == series * 100
    with pytest.raises(Refused) as refusal:
        recent.view().select(wanted, 0, MANY, series * 100 - 1)
    assert refusal.value.rule == "query-points"


def test_an_empty_generation_takes_any_number_and_then_only_what_fits() -> None:
    recent = Recent(4)
    recent.append(batch([Point(1, time, double(time)) for time in range(9)]), 1)
    assert recent.capacity == 9
    with pytest.raises(ValueError, match="do not fit"):
        recent.append(batch([Point(1, 10, double(1))]), 2)
    assert len(recent) == 9


def test_an_ordinal_far_away_grows_the_heads() -> None:
    recent = Recent(10_000)
    recent.append(batch([Point(0, time, double(time)) for time in range(100)]), 1)
    old = recent.view()
    recent.append(batch([Point(1_000_000, 5, double(5)), Point(0, 100, double(1))]), 2)
    assert len(found(recent.view(), [1_000_000, 0], 0, 200)[0]) == 1
    assert len(found(recent.view(), [0], 0, 200)[0]) == 101
    assert len(found(old, [0], 0, 200)[0]) == 100
    assert found(old, [1_000_000], 0, 200) == [[]]


def test_texts_of_an_old_view_stay_while_the_heap_grows() -> None:
    recent = Recent(10_000)
    recent.append(batch([Point(1, 0, (Kind.TEXT, "first"))]), 1)
    old = recent.view()
    for sequence in range(2, 200):
        recent.append(batch([Point(1, sequence, (Kind.TEXT, "x" * 1000))]), sequence)
    assert found(old, [1], 0, MANY) == [[Point(1, 0, (Kind.TEXT, "first"))]]
    assert found(recent.view(), [1], 0, 2)[0][0].value == (Kind.TEXT, "first")


def test_memory_follows_use() -> None:
    recent = Recent(10_000)
    empty = recent.bytes_used()
    recent.append(batch([Point(1, time, double(1)) for time in range(100)]), 1)
    assert recent.bytes_used() == empty + 100 * (4 + 8 + 1 + 8 + 4)
    recent.append(batch([Point(1, 1, double(1), expires=5)]), 2)
    assert recent.bytes_used() == empty + 101 * (4 + 8 + 1 + 8 + 4 + 8)


def test_readers_beside_the_writer_see_whole_batches() -> None:
    """Every batch writes its number to each of the series; a reader must see equally many rows of each, rising."""
    series = 20
    recent = Recent(series * 4000)
    wanted = want(np.arange(series, dtype=np.uint32), metric_ids)
    wrong: list[str] = []

    def read() -> None:
        while len(recent) < recent.capacity:
            view = recent.view()
            rows = view.select(wanted, 0, MANY, MANY)
            counts = np.bincount(rows.series, minlength=series)
            if len(set(counts.tolist())) != 1 or len(rows) != len(view):
                wrong.append(f"{counts} of {len(view)}")
            one = view.select(want(np.array([7], dtype=np.uint32), metric_ids), 0, MANY, MANY)
            if one.times.tolist() != list(range(len(view) // series)):
                wrong.append(f"{len(one)} rows of one series in {len(view)}")

    readers = [threading.Thread(target=read) for _ in range(2)]
    for reader in readers:
        reader.start()
    ordinals = np.arange(series, dtype=np.uint32)
    values = Values(np.zeros(series, dtype=np.uint8), np.zeros(series, dtype=np.int64))
    for number in range(4000):
        recent.append(Admitted(ordinals, np.full(series, number), values), number)
    for reader in readers:
        reader.join()
    assert not wrong
