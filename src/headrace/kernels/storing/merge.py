"""Rows in rising version order to winners: grouped by place, sorted by time, of equal times the last; then expiry.

The promise that these keep: the winner of a series and millisecond is found first, as a whole row, whatever its kind;
only then is it asked whether the winner has expired. So an expired write still hides what it overwrote.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from headrace.kernels import (
    Index,
    boolean,
    borrowing_kernel,
    i64,
    i64_in,
    int64,
    kernel,
    u8,
    u8_in,
    u32,
    u32_in,
    u64,
    void,
)

INSERTION_ROWS = 16
"""Blocks this short are sorted by insertion before merging; measured flat between 8 and 32."""


@kernel(void(u32_in, u32_in, int64, i64))
def count_places(
    series: NDArray[np.uint32], places: NDArray[np.uint32], lowest: int, counts: NDArray[np.int64]
) -> None:
    """Add to counts[p] the number of rows of place p."""
    for row in range(len(series)):
        counts[places[series[row] - lowest]] += 1


@kernel(void(u32_in, u32_in, int64, i64, i64_in, u8_in, i64_in, i64, u8, i64))
def place_rows(
    series: NDArray[np.uint32],
    places: NDArray[np.uint32],
    lowest: int,
    next_at: NDArray[np.int64],
    times: NDArray[np.int64],
    kinds: NDArray[np.uint8],
    bits: NDArray[np.int64],
    times_out: NDArray[np.int64],
    kinds_out: NDArray[np.uint8],
    bits_out: NDArray[np.int64],
) -> None:
    """Copy the rows of one source to where the rows of their place go on: from next_at[p] on, which is moved."""
    start = 0
    while start < len(series):
        end = start + 1
        while end < len(series) and series[end] == series[start]:
            end += 1
        place = places[series[start] - lowest]
        shift = next_at[place] - start
        for row in range(start, end):
            times_out[shift + row] = times[row]
            kinds_out[shift + row] = kinds[row]
            bits_out[shift + row] = bits[row]
        next_at[place] = shift + end
        start = end


@kernel(void(u32_in, u32_in, int64, i64, i64_in, i64))
def place_column(
    series: NDArray[np.uint32],
    places: NDArray[np.uint32],
    lowest: int,
    next_at: NDArray[np.int64],
    column: NDArray[np.int64],
    out: NDArray[np.int64],
) -> None:
    """As place_rows, of one column."""
    for row in range(len(series)):
        place = places[series[row] - lowest]
        out[next_at[place]] = column[row]
        next_at[place] += 1


@kernel(boolean(i64_in, i64_in))
def is_rising(starts: NDArray[np.int64], times: NDArray[np.int64]) -> bool:
    """Whether the times of each place, starts[p]..starts[p + 1], rise strictly: then every row is a winner where it
    stands."""
    for place in range(len(starts) - 1):
        for row in range(starts[place] + 1, starts[place + 1]):
            if times[row] <= times[row - 1]:
                return False
    return True


@kernel(void(u32_in, u32_in, int64, i64, u32))
def group_rows(
    series: NDArray[np.uint32],
    places: NDArray[np.uint32],
    lowest: int,
    next_at: NDArray[np.int64],
    order: NDArray[np.uint32],
) -> None:
    """Fill `order` with row numbers by place, rows of one place in rising order. `next_at` comes in as starts[:-1] and
    goes out as starts[1:]."""
    for row in range(len(series)):
        place = places[series[row] - lowest]
        order[next_at[place]] = row
        next_at[place] += 1


@kernel(void(u32, int64, int64, int64, i64_in, u32))
def _merge_runs(
    order: NDArray[np.uint32],
    start: int,
    middle: int,
    end: int,
    times: NDArray[np.int64],
    scratch: NDArray[np.uint32],
) -> None:
    """Merge the sorted order[start:middle] and order[middle:end] in place."""
    if times[order[middle - 1]] <= times[order[middle]]:
        return
    left_length = middle - start
    for i in range(left_length):
        scratch[i] = order[start + i]
    left, right, at = 0, middle, start
    while left < left_length and right < end:
        if times[order[right]] < times[scratch[left]]:
            order[at] = order[right]
            right += 1
        else:
            order[at] = scratch[left]
            left += 1
        at += 1
    while left < left_length:
        order[at] = scratch[left]
        left += 1
        at += 1


@kernel(void(u32, int64, int64, i64_in, u32))
def sort_by_time(
    order: NDArray[np.uint32], start: int, end: int, times: NDArray[np.int64], scratch: NDArray[np.uint32]
) -> None:
    """Sort order[start:end] by times[row], rows of equal time keeping their order. `scratch` holds end - start rows.

    A merge sort that leaves alone what is in order already: the usual input is a few sorted runs one after the other.
    """
    for block in range(start, end, INSERTION_ROWS):
        for at in range(block + 1, min(block + INSERTION_ROWS, end)):
            row = order[at]
            time = times[row]
            hole = at
            while hole > block and times[order[hole - 1]] > time:
                order[hole] = order[hole - 1]
                hole -= 1
            order[hole] = row
    width = INSERTION_ROWS
    while width < end - start:
        for low in range(start, end - width, 2 * width):
            _merge_runs(order, low, low + width, min(low + 2 * width, end), times, scratch)
        width *= 2


@kernel(int64(u32, i64, i64_in, u32))
def keep_winners(
    order: NDArray[np.uint32], starts: NDArray[np.int64], times: NDArray[np.int64], scratch: NDArray[np.uint32]
) -> int:
    """Sort each place's rows by time where they are not, and of rows with one time keep the last. Returns how many.

    order, starts: as group_rows made them; both are packed in place. scratch must hold the rows of the
    largest place.
    """
    kept = 0
    for place in range(len(starts) - 1):
        start, end = starts[place], starts[place + 1]
        for at in range(start + 1, end):
            if times[order[at]] < times[order[at - 1]]:
                sort_by_time(order, start, end, times, scratch)
                break
        starts[place] = kept
        for at in range(start, end):
            if at + 1 == end or times[order[at + 1]] != times[order[at]]:
                order[kept] = order[at]
                kept += 1
    starts[len(starts) - 1] = kept
    return kept


@kernel(int64(u32, i64, i64_in, int64))
def drop_expired(order: NDArray[np.uint32], starts: NDArray[np.int64], expires: NDArray[np.int64], now_ms: int) -> int:
    """Of the winners keep those that live on after now_ms (expires > now_ms). Packs in place, returns how many stay."""
    kept = 0
    for place in range(len(starts) - 1):
        start, end = starts[place], starts[place + 1]
        starts[place] = kept
        for at in range(start, end):
            if expires[order[at]] > now_ms:
                order[kept] = order[at]
                kept += 1
    starts[len(starts) - 1] = kept
    return kept


@borrowing_kernel(boolean(u64, i64_in, int64, int64))
def _is_before(keys: NDArray[np.uint64], times: NDArray[np.int64], row: Index, other: Index) -> bool:
    if keys[row] == keys[other]:
        return bool(times[row] < times[other])
    return bool(keys[row] < keys[other])


@kernel(int64(u64, i64_in, i64, i64, u32))
def merge_runs(
    keys: NDArray[np.uint64],
    times: NDArray[np.int64],
    starts: NDArray[np.int64],
    heads: NDArray[np.int64],
    order: NDArray[np.uint32],
) -> int:
    """Merge runs that each rise strictly by (key, time); of equals the row of the latest run wins. Returns how many.

    Run r is rows starts[r]..starts[r + 1], later than those before it.   heads: scratch, a place for each run.
    order: room for all rows; the row numbers of the winners go there, by (key, time).
    """
    runs = len(starts) - 1
    for run in range(runs):
        heads[run] = starts[run]
    kept = 0
    while True:
        winner = -1
        for run in range(runs):
            if heads[run] < starts[run + 1] and (winner < 0 or not _is_before(keys, times, heads[winner], heads[run])):
                winner = run
        if winner < 0:
            return kept
        # The least head of the other runs: so far the winner goes on alone.
        rival = -1
        for run in range(runs):
            if run == winner:
                continue
            if heads[run] < starts[run + 1] and not _is_before(keys, times, heads[winner], heads[run]):
                heads[run] += 1
            if heads[run] < starts[run + 1] and (rival < 0 or _is_before(keys, times, heads[run], heads[rival])):
                rival = run
        head = heads[winner]
        end = starts[winner + 1]
        order[kept] = head
        kept += 1
        head += 1
        while head < end and (rival < 0 or _is_before(keys, times, head, heads[rival])):
            order[kept] = head
            kept += 1
            head += 1
        heads[winner] = head
