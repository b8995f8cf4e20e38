"""Many series into one: the union of their times, each series' value at each of them, and the folding of these values.

A group is the series first..last of CSR columns (store.Columns). A series gives a value at every time of the union
between its own first and last point, and none outside. Where it has no point there, the kind of interpolation decides
(OpenTSDB: Aggregators.Interpolation). NaN takes no part in anything.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from headrace.kernels import boolean, f64, f64_in, float64, i64, i64_in, int64, kernel, void
from headrace.kernels.answering.reductions import AVG, COUNT, DEV, DIFF, LAST, MAX, MIN, PRODUCT, SQUARES, SUM

LERP = 0
ZERO = 1
PREVIOUS = 2
ABSENT = 3
"""Kinds of interpolation: on the line between the neighbours; 0; the value before; no value at all."""

INTEGER_GAP_MS_MAX = 3_000_000_000
"""(x - x0) * remainder stays below 2^63 for gaps up to this; longer ones (35 days) take the line's remainder in
doubles."""


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
    length = np.int64(0)
    bounds[0] = 0
    for one_series in range(len(starts) - 1):
        # Series on one grid are the usual case after downsampling: the same times as just before add nothing.
        start, end = starts[one_series], starts[one_series + 1]
        before = bounds[series - 1] if series else np.int64(0)
        same = series > 0 and end - start == length - before
        at = start
        while same and at < end:
            same = times[at] == source[before + at - start]
            at += 1
        if not same:
            source[length : length + end - start] = times[start:end]
            length += end - start
            series += 1
            bounds[series] = length
    while series > 1:
        length = np.int64(0)
        pairs = 0
        for pair in range(0, series, 2):
            left, left_end = bounds[pair], bounds[pair + 1]
            right = left_end
            right_end = bounds[pair + 2] if pair + 2 <= series else left_end
            bounds[pairs] = length
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
            pairs += 1
        bounds[pairs] = length
        series = pairs
        source, target = target, source
    merged[: bounds[1]] = source[: bounds[1]]
    return bounds[1]  # type: ignore[no-any-return]


@kernel(int64(int64, int64, int64, int64, int64))
def line_integer(x: int, x0: int, y0: int, x1: int, y1: int) -> int:
    """y0 + (x - x0) * (y1 - y0) / (x1 - x0), the quotient cut towards zero, without overflow where y1 - y0 has none."""
    rise = np.int64(y1) - np.int64(y0)
    run = x1 - x0
    sign = -1 if rise < 0 else 1
    whole = abs(rise) // run
    rest = abs(rise) - whole * run
    part = (x - x0) * rest // run if run <= INTEGER_GAP_MS_MAX else np.int64((x - x0) / run * rest)
    return y0 + sign * int((x - x0) * whole + part)


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


@kernel(int64(int64, i64_in, f64_in, int64, int64, i64_in, i64, f64))
def spread_doubles(
    interpolation: int,
    times: NDArray[np.int64],
    values: NDArray[np.float64],
    start: int,
    end: int,
    union: NDArray[np.int64],
    positions: NDArray[np.int64],
    out: NDArray[np.float64],
) -> int:
    """The values that the series of rows start..end gives: out[i] at union[positions[i]]; returns their number."""
    count = 0
    at = 0
    for row in range(start, end):
        if row > start and interpolation != ABSENT:
            x0, x1, y0, y1 = times[row - 1], times[row], values[row - 1], values[row]
            at += 1
            while union[at] < x1:
                positions[count] = at
                if interpolation == LERP:
                    out[count] = y0 + (union[at] - x0) * (y1 - y0) / (x1 - x0)
                elif interpolation == PREVIOUS:
                    out[count] = y0
                else:
                    out[count] = 0.0
                count += 1
                at += 1
        else:
            at = position_of(union, at, times[row])
        positions[count] = at
        out[count] = values[row]
        count += 1
    return count


@kernel(int64(int64, i64_in, i64_in, int64, int64, i64_in, i64, i64))
def spread_integers(
    interpolation: int,
    times: NDArray[np.int64],
    values: NDArray[np.int64],
    start: int,
    end: int,
    union: NDArray[np.int64],
    positions: NDArray[np.int64],
    out: NDArray[np.int64],
) -> int:
    """As spread_doubles, in integers; returns -1 where a line rises by more than 64 bits can hold."""
    count = 0
    at = 0
    for row in range(start, end):
        if row > start and interpolation != ABSENT:
            x0, x1, y0, y1 = times[row - 1], times[row], values[row - 1], values[row]
            at += 1
            if interpolation == LERP and union[at] < x1 and abs(float(y1) - float(y0)) >= 2.0**63:
                return -1
            while union[at] < x1:
                positions[count] = at
                if interpolation == LERP:
                    out[count] = line_integer(union[at], x0, y0, x1, y1)
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


@kernel(float64(int64, float64))
def start_double(function: int, value: float) -> float:
    """What the first value of a moment makes of it."""
    if function == COUNT:
        return 1.0
    if function in (DIFF, DEV):
        return 0.0
    if function == SQUARES:
        return value * value
    return value


@kernel(void(int64, int64, i64_in, i64_in, f64_in, i64_in, f64, f64, i64))
def fold_doubles(
    function: int,
    interpolation: int,
    starts: NDArray[np.int64],
    times: NDArray[np.int64],
    values: NDArray[np.float64],
    union: NDArray[np.int64],
    out: NDArray[np.float64],
    means: NDArray[np.float64],
    counts: NDArray[np.int64],
) -> None:
    """out[u] = the function of the values that all series give at union[u]; NaN where none takes part.

    starts, times, values: the group's series.   means[u] (of DEV only, else of any length) and counts[u]: scratch.
    function: any of the codes below MEDIAN.
    """
    counts[:] = 0
    out[:] = np.nan
    positions = np.empty(len(union), dtype=np.int64)
    given = np.empty(len(union), dtype=np.float64)
    for series in range(len(starts) - 1):
        n = spread_doubles(interpolation, times, values, starts[series], starts[series + 1], union, positions, given)
        for i in range(n):
            value = given[i]
            if np.isnan(value):
                continue
            at = positions[i]
            counts[at] += 1
            if counts[at] == 1:
                out[at] = start_double(function, value)
                if function in (DEV, DIFF):
                    means[at] = value
            elif function in (SUM, AVG):
                out[at] += value
            elif function == MIN:
                out[at] = min(out[at], value)
            elif function == MAX:
                out[at] = max(out[at], value)
            elif function == COUNT:
                out[at] += 1.0
            elif function == LAST:
                out[at] = value
            elif function == DIFF:
                out[at] = value - means[at]
            elif function == PRODUCT:
                out[at] *= value
            elif function == SQUARES:
                out[at] += value * value
            elif function == DEV:
                before = value - means[at]
                means[at] += before / counts[at]
                out[at] += before * (value - means[at])
    if function == AVG:
        for at in range(len(union)):
            if counts[at] > 1:
                out[at] /= counts[at]
    elif function == DEV:
        for at in range(len(union)):
            if counts[at] > 0:
                out[at] = np.sqrt(out[at] / counts[at])


@kernel(boolean(int64, int64, i64_in, i64_in, i64_in, i64_in, i64, i64, i64))
def fold_integers(
    function: int,
    interpolation: int,
    starts: NDArray[np.int64],
    times: NDArray[np.int64],
    values: NDArray[np.int64],
    union: NDArray[np.int64],
    out: NDArray[np.int64],
    firsts: NDArray[np.int64],
    counts: NDArray[np.int64],
) -> bool:
    """As fold_doubles, in 64-bit integers; AVG is cut towards zero. False when one of them overflowed and `out` means
    nothing.

    firsts[u] (of DIFF only, else of any length): scratch.   function: SUM, AVG, MIN, MAX, COUNT, FIRST, LAST, DIFF,
    PRODUCT or SQUARES.
    """
    counts[:] = 0
    positions = np.empty(len(union), dtype=np.int64)
    given = np.empty(len(union), dtype=np.int64)
    for series in range(len(starts) - 1):
        n = spread_integers(interpolation, times, values, starts[series], starts[series + 1], union, positions, given)
        if n < 0:
            return False
        for i in range(n):
            at = positions[i]
            value = given[i]
            if function == SQUARES:
                if abs(float(value)) > 3037000499.0:
                    return False
                value = value * value
            counts[at] += 1
            if counts[at] == 1:
                if function == COUNT:
                    value = 1
                elif function == DIFF:
                    firsts[at] = value
                    value = 0
                out[at] = value
            elif function in (SUM, AVG, SQUARES):
                total = out[at] + value
                if (out[at] ^ total) & (value ^ total) < 0:
                    return False
                out[at] = total
            elif function == MIN:
                out[at] = min(out[at], value)
            elif function == MAX:
                out[at] = max(out[at], value)
            elif function == COUNT:
                out[at] += 1
            elif function == LAST:
                out[at] = value
            elif function == DIFF:
                change = value - firsts[at]
                if (value ^ firsts[at]) & (value ^ change) < 0:
                    return False
                out[at] = change
            elif function == PRODUCT:
                if abs(float(out[at]) * float(value)) >= 2.0**63:
                    return False
                out[at] *= value
    if function == AVG:
        for at in range(len(union)):
            floor = out[at] // counts[at]
            out[at] = floor + (floor < 0 and floor * counts[at] != out[at])
    return True


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


@kernel(void(int64, i64_in, i64_in, f64_in, i64_in, i64, f64))
def gather_doubles(
    interpolation: int,
    starts: NDArray[np.int64],
    times: NDArray[np.int64],
    values: NDArray[np.float64],
    union: NDArray[np.int64],
    ends: NDArray[np.int64],
    out: NDArray[np.float64],
) -> None:
    """The values of all series moment by moment, in series' order, without NaN.

    ends[u]: in, where the values at union[u] begin in `out` (count_given); on return, where they end.
    """
    positions = np.empty(len(union), dtype=np.int64)
    given = np.empty(len(union), dtype=np.float64)
    for series in range(len(starts) - 1):
        n = spread_doubles(interpolation, times, values, starts[series], starts[series + 1], union, positions, given)
        for i in range(n):
            if not np.isnan(given[i]):
                out[ends[positions[i]]] = given[i]
                ends[positions[i]] += 1


@kernel(boolean(int64, i64_in, i64_in, i64_in, i64_in, i64, i64))
def gather_integers(
    interpolation: int,
    starts: NDArray[np.int64],
    times: NDArray[np.int64],
    values: NDArray[np.int64],
    union: NDArray[np.int64],
    ends: NDArray[np.int64],
    out: NDArray[np.int64],
) -> bool:
    """As gather_doubles, in 64-bit integers. False when an interpolation overflowed and `out` means nothing."""
    positions = np.empty(len(union), dtype=np.int64)
    given = np.empty(len(union), dtype=np.int64)
    for series in range(len(starts) - 1):
        n = spread_integers(interpolation, times, values, starts[series], starts[series + 1], union, positions, given)
        if n < 0:
            return False
        for i in range(n):
            out[ends[positions[i]]] = given[i]
            ends[positions[i]] += 1
    return True
