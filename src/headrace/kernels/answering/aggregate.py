"""Many series into one: the union of their times, each series' value at each of them, and the folding of these values.

A group is the series first..last of CSR columns (store.Columns). A series gives a value at every time of the union
between its own first and last point, and none outside. Where it has no point there, the kind of interpolation decides
(OpenTSDB: Aggregators.Interpolation). NaN takes no part in anything.

Values are 64-bit integers or doubles: a kernel that takes them is compiled for both, and what differs between them
stands in kernels.answering.arithmetic.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from headrace.kernels import Index, boolean, borrowing_kernel, f64, f64_in, i64, i64_in, int64, kernel, void
from headrace.kernels.answering.arithmetic import (
    difference_overflows,
    mean,
    on_line,
    product_overflows,
    rise_overflows,
    sum_overflows,
)
from headrace.kernels.answering.reductions import AVG, COUNT, DIFF, FIRST, LAST, MAX, MIN, PRODUCT, SQUARES, SUM

LERP = 0
ZERO = 1
PREVIOUS = 2
ABSENT = 3
"""Kinds of interpolation: on the line between the neighbours; 0; the value before; no value at all."""

Numbers = NDArray[np.int64] | NDArray[np.float64]
"""Columns of one call are all of the same type."""


@borrowing_kernel(boolean(i64_in, int64, int64, i64, int64, int64))
def are_equal(
    one: NDArray[np.int64], start: Index, end: Index, other: NDArray[np.int64], other_start: Index, other_end: Index
) -> bool:
    """Whether one[start:end] == other[other_start:other_end]."""
    equal = end - start == other_end - other_start
    while equal and start < end:
        equal = one[start] == other[other_start]
        start += 1
        other_start += 1
    return equal


@borrowing_kernel(int64(i64, int64, int64, int64, i64, int64))
def merge_two(
    source: NDArray[np.int64], left: Index, left_end: Index, right_end: Index, target: NDArray[np.int64], length: Index
) -> Index:
    """Write the distinct values of the ascending source[left:left_end] and source[left_end:right_end] to
    target[length:], ascending; returns where they end."""
    right = left_end
    while left < left_end and right < right_end:
        one, other = source[left], source[right]
        target[length] = min(one, other)
        length += 1
        left += one <= other
        right += other <= one
    while left < left_end:
        target[length] = source[left]
        length += 1
        left += 1
    while right < right_end:
        target[length] = source[right]
        length += 1
        right += 1
    return length


@kernel(int64(i64_in, i64_in, i64, i64))
def union_of_times(
    starts: NDArray[np.int64], times: NDArray[np.int64], bounds: NDArray[np.int64], merged: NDArray[np.int64]
) -> int:
    """merged[:u] = the distinct values of times[starts[0]:starts[-1]], ascending; returns u.

    The others are merged pairwise, so that times which many share are met once per level. bounds[k + 1] and merged[n]:
    scratch.
    """
    total = starts[len(starts) - 1] - starts[0]
    source = np.empty(total, dtype=np.int64)
    target = merged[:total]
    series = 0
    length: Index = np.int64(0)
    bounds[0] = 0
    for one_series in range(len(starts) - 1):
        # Series on one grid are the usual case after downsampling: the same times as just before add nothing.
        start, end = starts[one_series], starts[one_series + 1]
        if series > 0 and are_equal(times, start, end, source, bounds[series - 1], length):
            continue
        source[length : length + end - start] = times[start:end]
        length += end - start
        series += 1
        bounds[series] = length
    while series > 1:
        length = np.int64(0)
        pairs = 0
        for pair in range(0, series, 2):
            left, left_end = bounds[pair], bounds[pair + 1]
            right_end = bounds[pair + 2] if pair + 2 <= series else left_end
            bounds[pairs] = length
            length = merge_two(source, left, left_end, right_end, target, length)
            pairs += 1
        bounds[pairs] = length
        series = pairs
        source, target = target, source
    merged[: bounds[1]] = source[: bounds[1]]
    return bounds[1]  # type: ignore[no-any-return]


@kernel(int64(i64_in, int64, int64))
def position_of(union: NDArray[np.int64], after: int, time: int) -> int:
    """Where `time`, which it holds, stands in `union`; not before `after`. Found at once where it is the next one."""
    if union[after] == time:
        return after
    step = 1
    while after + step < len(union) and union[after + step] < time:
        step *= 2
    low, high = after + step // 2, min(after + step, len(union) - 1)
    while low < high:
        middle = (low + high) // 2
        if union[middle] < time:
            low = middle + 1
        else:
            high = middle
    return low


@kernel(
    int64(int64, i64_in, i64_in, int64, int64, i64_in, i64, i64),
    int64(int64, i64_in, f64_in, int64, int64, i64_in, i64, f64),
)
def spread(
    interpolation: int,
    times: NDArray[np.int64],
    values: Numbers,
    start: int,
    end: int,
    union: NDArray[np.int64],
    positions: NDArray[np.int64],
    out: Numbers,
) -> int:
    """The values that the series of rows start..end gives: out[i] at union[positions[i]]; returns their number.

    -1 where a line between integers rises by more than 64 bits can hold.
    """
    if end - start == len(union):
        # It has a point at every time, as series on one grid have: the usual case after downsampling.
        for at in range(len(union)):
            positions[at] = at
            out[at] = values[start + at]
        return len(union)
    count = 0
    at = 0
    for row in range(start, end):
        if row > start and interpolation != ABSENT:
            x0, x1, y0, y1 = times[row - 1], times[row], values[row - 1], values[row]
            at += 1
            while union[at] < x1:
                positions[count] = at
                if interpolation == LERP:
                    if rise_overflows(y0, y1):
                        return -1
                    out[count] = on_line(union[at], x0, y0, x1, y1)
                elif interpolation == PREVIOUS:
                    out[count] = y0
                else:
                    out[count] = 0
                count += 1
                at += 1
        else:
            at = position_of(union, at, times[row])
        positions[count] = at
        out[count] = values[row]
        count += 1
    return count


@kernel(boolean(i64, int64), boolean(f64, int64))
def square(values: Numbers, count: int) -> bool:
    """Square the first `count` values where they stand. False when integers overflowed."""
    for at in range(count):
        if product_overflows(values[at], values[at]):
            return False
        values[at] *= values[at]
    return True


@kernel(
    boolean(int64, int64, i64_in, i64_in, i64_in, i64_in, i64, i64, i64),
    boolean(int64, int64, i64_in, i64_in, f64_in, i64_in, f64, f64, i64),
)
def fold(
    function: int,
    interpolation: int,
    starts: NDArray[np.int64],
    times: NDArray[np.int64],
    values: Numbers,
    union: NDArray[np.int64],
    out: Numbers,
    firsts: Numbers,
    counts: NDArray[np.int64],
) -> bool:
    """out[u] = the function of the values that all series give at union[u]; where none takes part, what was there.

    False when integers overflowed and `out` means nothing. The AVG of integers is cut towards zero.

    starts, times, values: the group's series.   firsts[u] (of DIFF only, else of any length) and counts[u]: scratch.
    function: SUM, AVG, MIN, MAX, COUNT, FIRST, LAST, DIFF, PRODUCT or SQUARES.
    """
    counts[:] = 0
    positions = np.empty(len(union), dtype=np.int64)
    given = np.empty_like(out)
    for series in range(len(starts) - 1):
        n = spread(interpolation, times, values, starts[series], starts[series + 1], union, positions, given)
        if n < 0 or (function == SQUARES and not square(given, n)):
            return False
        for i in range(n):
            at, value = positions[i], given[i]
            if np.isnan(value) and not (function in (FIRST, LAST) or (function == DIFF and counts[at] > 0)):
                continue
            counts[at] += 1
            if counts[at] == 1:
                out[at] = value
                if function == COUNT:
                    out[at] = 1
                elif function == DIFF:
                    firsts[at], out[at] = value, 0
            elif function in (SUM, AVG, SQUARES):
                if sum_overflows(out[at], value):
                    return False
                out[at] += value
            elif function == MIN:
                out[at] = min(out[at], value)
            elif function == MAX:
                out[at] = max(out[at], value)
            elif function == COUNT:
                out[at] += 1
            elif function == LAST:
                out[at] = value
            elif function == DIFF:
                if difference_overflows(value, firsts[at]):
                    return False
                out[at] = value - firsts[at]
            elif function == PRODUCT:
                if product_overflows(out[at], value):
                    return False
                out[at] *= value
    if function == AVG:
        for at in range(len(union)):
            if counts[at] > 1:
                out[at] = mean(out[at], counts[at])
    return True


@kernel(void(int64, i64_in, i64_in, f64_in, i64_in, f64, f64, i64))
def fold_deviations(
    interpolation: int,
    starts: NDArray[np.int64],
    times: NDArray[np.int64],
    values: NDArray[np.float64],
    union: NDArray[np.int64],
    out: NDArray[np.float64],
    means: NDArray[np.float64],
    counts: NDArray[np.int64],
) -> None:
    """As `fold`, of doubles, for DEV: the population standard deviation, by Welford's recurrence. means[u]: scratch."""
    counts[:] = 0
    positions = np.empty(len(union), dtype=np.int64)
    given = np.empty_like(out)
    for series in range(len(starts) - 1):
        n = spread(interpolation, times, values, starts[series], starts[series + 1], union, positions, given)
        for i in range(n):
            at, value = positions[i], given[i]
            if np.isnan(value):
                continue
            counts[at] += 1
            if counts[at] == 1:
                means[at], out[at] = value, 0.0
            else:
                before = value - means[at]
                means[at] += before / counts[at]
                out[at] += before * (value - means[at])
    for at in range(len(union)):
        if counts[at] > 0:
            out[at] = np.sqrt(out[at] / counts[at])


@kernel(int64(int64, i64_in, i64_in, i64_in, i64))
def count_given(
    interpolation: int,
    starts: NDArray[np.int64],
    times: NDArray[np.int64],
    union: NDArray[np.int64],
    run_starts: NDArray[np.int64],
) -> int:
    """How many values (NaN among them) all series give: those at union[u] will be run_starts[u]..run_starts[u + 1] of
    a column."""
    run_starts[:] = 0
    for series in range(len(starts) - 1):
        start, end = starts[series], starts[series + 1]
        if start == end:
            continue
        if interpolation == ABSENT:
            position = 0
            for row in range(start, end):
                position = position_of(union, position, times[row])
                run_starts[position + 1] += 1
        else:
            first = position_of(union, 0, times[start])
            last = position_of(union, first, times[end - 1])
            run_starts[first + 1 : last + 2] += 1
    for at in range(len(union)):
        run_starts[at + 1] += run_starts[at]
    return run_starts[len(union)]  # type: ignore[no-any-return]


@kernel(
    boolean(int64, i64_in, i64_in, i64_in, i64_in, i64, i64),
    boolean(int64, i64_in, i64_in, f64_in, i64_in, i64, f64),
)
def gather(
    interpolation: int,
    starts: NDArray[np.int64],
    times: NDArray[np.int64],
    values: Numbers,
    union: NDArray[np.int64],
    ends: NDArray[np.int64],
    out: Numbers,
) -> bool:
    """The values of all series moment by moment, in series' order, without NaN.

    False when a line between integers overflowed and `out` means nothing.

    ends[u]: in, where the values at union[u] begin in `out` (count_given); on return, where they end.
    """
    positions = np.empty(len(union), dtype=np.int64)
    given = np.empty(len(union), dtype=out.dtype)
    for series in range(len(starts) - 1):
        n = spread(interpolation, times, values, starts[series], starts[series + 1], union, positions, given)  # type: ignore[arg-type]
        if n < 0:
            return False
        for i in range(n):
            if not np.isnan(given[i]):
                out[ends[positions[i]]] = given[i]
                ends[positions[i]] += 1
    return True
