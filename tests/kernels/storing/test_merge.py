"""The kernels that find winners, against dicts and numpy's stable sort."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from headrace.kernels.storing.merge import (
    INSERTION_ROWS,
    count_places,
    drop_expired,
    group_rows,
    is_rising,
    keep_winners,
    merge_runs,
    place_column,
    place_rows,
    sort_by_time,
)

LOWEST = 5
PLACES = np.array([2, 0, 1, 3], dtype=np.uint32)

rows = st.lists(st.tuples(st.integers(0, 3), st.integers(-4, 4)), max_size=60)


def columns(pairs: list[tuple[int, int]]) -> tuple[NDArray[np.uint32], NDArray[np.int64]]:
    series = np.array([LOWEST + place for place, _ in pairs], dtype=np.uint32)
    return series, np.array([time for _, time in pairs], dtype=np.int64)


def grouped(series: NDArray[np.uint32]) -> tuple[NDArray[np.int64], NDArray[np.uint32]]:
    starts = np.zeros(len(PLACES) + 1, dtype=np.int64)
    count_places(series, PLACES, LOWEST, starts[1:])
    np.cumsum(starts, out=starts)
    order = np.empty(len(series), dtype=np.uint32)
    group_rows(series, PLACES, LOWEST, starts[:-1].copy(), order)
    return starts, order


@given(rows)
def test_rows_are_grouped_by_place_in_rising_order(pairs: list[tuple[int, int]]) -> None:
    series, _ = columns(pairs)
    starts, order = grouped(series)
    by_place: list[list[int]] = [[], [], [], []]
    for row, (offset, _) in enumerate(pairs):
        by_place[PLACES[offset]].append(row)
    assert order.tolist() == [row for rows_of_one in by_place for row in rows_of_one]
    assert starts.tolist() == np.cumsum([0, *map(len, by_place)]).tolist()


@given(rows)
def test_winners_are_the_last_rows_of_each_time(pairs: list[tuple[int, int]]) -> None:
    series, times = columns(pairs)
    starts, order = grouped(series)
    kept = keep_winners(order, starts, times, np.empty(len(pairs), dtype=np.uint32))
    winners = {(int(PLACES[offset]), time): row for row, (offset, time) in enumerate(pairs)}
    assert order[:kept].tolist() == [winners[key] for key in sorted(winners)]
    assert starts.tolist() == [sum(place < p for place, _ in winners) for p in range(5)]


@given(rows, st.lists(st.integers(0, 9), min_size=60, max_size=60))
def test_expiry_drops_winners_only(pairs: list[tuple[int, int]], expiries: list[int]) -> None:
    series, times = columns(pairs)
    starts, order = grouped(series)
    keep_winners(order, starts, times, np.empty(len(pairs), dtype=np.uint32))
    kept = drop_expired(order, starts, np.array(expiries, dtype=np.int64), 4)
    winners = {(int(PLACES[offset]), time): row for row, (offset, time) in enumerate(pairs)}
    alive = {key: row for key, row in winners.items() if expiries[row] > 4}
    assert order[:kept].tolist() == [alive[key] for key in sorted(alive)]
    assert starts.tolist() == [sum(place < p for place, _ in alive) for p in range(5)]


@given(rows, rows)
def test_sources_are_placed_one_after_the_other(one: list[tuple[int, int]], other: list[tuple[int, int]]) -> None:
    pairs = one + other
    starts, order = grouped(columns(pairs)[0])
    times, bits, seconds = np.empty((3, len(pairs)), dtype=np.int64)
    kinds = np.empty(len(pairs), dtype=np.uint8)
    next_at, next_second = starts[:-1].copy(), starts[:-1].copy()
    for part, first in ((one, 0), (other, len(one))):
        series, part_times = columns(part)
        numbers = np.arange(first, first + len(part))
        part_kinds = (numbers % 5).astype(np.uint8)
        place_rows(series, PLACES, LOWEST, next_at, part_times, part_kinds, numbers, times, kinds, bits)
        place_column(series, PLACES, LOWEST, next_second, numbers, seconds)
    assert bits.tolist() == seconds.tolist() == order.tolist()
    assert times.tolist() == [pairs[row][1] for row in order]
    assert kinds.tolist() == [row % 5 for row in order]
    assert next_at.tolist() == next_second.tolist() == starts[1:].tolist()


@given(st.lists(st.lists(st.integers(-4, 4), max_size=5), max_size=5))
def test_is_rising_means_strictly_within_each_place(times: list[list[int]]) -> None:
    def rise(times: list[list[int]]) -> bool:
        starts = np.cumsum([0, *map(len, times)])
        return is_rising(starts, np.array([time for of_one in times for time in of_one], dtype=np.int64))

    assert rise(times) == all(of_one == sorted(set(of_one)) for of_one in times)
    assert rise([sorted(set(of_one)) for of_one in times])


@pytest.mark.parametrize("length", [0, 1, INSERTION_ROWS, INSERTION_ROWS + 1, 1000, 5000])
@pytest.mark.parametrize("shape", ["random", "few", "rising", "falling", "two runs"])
def test_sorting_is_numpys_stable_sort(length: int, shape: str) -> None:
    generator = np.random.default_rng(length)
    times = {
        "random": generator.integers(0, 2**62, length),
        "few": generator.integers(0, 9, length),
        "rising": np.arange(length),
        "falling": np.arange(length)[::-1].copy(),
        "two runs": np.concatenate([np.arange(length - length // 3), np.arange(length // 3)]),
    }[shape].astype(np.int64)
    order = np.arange(length + 2, dtype=np.uint32)
    sort_by_time(order, 1, length + 1, np.concatenate([[0], times, [0]]), np.empty(length, dtype=np.uint32))
    assert order[1:-1].tolist() == (np.argsort(times, kind="stable") + 1).tolist()
    assert (order[0], order[-1]) == (0, length + 1)


run = st.sets(st.tuples(st.integers(2**63 - 2, 2**63 + 1), st.integers(-4, 4)), max_size=20).map(sorted)


@given(st.lists(run, max_size=6))
def test_of_sorted_runs_the_latest_row_wins(runs: list[list[tuple[int, int]]]) -> None:
    pairs = [pair for run in runs for pair in run]
    keys = np.array([key for key, _ in pairs], dtype=np.uint64)
    times = np.array([time for _, time in pairs], dtype=np.int64)
    starts = np.cumsum([0, *map(len, runs)], dtype=np.int64)
    order = np.empty(len(pairs), dtype=np.uint32)
    kept = merge_runs(keys, times, starts, np.empty(len(runs), dtype=np.int64), order)
    winners = {pair: row for row, pair in enumerate(pairs)}
    assert order[:kept].tolist() == [winners[pair] for pair in sorted(winners)]
