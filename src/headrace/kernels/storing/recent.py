"""Chains: each row of recent knows the row of the same series before it, so that one series needs no scan of all."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from headrace.kernels import i64_in, int64, kernel, u32, u32_in

NO_ROW = np.uint32(0xFFFFFFFF)


@kernel(int64(u32_in, int64, int64, u32, u32))
def chain_rows(
    series: NDArray[np.uint32], start: int, end: int, previous: NDArray[np.uint32], last_row: NDArray[np.uint32]
) -> int:
    """Link rows start..end to the last row of their series, and make them the last.

    Returns 0, or when `last_row` is too short for an ordinal, how long it must be; then nothing has changed.
    """
    highest = -1
    for row in range(start, end):
        highest = max(highest, int(series[row]))
    if highest >= len(last_row):
        return highest + 1
    for row in range(start, end):
        ordinal = series[row]
        previous[row] = last_row[ordinal]
        last_row[ordinal] = row
    return 0


@kernel(int64(u32_in, u32_in, i64_in, int64, int64, int64, int64, u32))
def walk_chains(
    heads: NDArray[np.uint32],
    previous: NDArray[np.uint32],
    times: NDArray[np.int64],
    length: int,
    start_ms: int,
    end_ms: int,
    steps_max: int,
    rows: NDArray[np.uint32],
) -> int:
    """Follow the chain from each head; write the rows below `length` with start_ms <= time <= end_ms to `rows`.

    Rows of one chain stand together and ascend; chains stand in the order of `heads`. `rows` must hold steps_max.
    Returns how many rows there are, or -1 when the chains are longer than steps_max rows together.
    """
    found = 0
    steps = 0
    for i in range(len(heads)):
        row = heads[i]
        begin = found
        while row != NO_ROW:
            if steps == steps_max:
                return -1
            steps += 1
            if row < length and start_ms <= times[row] <= end_ms:
                rows[found] = row
                found += 1
            row = previous[row]
        low, high = begin, found - 1
        while low < high:
            rows[low], rows[high] = rows[high], rows[low]
            low += 1
            high -= 1
    return found
