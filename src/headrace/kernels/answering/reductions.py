"""One value of many: the functions of downsampling, and of those aggregators that must see all values of a moment at
once.

A run is a slice of a column that holds no NaN: callers leave those out.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from headrace.kernels import f64, f64_in, float64, i64, i64_in, int64, kernel, void

SUM = 0
AVG = 1
MIN = 2
MAX = 3
COUNT = 4
FIRST = 5
LAST = 6
DIFF = 7
DEV = 8
PRODUCT = 9
SQUARES = 10
MEDIAN = 11
LEGACY = 12
R3 = 13
R7 = 14
"""Codes of the functions. The last three are ways to estimate a percentile and take a probability."""


@kernel(float64(f64_in, int64, int64))
def deviation(values: NDArray[np.float64], start: int, end: int) -> float:
    """Population standard deviation of values[start:end], by Welford's recurrence."""
    mean = 0.0
    squares = 0.0
    for at in range(start, end):
        before = values[at] - mean
        mean += before / (at - start + 1)
        squares += before * (values[at] - mean)
    return np.sqrt(squares / (end - start))  # type: ignore[no-any-return]


@kernel(float64(f64_in, int64, float64))
def percentile(ordered: NDArray[np.float64], method: int, probability: float) -> float:
    """A percentile of the ascending values `ordered`, as commons-math estimates it: LEGACY, R_3 or R_7."""
    count = len(ordered)
    if method == LEGACY:
        position = probability * (count + 1)
    elif method == R7:
        position = 1.0 + (count - 1) * probability
    else:
        position = np.rint(count * probability)
    if position < 1.0:
        return ordered[0]  # type: ignore[no-any-return]
    if position >= count:
        return ordered[count - 1]  # type: ignore[no-any-return]
    below = int(position)
    return ordered[below - 1] + (position - below) * (ordered[below] - ordered[below - 1])  # type: ignore[no-any-return]


@kernel(float64(int64, float64, f64_in, int64, int64))
def reduce_run(function: int, probability: float, values: NDArray[np.float64], start: int, end: int) -> float:
    """The one value of values[start:end]. MEDIAN is the upper of two middle values (OpenTSDB: Aggregators.Median)."""
    if function == COUNT:
        return float(end - start)
    if function == FIRST:
        return values[start]  # type: ignore[no-any-return]
    if function == LAST:
        return values[end - 1]  # type: ignore[no-any-return]
    if function == DIFF:
        return values[end - 1] - values[start]  # type: ignore[no-any-return]
    if function == DEV:
        return deviation(values, start, end)
    if function >= MEDIAN:
        ordered = np.sort(values[start:end])
        if function == MEDIAN:
            return ordered[len(ordered) // 2]  # type: ignore[no-any-return]
        return percentile(ordered, function, probability)
    result = values[start]
    if function in (SUM, AVG):
        for at in range(start + 1, end):
            result += values[at]
        if function == AVG:
            result /= end - start
    elif function == MIN:
        for at in range(start + 1, end):
            result = min(result, values[at])
    elif function == MAX:
        for at in range(start + 1, end):
            result = max(result, values[at])
    elif function == PRODUCT:
        for at in range(start + 1, end):
            result *= values[at]
    elif function == SQUARES:
        result *= result
        for at in range(start + 1, end):
            result += values[at] * values[at]
    return result  # type: ignore[no-any-return]


@kernel(void(int64, float64, f64_in, i64_in, i64_in, f64))
def reduce_runs(
    function: int,
    probability: float,
    values: NDArray[np.float64],
    starts: NDArray[np.int64],
    ends: NDArray[np.int64],
    out: NDArray[np.float64],
) -> None:
    """out[r] = the one value of values[starts[r]:ends[r]], NaN where that is empty."""
    itself = function in (SUM, AVG, MIN, MAX, FIRST, LAST, PRODUCT, MEDIAN)
    for run in range(len(starts)):
        if starts[run] == ends[run]:
            out[run] = np.nan
        elif itself and ends[run] - starts[run] == 1:
            out[run] = values[starts[run]]
        else:
            out[run] = reduce_run(function, probability, values, starts[run], ends[run])


@kernel(void(i64_in, i64_in, i64))
def medians(values: NDArray[np.int64], starts: NDArray[np.int64], out: NDArray[np.int64]) -> None:
    """out[r] = the upper median of values[starts[r]:starts[r + 1]], which is not empty. Exact, where doubles would
    round."""
    for run in range(len(out)):
        ordered = np.sort(values[starts[run] : starts[run + 1]])
        out[run] = ordered[len(ordered) // 2]
