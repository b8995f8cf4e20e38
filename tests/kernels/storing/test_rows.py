"""Filtering and copying rows, walking chains, and moving texts, against plain Python."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from headrace.kernels.storing.recent import NO_ROW, chain_rows, walk_chains
from headrace.kernels.storing.rows import NOT_WANTED, filter_rows, filter_sorted_rows, gather

LOWEST = 2
PLACES = np.array([1, NOT_WANTED, 0], dtype=np.uint32)
WANTED = {2, 4}

rows = st.lists(st.tuples(st.integers(0, 6), st.integers(-5, 5)), max_size=40)


@given(rows, st.integers(-6, 6), st.integers(-6, 6), st.integers(0, 40))
def test_filtering(pairs: list[tuple[int, int]], start_ms: int, end_ms: int, room: int) -> None:
    series = np.array([ordinal for ordinal, _ in pairs], dtype=np.uint32)
    times = np.array([time for _, time in pairs], dtype=np.int64)
    length = len(pairs) * 3 // 4
    out = np.empty(room, dtype=np.uint32)
    found = filter_rows(series, times, length, PLACES, LOWEST, start_ms, end_ms, out)
    right = [row for row, (o, time) in enumerate(pairs[:length]) if o in WANTED and start_ms <= time <= end_ms]
    assert found == min(len(right), room + 1)
    assert out[: min(found, room)].tolist() == right[:room]


@given(st.permutations(range(7)), st.lists(st.sets(st.integers(-20, 20)), max_size=7), *[st.integers(-22, 22)] * 2)
def test_filtering_of_sorted_rows(order: list[int], times_of: list[set[int]], start_ms: int, end_ms: int) -> None:
    pairs = [(ordinal, time) for ordinal, found in zip(order, times_of, strict=False) for time in sorted(found)]
    series = np.array([ordinal for ordinal, _ in pairs], dtype=np.uint32)
    times = np.array([time for _, time in pairs], dtype=np.int64)
    out = np.empty(len(pairs), dtype=np.uint32)
    found = filter_sorted_rows(series, times, PLACES, LOWEST, start_ms, end_ms, out)
    right = [row for row, (o, time) in enumerate(pairs) if o in WANTED and start_ms <= time <= end_ms]
    assert out[:found].tolist() == right


def test_filtering_takes_columns_that_may_not_be_written() -> None:
    series = np.frombuffer(np.array([2, 4], dtype=np.uint32).tobytes(), dtype=np.uint32)
    times = np.frombuffer(np.array([1, 1], dtype=np.int64).tobytes(), dtype=np.int64)
    assert filter_rows(series, times, 2, PLACES, LOWEST, 0, 9, np.empty(2, dtype=np.uint32)) == 2


@given(rows, st.lists(st.integers(0, 8), unique=True), st.integers(-6, 6), st.integers(-6, 6), st.integers(0, 50))
def test_chains_find_what_a_scan_finds(
    pairs: list[tuple[int, int]], asked: list[int], start_ms: int, end_ms: int, steps_max: int
) -> None:
    series = np.array([ordinal for ordinal, _ in pairs], dtype=np.uint32)
    times = np.array([time for _, time in pairs], dtype=np.int64)
    previous = np.empty(len(pairs), dtype=np.uint32)
    last_row = np.full(9, NO_ROW)
    half = len(pairs) // 2
    assert chain_rows(series, 0, half, previous, last_row) == 0
    assert chain_rows(series, half, len(pairs), previous, last_row) == 0
    length = len(pairs) * 3 // 4  # a view that is older than the chains
    out = np.empty(steps_max, dtype=np.uint32)
    found = walk_chains(last_row[asked], previous, times, length, start_ms, end_ms, steps_max, out)
    if sum(ordinal in asked for ordinal, _ in pairs) > steps_max:
        assert found == -1
        return
    right = [
        row
        for wanted in asked
        for row, (ordinal, time) in enumerate(pairs[:length])
        if ordinal == wanted and start_ms <= time <= end_ms
    ]
    assert out[:found].tolist() == right


def test_chaining_changes_nothing_when_an_ordinal_has_no_place() -> None:
    series = np.array([1, 7, 3], dtype=np.uint32)
    last_row = np.full(4, NO_ROW)
    assert chain_rows(series, 0, 3, np.empty(3, dtype=np.uint32), last_row) == 8
    assert last_row.tolist() == [NO_ROW] * 4


@given(st.lists(st.integers(0, 9)))
def test_gathering(rows: list[int]) -> None:
    generator = np.random.default_rng(1)
    times = generator.integers(-(2**62), 2**62, 10)
    kinds = generator.integers(0, 5, 10, dtype=np.uint8)
    bits = generator.integers(-(2**62), 2**62, 10)
    times_out, bits_out = np.empty((2, len(rows)), dtype=np.int64)
    kinds_out = np.empty(len(rows), dtype=np.uint8)
    gather(np.array(rows, dtype=np.uint32), times, kinds, bits, times_out, kinds_out, bits_out)
    assert times_out.tolist() == [int(times[row]) for row in rows]
    assert kinds_out.tolist() == [int(kinds[row]) for row in rows]
    assert bits_out.tolist() == [int(bits[row]) for row in rows]
