"""The values of each range brought together, and what only a whole range in order tells."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from headrace.kernels import f64, f64_in, i64, i64_in, int64, kernel, void


@kernel(void(i64_in, i64_in, i64_in, i64))
def gather_runs(
    bits: NDArray[np.int64], rows: NDArray[np.int64], order: NDArray[np.int64], out: NDArray[np.int64]
) -> None:
    """Copy bits[rows[r]:rows[r + 1]] for each run r of `order`, one after another."""
    at = 0
    for run in order:
        length = rows[run + 1] - rows[run]
        out[at : at + length] = bits[rows[run] : rows[run + 1]]
        at += length


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


@kernel(void(f64_in, int64, f64))
def moving_average(values: NDArray[np.float64], size: int, out: NDArray[np.float64]) -> None:
    """out[i] = mean of values[i:i + size]. The running sum is taken anew every `size` values, so that its rounding
    errors do not grow."""
    total = 0.0
    for at in range(len(out)):
        if at % size == 0:
            total = 0.0
            for row in range(at, at + size):
                total += values[row]
        else:
            total += values[at + size - 1] - values[at - 1]
        out[at] = total / size
