"""The kernels of queries one by one against plain Python: unions, lines, buckets, fills, rates, reductions."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Sequence
from fractions import Fraction
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from numpy.typing import NDArray

from headrace.kernels.answering import aggregate, arithmetic, downsample, rate, reductions

series_times = st.lists(st.lists(st.integers(-50, 200), unique=True, max_size=8).map(sorted), min_size=1, max_size=7)
doubles = st.floats(-1e6, 1e6)


def csr(series: Sequence[Sequence[int]]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    starts = np.cumsum([0, *map(len, series)]).astype(np.int64)
    return starts, np.array([t for times in series for t in times], dtype=np.int64)


@given(series_times)
@example([[1, 2, 3]] * 5)
@example([[], []])
def test_union_of_times(series: list[list[int]]) -> None:
    starts, times = csr(series)
    merged = np.empty(len(times), dtype=np.int64)
    length = aggregate.union_of_times(starts, times, np.empty(len(starts), dtype=np.int64), merged)
    assert merged[:length].tolist() == sorted(set(times.tolist()))


@given(st.lists(st.integers(0, 1000), unique=True, min_size=1).map(sorted), st.data())
def test_position_of(times: list[int], data: st.DataObject) -> None:
    position = data.draw(st.integers(0, len(times) - 1))
    after = data.draw(st.integers(0, position))
    assert aggregate.position_of(np.array(times, dtype=np.int64), after, times[position]) == position


@given(st.integers(-(2**62), 2**62), st.integers(-(2**62), 2**62), st.integers(2, 3_000_000_000), st.data())
def test_lines_between_integers_are_exact_and_cut_towards_zero(y0: int, y1: int, run: int, data: st.DataObject) -> None:
    x = data.draw(st.integers(0, run))
    exact = Fraction(x * (y1 - y0), run)
    if abs(y1 - y0) < 2**63:
        assert arithmetic.line_integer(x, 0, y0, run, y1) == y0 + math.trunc(exact)


@given(series_times, st.integers(1, 40))
def test_fixed_and_edge_runs(series: list[list[int]], interval: int) -> None:
    starts, times = csr(series)
    edges = np.arange(-50 - -50 % interval - interval, 260, interval, dtype=np.int64)
    edges -= edges[0] % interval
    expected = [sorted({t - t % interval for t in one}) for one in series]
    for kernel, buckets in ((downsample.fixed_runs, (interval, 0)), (downsample.edge_runs, (edges,))):
        runs_of: Callable[..., int] = kernel
        run_starts = np.empty(len(starts), dtype=np.int64)
        run_times = np.empty(len(times), dtype=np.int64)
        rows = np.empty(len(times) + 1, dtype=np.int64)
        runs = runs_of(starts, times, *buckets, run_starts, run_times, rows)
        assert runs == run_starts[-1]
        assert [run_times[a:b].tolist() for a, b in pairwise(run_starts)] == expected
        for run in range(runs):
            in_run = times[rows[run] : rows[run + 1]]
            assert np.all((in_run - in_run % interval) == run_times[run])


@given(series_times, st.integers(1, 20))
def test_fill(series: list[list[int]], step: int) -> None:
    starts, times = csr(series)
    grid = np.arange(0, 150, step, dtype=np.int64)
    out = np.empty(len(series) * len(grid))
    downsample.fill(starts, times, times.astype(np.float64), grid, -1000.0, out)
    expected = [float(t) if t in one else -1000.0 for one in series for t in grid.tolist()]
    assert out.tolist() == expected


@pytest.mark.parametrize(("per_second", "expected"), [(True, [2.0, 0.5]), (False, [1.0, 2.0])])
def test_rates_of_integers_beyond_doubles_are_exact(per_second: bool, expected: list[float]) -> None:
    bits = np.array([2**62, 2**62 + 1, 2**62 + 3], dtype=np.int64)
    starts, times = csr([[0, 500, 4500]])
    out_starts, out_times, out = np.empty(2, dtype=np.int64), np.empty(3, dtype=np.int64), np.empty(3)
    kinds = np.ones(3, dtype=np.uint8)
    options = per_second, False, 2**63 - 1, 0, False
    args = (starts, times, kinds, bits, bits.view(np.float64), *options, out_starts, out_times, out)
    assert rate.rates(*args) == 2
    assert out[:2].tolist() == expected
    assert out_times[:2].tolist() == [500, 4500]


PLAIN: dict[int, Callable[[Sequence[float]], float]] = {
    reductions.SUM: math.fsum,
    reductions.AVG: statistics.fmean,
    reductions.MIN: min,
    reductions.MAX: max,
    reductions.COUNT: len,
    reductions.FIRST: lambda values: values[0],
    reductions.LAST: lambda values: values[-1],
    reductions.DIFF: lambda values: values[-1] - values[0],
    reductions.DEV: statistics.pstdev,
    reductions.SQUARES: lambda values: math.fsum(v * v for v in values),
    reductions.MEDIAN: statistics.median_high,
}


@pytest.mark.parametrize("function", PLAIN)
@given(runs=st.lists(st.lists(doubles, max_size=9), min_size=1, max_size=5))
def test_reductions(function: int, runs: list[list[float]]) -> None:
    ends = np.cumsum([len(run) for run in runs]).astype(np.int64)
    starts = ends - np.array([len(run) for run in runs], dtype=np.int64)
    values = np.array([v for run in runs for v in run], dtype=np.float64)
    out = np.empty(len(runs))
    reductions.reduce_runs(function, 0.0, values, starts, ends, out)
    for run, found in zip(runs, out.tolist(), strict=True):
        if run:
            assert found == pytest.approx(PLAIN[function](run), rel=1e-9, abs=1e-3)
        else:
            assert math.isnan(found)


@pytest.mark.parametrize("interpolation", [aggregate.LERP, aggregate.ZERO, aggregate.PREVIOUS, aggregate.ABSENT])
@pytest.mark.parametrize("kind", [np.int64, np.float64])
def test_a_series_with_a_point_at_every_time_gives_its_points(interpolation: int, kind: type) -> None:
    _, times = csr([[1, 2, 4], [1, 2, 3, 4]])
    values: NDArray[Any] = np.array([1, 2, 4, 10, 20, 30, 40], dtype=kind)
    union = np.array([1, 2, 3, 4], dtype=np.int64)
    positions = np.empty(4, dtype=np.int64)
    out: NDArray[Any] = np.empty(4, dtype=kind)
    assert aggregate.spread(interpolation, times, values, 3, 7, union, positions, out) == 4
    assert (positions.tolist(), out.tolist()) == ([0, 1, 2, 3], [10, 20, 30, 40])
    count = aggregate.spread(interpolation, times, values, 0, 3, union, positions, out)
    between = {aggregate.LERP: [3], aggregate.ZERO: [0], aggregate.PREVIOUS: [2], aggregate.ABSENT: []}[interpolation]
    assert out[:count].tolist() == [1, 2, *between, 4]
