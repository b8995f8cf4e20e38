"""Points of many series into one order: by time, and at one time by value. Radix sorts, whose cost does not depend on
how many series there are or how they lie among each other."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from headrace.kernels import Index, boolean, borrowing_kernel, i64, i64_in, int64, kernel, u64, uint64, void

DIGIT_BITS = 11
"""Of a pass over all rows: 2048 counters lie in the first cache."""

FEW = 48
"""Ties up to so many are sorted by insertion, which needs no counters."""

_SIGN = np.uint64(1 << 63)
_BYTE, _BYTES = np.uint64(0xFF), 8
_DIGIT = np.uint64((1 << DIGIT_BITS) - 1)


@kernel(void(u64, u64, int64, int64))
def sort_by_bits(words: NDArray[np.uint64], scratch: NDArray[np.uint64], first: Index, bits: Index) -> None:
    """Sort `words`, which are less than 2^(first + bits), by their bits from `first` on; what is equal there keeps its
    order. scratch: as long."""
    source, target = words, scratch
    places = np.empty(1 << DIGIT_BITS, dtype=np.int64)
    passes = (bits + DIGIT_BITS - 1) // DIGIT_BITS
    for turn in range(passes):
        shift = np.uint64(first + turn * DIGIT_BITS)
        places[:] = 0
        for row in range(len(source)):
            places[(source[row] >> shift) & _DIGIT] += 1
        total: Index = 0
        for digit in range(len(places)):
            total += places[digit]
            places[digit] = total - places[digit]
        for row in range(len(source)):
            digit_of_row = (source[row] >> shift) & _DIGIT
            target[places[digit_of_row]] = source[row]
            places[digit_of_row] += 1
        source, target = target, source
    if passes % 2 == 1:
        words[:] = scratch


@kernel(void(i64_in, int64, int64, int64, u64, u64, i64))
def sort_times(
    times: NDArray[np.int64],
    first: Index,
    row_bits: Index,
    time_bits: Index,
    rows: NDArray[np.uint64],
    scratch: NDArray[np.uint64],
    ascending: NDArray[np.int64],
) -> None:
    """ascending: the times in order; rows: the row of each, those of equal times in their own order. All of one length.

    A time and its row are sorted as one word. first: the least time.   row_bits, time_bits: what the greatest row and
    the greatest distance from `first` take, together at most 64.   ascending: may be `scratch` under another type.
    """
    shift = np.uint64(row_bits)
    for row in range(len(times)):
        rows[row] = np.uint64(times[row] - first) << shift | np.uint64(row)
    sort_by_bits(rows, scratch, row_bits, time_bits)
    below = (np.uint64(1) << shift) - np.uint64(1)
    for row in range(len(times)):
        ascending[row] = np.int64(rows[row] >> shift) + first
        rows[row] &= below


@borrowing_kernel(uint64(uint64, boolean))
def _rank(bits: np.uint64, doubles: bool) -> np.uint64:
    """A uint64 that stands to others as the value of these bits, an int64 or a double, stands to theirs."""
    return ~bits if doubles and bits & _SIGN != 0 else bits ^ _SIGN


@borrowing_kernel(uint64(uint64, boolean))
def _bits(rank: np.uint64, doubles: bool) -> np.uint64:
    """What _rank ranks."""
    return ~rank if doubles and rank & _SIGN == 0 else rank ^ _SIGN


@borrowing_kernel(void(u64, int64))
def _sort_few(ranks: NDArray[np.uint64], count: Index) -> None:
    for row in range(1, count):
        rank = ranks[row]
        place = row
        while place > 0 and ranks[place - 1] > rank:
            ranks[place] = ranks[place - 1]
            place -= 1
        ranks[place] = rank


@borrowing_kernel(boolean(u64, u64, int64, i64))
def _sort_many(ranks: NDArray[np.uint64], scratch: NDArray[np.uint64], count: Index, places: NDArray[np.int64]) -> bool:
    """Sort ranks[:count]; whether they lie in `scratch` afterwards. places: int64[256 * 8], scratch too."""
    for place in range(len(places)):
        places[place] = 0
    for row in range(count):
        rank = ranks[row]
        for byte in range(_BYTES):
            places[(byte << 8) + np.int64((rank >> np.uint64(8 * byte)) & _BYTE)] += 1
    swapped = False
    for byte in range(_BYTES):
        shift, own = np.uint64(8 * byte), byte << 8
        if places[own + np.int64((ranks[0] >> shift) & _BYTE)] == count:
            continue  # all have the same
        total: Index = 0
        for place in range(own, own + 256):
            total += places[place]
            places[place] = total - places[place]
        for row in range(count):
            rank = scratch[row] if swapped else ranks[row]
            of_byte = own + np.int64((rank >> shift) & _BYTE)
            if swapped:
                ranks[places[of_byte]] = rank
            else:
                scratch[places[of_byte]] = rank
            places[of_byte] += 1
        swapped = not swapped
    return swapped


@kernel(void(i64_in, boolean, u64))
def sort_ties(times: NDArray[np.int64], doubles: bool, bits: NDArray[np.uint64]) -> None:
    """Bring the values of equal times, which are ascending, into ascending order, in place.

    bits: uint64[n], those of doubles or else of int64.
    """
    longest: Index = 1
    start: Index = 0
    for row in range(1, len(times) + 1):
        if row == len(times) or times[row] != times[start]:
            longest = max(longest, row - start)
            start = row
    ranks = np.empty(longest, dtype=np.uint64)
    scratch = np.empty(longest, dtype=np.uint64)
    places = np.empty(256 * _BYTES, dtype=np.int64)
    start = 0
    for row in range(1, len(times) + 1):
        if row < len(times) and times[row] == times[start]:
            continue
        count = row - start
        if count > 1:
            for place in range(count):
                ranks[place] = _rank(bits[start + place], doubles)
            swapped = False
            if count <= FEW:
                _sort_few(ranks, count)
            else:
                swapped = _sort_many(ranks, scratch, count, places)
            for place in range(count):
                bits[start + place] = _bits(scratch[place] if swapped else ranks[place], doubles)
        start = row
