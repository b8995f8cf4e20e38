"""Rows of points as columns: which of them a query wants, and copying them out.

A wanted series has a place: places[ordinal - lowest] is its index in the query's order, NOT_WANTED for all others.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from headrace.kernels import i64, i64_in, int64, kernel, u8, u8_in, u32, u32_in, void

NOT_WANTED = np.uint32(0xFFFFFFFF)


@kernel(int64(u32_in, i64_in, int64, u32_in, int64, int64, int64, u32))
def filter_rows(
    series: NDArray[np.uint32],
    times: NDArray[np.int64],
    length: int,
    places: NDArray[np.uint32],
    lowest: int,
    start_ms: int,
    end_ms: int,
    rows: NDArray[np.uint32],
) -> int:
    """Write the wanted rows among the first `length` with start_ms <= time <= end_ms to `rows`, ascending.

    Returns how many there are; stops when `rows` is full and one more is found, then returns len(rows) + 1.
    """
    found = 0
    for row in range(length):
        time = times[row]
        if time < start_ms or time > end_ms:
            continue
        offset = np.int64(series[row]) - lowest
        if offset < 0 or offset >= len(places) or places[offset] == NOT_WANTED:
            continue
        if found == len(rows):
            return found + 1
        rows[found] = row
        found += 1
    return found


@kernel(int64(u32_in, i64_in, u32_in, int64, int64, int64, u32))
def filter_sorted_rows(
    series: NDArray[np.uint32],
    times: NDArray[np.int64],
    places: NDArray[np.uint32],
    lowest: int,
    start_ms: int,
    end_ms: int,
    rows: NDArray[np.uint32],
) -> int:
    """As filter_rows, of rows among which those of a series stand together, their times rising: only some of them are
    looked at. `rows` must hold all."""
    found = 0
    start = 0
    while start < len(series):
        ordinal = series[start]
        step = 1
        while start + step < len(series) and series[start + step] == ordinal:
            step *= 2
        end, beyond = start + step // 2 + 1, min(start + step, len(series))
        while end < beyond:
            middle = (end + beyond) // 2
            if series[middle] == ordinal:
                end = middle + 1
            else:
                beyond = middle
        offset = np.int64(ordinal) - lowest
        if 0 <= offset < len(places) and places[offset] != NOT_WANTED:
            first = start + np.searchsorted(times[start:end], start_ms)
            for row in range(first, start + np.searchsorted(times[start:end], end_ms, "right")):
                rows[found] = row
                found += 1
        start = end
    return found


@kernel(void(u32_in, i64_in, u8_in, i64_in, i64, u8, i64))
def gather(
    rows: NDArray[np.uint32],
    times: NDArray[np.int64],
    kinds: NDArray[np.uint8],
    bits: NDArray[np.int64],
    times_out: NDArray[np.int64],
    kinds_out: NDArray[np.uint8],
    bits_out: NDArray[np.int64],
) -> None:
    """Copy the given rows of three columns, in the order of `rows`."""
    for i in range(len(rows)):
        row = rows[i]
        times_out[i] = times[row]
        kinds_out[i] = kinds[row]
        bits_out[i] = bits[row]
