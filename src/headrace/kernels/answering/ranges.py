"""Runs of rows that share a range of time: which range each belongs to, and one value of all runs of a range.

A run is a stretch of rows of one series within one range (kernels.answering.downsample). Range numbers count the ranges
that have points.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from headrace.kernels import boolean, f64, f64_in, i64, i64_in, int64, kernel, void
from headrace.kernels.answering.reductions import MAX, MIN, SUM


@kernel(void(i64_in, i64_in, i64))
def number_runs(times: NDArray[np.int64], ranges: NDArray[np.int64], numbers: NDArray[np.int64]) -> None:
    """numbers[r] = the place of times[r] among the ascending `ranges`, which hold it."""
    place = -1
    for run in range(len(times)):
        # The next range is the usual one, and needs no search.
        place += 1
        if place == len(ranges) or ranges[place] != times[run]:
            place = np.searchsorted(ranges, times[run])
        numbers[run] = place


@kernel(void(int64, i64_in, f64_in, f64))
def fold_runs(
    function: int, numbers: NDArray[np.int64], partials: NDArray[np.float64], out: NDArray[np.float64]
) -> None:
    """out[n] = SUM, MIN or MAX of partials[r] over all runs r with numbers[r] == n. out: as it is before the first."""
    for run in range(len(numbers)):
        number = numbers[run]
        if function == SUM:
            out[number] += partials[run]
        elif function == MIN:
            out[number] = min(out[number], partials[run])
        elif function == MAX:
            out[number] = max(out[number], partials[run])


@kernel(void(i64_in, i64_in, i64))
def count_rows(numbers: NDArray[np.int64], rows: NDArray[np.int64], out: NDArray[np.int64]) -> None:
    """Add to out[n] the rows of each run r with numbers[r] == n: rows[r]..rows[r + 1]."""
    for run in range(len(numbers)):
        out[numbers[run]] += rows[run + 1] - rows[run]


@kernel(void(boolean, i64_in, i64_in, i64_in, f64_in, i64))
def extreme_rows(
    last: bool,
    numbers: NDArray[np.int64],
    rows: NDArray[np.int64],
    times: NDArray[np.int64],
    ranks: NDArray[np.float64],
    out: NDArray[np.int64],
) -> None:
    """out[n] = the run with the earliest of rows[r] (or the last), and of equal times the least rank (or greatest).

    rows[r]: a row of `times` for each run.   ranks[r]: of its value.   out: -1 before.
    """
    for run in range(len(numbers)):
        best = out[numbers[run]]
        if best >= 0:
            time, best_time = times[rows[run]], times[rows[best]]
            later = time > best_time or (time == best_time and ranks[run] > ranks[best])
            if later != last:
                continue
        out[numbers[run]] = run


@kernel(void(i64_in, i64_in, i64_in, i64, i64))
def gather_runs(
    bits: NDArray[np.int64],
    rows: NDArray[np.int64],
    numbers: NDArray[np.int64],
    places: NDArray[np.int64],
    out: NDArray[np.int64],
) -> None:
    """Copy the rows of every run next to those of the same range. places[n]: where the range begins in `out`; moves
    on."""
    for run in range(len(numbers)):
        at = places[numbers[run]]
        for row in range(rows[run], rows[run + 1]):
            out[at] = bits[row]
            at += 1
        places[numbers[run]] = at


@kernel(void(i64_in, f64_in, i64))
def order_ties(times: NDArray[np.int64], ranks: NDArray[np.float64], order: NDArray[np.int64]) -> None:
    """Bring the entries of `order` whose ascending times are equal into the order of their ranks."""
    start = 0
    for row in range(1, len(times) + 1):
        if row < len(times) and times[row] == times[start]:
            continue
        if row - start > 1:
            sorted_rows = np.argsort(ranks[start:row], kind="mergesort")
            order[start:row] = order[start:row][sorted_rows]
        start = row


@kernel(void(i64_in, i64_in, f64_in, i64_in, i64_in, f64, f64))
def fit_lines(
    bounds: NDArray[np.int64],
    times: NDArray[np.int64],
    values: NDArray[np.float64],
    firsts: NDArray[np.int64],
    lasts: NDArray[np.int64],
    at_first: NDArray[np.float64],
    at_last: NDArray[np.float64],
) -> None:
    """The least squares line through rows bounds[r]..bounds[r + 1], at the times firsts[r] and lasts[r].

    Rows of a range come in any order. A range whose points all have one time has a flat line.
    """
    for part in range(len(firsts)):
        start, end = bounds[part], bounds[part + 1]
        count = end - start
        mean_time = 0.0
        mean_value = 0.0
        for row in range(start, end):
            mean_time += float(times[row] - firsts[part]) / count
            mean_value += values[row] / count
        across = 0.0
        spread = 0.0
        for row in range(start, end):
            from_mean = float(times[row] - firsts[part]) - mean_time
            across += from_mean * (values[row] - mean_value)
            spread += from_mean * from_mean
        slope = across / spread if spread > 0.0 else 0.0
        at_first[part] = mean_value - slope * mean_time
        at_last[part] = mean_value + slope * (float(lasts[part] - firsts[part]) - mean_time)


SUMMED_WINDOW_MAX = 64
"""Values of a window up to which each window is summed by itself, oldest first, as KairosDB does: to the last digit
what it answers. Above, the work would be rows times window."""


@kernel(void(f64_in, int64, f64))
def moving_average(values: NDArray[np.float64], size: int, out: NDArray[np.float64]) -> None:
    """out[i] = mean of values[i:i + size]. No window's sum is made of another's, so that none carries what is not in
    it: no rounding of a great value that is gone, no infinity."""
    if size <= SUMMED_WINDOW_MAX:
        for at in range(len(out)):
            total = 0.0
            for row in range(at, at + size):
                total += values[row]
            out[at] = total / size
        return
    # Blocks of `size` values: a window is the end of one and the beginning of the next; both grow by addition alone.
    ends = np.empty(min(size, len(values)), dtype=np.float64)
    for block in range(0, len(out), size):
        total = 0.0
        for row in range(size - 1, -1, -1):
            total += values[block + row]
            ends[row] = total
        beginning = 0.0
        for row in range(min(size, len(out) - block)):
            out[block + row] = (ends[row] + beginning) / size
            beginning += values[block + size + row] if block + size + row < len(values) else 0.0
