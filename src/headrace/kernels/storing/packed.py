"""Row groups as a cache keeps them: by runs of one series, times as a first one and steps, values as small integers.

codes: one a row; its value is low + code, which is divided by `scale` for doubles that are decimals, and for scale 0 is
taken as the 64 bits that it is.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from headrace.kernels import (
    Index,
    boolean,
    borrowing_kernel,
    f64,
    f64_in,
    float64,
    i64,
    i64_in,
    int64,
    kernel,
    tuple_of,
    u8_in,
    u16_in,
    u32,
    u32_in,
    void,
)
from headrace.kernels.signatures import Signature
from headrace.kernels.storing.rows import NOT_WANTED

EXACT_INTEGERS = 2.0**53
"""Below it every integer is a double."""

IRREGULAR = -1
"""In place of the step of a run whose times do not all have the same distance."""


@kernel(void(i64_in, u32_in, i64))
def find_steps(times: NDArray[np.int64], starts: NDArray[np.uint32], steps: NDArray[np.int64]) -> None:
    """Write to steps[r] the distance of the times of rows starts[r]..starts[r + 1], 0 for one row; or IRREGULAR."""
    for run in range(len(steps)):
        begin, end = np.int64(starts[run]), np.int64(starts[run + 1])
        step = times[begin + 1] - times[begin] if end - begin > 1 else 0
        for row in range(begin + 2, end):
            if times[row] - times[row - 1] != step:
                step = IRREGULAR
                break
        steps[run] = step


@kernel(boolean(f64_in, float64, i64))
def scale_decimals(values: NDArray[np.float64], scale: float, integers: NDArray[np.int64]) -> bool:
    """Write values * scale. False when that is not a whole number of which the quotient is the very value."""
    for row in range(len(values)):
        value = values[row]
        scaled = np.rint(value * scale)
        if not abs(scaled) < EXACT_INTEGERS or scaled / scale != value or (value == 0 and 1 / value < 0):
            return False
        integers[row] = np.int64(scaled)
    return True


@borrowing_kernel(tuple_of(int64, int64)(int64, u32_in, i64_in, i64_in, u32_in, int64, int64))
def rows_between(
    run: Index,
    starts: NDArray[np.uint32],
    firsts: NDArray[np.int64],
    steps: NDArray[np.int64],
    offsets: NDArray[np.uint32],
    start_ms: np.int64,
    end_ms: np.int64,
) -> tuple[np.int64, np.int64]:
    """The first row of a run with start_ms <= time <= end_ms, and the one behind the last."""
    begin, end = np.int64(starts[run]), np.int64(starts[run + 1])
    first, step = firsts[run], steps[run]
    last = first + (np.int64(offsets[end - 1]) if step == IRREGULAR else step * (end - begin - 1))
    if end_ms < first or start_ms > last or end_ms < start_ms:
        return begin, begin
    # Within the run's own times, so that no difference is too great.
    start_ms, end_ms = max(start_ms, first), min(end_ms, last)
    if step == IRREGULAR:
        times = offsets[begin:end]
        low = np.int64(np.searchsorted(times, start_ms - first))
        return begin + low, begin + np.int64(np.searchsorted(times, end_ms - first, "right"))
    if step == 0:
        return begin, end
    return begin + (start_ms - first + step - 1) // step, begin + (end_ms - first) // step + 1


@kernel(int64(u32_in, u32_in, i64_in, i64_in, u32_in, u32_in, int64, int64, int64))
def count_between(
    ordinals: NDArray[np.uint32],
    starts: NDArray[np.uint32],
    firsts: NDArray[np.int64],
    steps: NDArray[np.int64],
    offsets: NDArray[np.uint32],
    places: NDArray[np.uint32],
    lowest: int,
    start_ms: int,
    end_ms: int,
) -> int:
    """How many rows `unpack` will write."""
    found = 0
    for run in range(len(ordinals)):
        place = np.int64(ordinals[run]) - lowest
        if 0 <= place < len(places) and places[place] != NOT_WANTED:
            begin, end = rows_between(run, starts, firsts, steps, offsets, np.int64(start_ms), np.int64(end_ms))
            found += int(end - begin)
    return found


def _of_codes(codes: object) -> Signature:
    return void(
        codes, int64, float64, u32_in, u32_in, i64_in, i64_in, u32_in, u32_in, int64, int64, int64, u32, i64, i64, f64
    )


@kernel(_of_codes(u8_in), _of_codes(u16_in), _of_codes(u32_in), _of_codes(i64_in))
def unpack(
    codes: NDArray[np.uint8] | NDArray[np.uint16] | NDArray[np.uint32] | NDArray[np.int64],
    low: int,
    scale: float,
    ordinals: NDArray[np.uint32],
    starts: NDArray[np.uint32],
    firsts: NDArray[np.int64],
    steps: NDArray[np.int64],
    offsets: NDArray[np.uint32],
    places: NDArray[np.uint32],
    lowest: int,
    start_ms: int,
    end_ms: int,
    series: NDArray[np.uint32],
    times: NDArray[np.int64],
    bits: NDArray[np.int64],
    doubles: NDArray[np.float64],
) -> None:
    """Write the rows of the wanted series with start_ms <= time <= end_ms, in their order.

    offsets: of irregular runs, by row, the time less that of the run's first row.   places, lowest: see
    rows.filter_rows.   doubles: the same memory as `bits`.
    """
    found = 0
    for run in range(len(ordinals)):
        place = np.int64(ordinals[run]) - lowest
        if not (0 <= place < len(places)) or places[place] == NOT_WANTED:
            continue
        begin, end = rows_between(run, starts, firsts, steps, offsets, np.int64(start_ms), np.int64(end_ms))
        step, time = steps[run], firsts[run] + steps[run] * (begin - np.int64(starts[run]))
        for row in range(begin, end):
            series[found] = ordinals[run]
            if step == IRREGULAR:
                times[found] = firsts[run] + np.int64(offsets[row])
            else:
                times[found] = time
                time += step
            integer = low + np.int64(codes[row])
            if scale == 0:
                bits[found] = integer
            else:
                doubles[found] = np.float64(integer) / scale
            found += 1
