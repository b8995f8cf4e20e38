"""Kernels of ranges against plain Python."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.kernels.answering import ranges
from headrace.kernels.answering.reductions import MAX, MIN, SUM
from headrace.kernels.storing.texts import begins_with

runs = st.lists(st.tuples(st.integers(0, 4), st.integers(-50, 50)), min_size=1, max_size=30)


def test_begins_with() -> None:
    heap = np.frombuffer(b"ab\0{}abc\0{}", dtype=np.uint8)
    out = np.empty(2, dtype=np.bool_)
    begins_with(heap, np.array([0, 5]), np.frombuffer(b"ab\0", dtype=np.uint8), out)
    assert out.tolist() == [True, False]


@given(st.lists(st.lists(st.integers(0, 20), unique=True).map(sorted), min_size=1))
def test_number_runs(series: list[list[int]]) -> None:
    times = np.array([t for one in series for t in one], dtype=np.int64)
    union = np.unique(times)
    numbers = np.empty(len(times), dtype=np.int64)
    ranges.number_runs(times, union, numbers)
    assert union[numbers].tolist() == times.tolist()


@given(runs)
def test_fold_runs(case: list[tuple[int, int]]) -> None:
    numbers = np.array([n for n, _ in case], dtype=np.int64)
    partials = np.array([v for _, v in case], dtype=np.float64)
    for code, begin, plain in ((SUM, 0.0, sum), (MIN, np.inf, min), (MAX, -np.inf, max)):
        out = np.full(5, begin)
        ranges.fold_runs(code, numbers, partials, out)
        for number in set(numbers.tolist()):
            assert out[number] == plain(v for n, v in case if n == number)


@given(runs, st.booleans())
def test_extreme_rows(case: list[tuple[int, int]], last: bool) -> None:
    numbers = np.array([n for n, _ in case], dtype=np.int64)
    times = np.array([v // 10 for _, v in case], dtype=np.int64)
    ranks = np.array([v % 7 for _, v in case], dtype=np.float64)
    out = np.full(5, -1, dtype=np.int64)
    ranges.extreme_rows(last, numbers, np.arange(len(case)), times, ranks, out)
    for number in set(numbers.tolist()):
        inside = [(times[r], ranks[r]) for r in np.flatnonzero(numbers == number)]
        found = (times[out[number]], ranks[out[number]])
        assert found == (max(inside) if last else min(inside))


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 5)), min_size=1, max_size=20))
def test_gather_and_count(case: list[tuple[int, int]]) -> None:
    numbers = np.array([n for n, _ in case], dtype=np.int64)
    rows = np.cumsum([0, *(length for _, length in case)]).astype(np.int64)
    counts = np.zeros(5, dtype=np.int64)
    ranges.count_rows(numbers, rows, counts)
    assert counts.tolist() == [sum(length for n, length in case if n == number) for number in range(5)]
    out = np.empty(rows[-1], dtype=np.int64)
    ranges.gather_runs(np.arange(rows[-1]), rows, numbers, np.insert(np.cumsum(counts), 0, 0)[:-1].copy(), out)
    by_number = sorted(range(len(case)), key=lambda run: case[run][0])
    assert out.tolist() == [row for run in by_number for row in range(rows[run], rows[run + 1])]


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5))))
def test_order_ties(points: list[tuple[int, int]]) -> None:
    points.sort(key=lambda point: point[0])
    times = np.array([t for t, _ in points], dtype=np.int64)
    ranks = np.array([r for _, r in points], dtype=np.float64)
    order = np.arange(len(points))
    ranges.order_ties(times, ranks, order)
    assert [points[row] for row in order.tolist()] == sorted(points)


@given(st.lists(st.integers(-100, 100), min_size=1, max_size=300), st.integers(1, 140))
def test_moving_average(values: list[int], size: int) -> None:
    out = np.empty(max(len(values) - size + 1, 0))
    ranges.moving_average(np.array(values, dtype=np.float64), size, out)
    expected = [sum(values[i : i + size]) / size for i in range(len(out))]
    assert out.tolist() == expected


@pytest.mark.parametrize("size", [1, 2, 3, 64, 65, 200])
@pytest.mark.parametrize("great", [2.0**62, np.inf])
def test_a_window_without_a_great_value_has_none_of_its_error(size: int, great: float) -> None:
    values = np.arange(1000.0)
    values[[300, 650]] = great
    out = np.empty(1001 - size)
    ranges.moving_average(values, size, out)
    for at, mean in enumerate(out.tolist()):
        window = values[at : at + size]
        assert mean == (pytest.approx(window.sum() / size) if great in window else (2 * at + size - 1) / 2)


def test_fit_lines() -> None:
    times = np.array([0, 10, 20, 5, 5, 5], dtype=np.int64)
    values = np.array([1.0, 3.0, 5.0, 1.0, 2.0, 6.0])
    first, last = np.empty(2), np.empty(2)
    ranges.fit_lines(np.array([0, 3, 6]), times, values, np.array([0, 5]), np.array([20, 5]), first, last)
    assert np.allclose([first, last], [[1.0, 3.0], [5.0, 3.0]])
