"""Strings to dense ids and back, in arrays: an open-addressing table of ids over one heap of bytes.

slots: uint32, a power of two of them, id + 1 or 0 for empty.
ends: int64, string `id` is heap[ends[id - 1] : ends[id]].
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from headrace.kernels import borrowing_kernel, i64, int64, kernel, u8, u32, u64, void
from headrace.kernels.hashing import hash_span

Int = int | np.int64


@borrowing_kernel(int64(u8, int64, int64, u32, i64, u8, u64))
def slot_of(
    data: NDArray[np.uint8],
    start: Int,
    end: Int,
    slots: NDArray[np.uint32],
    ends: NDArray[np.int64],
    heap: NDArray[np.uint8],
    secret: NDArray[np.uint64],
) -> Int:
    """The slot of string data[start:end], or the empty slot where it belongs. hashing.PADDING bytes follow `end`."""
    low, _ = hash_span(data, start, end, secret[0], secret[1], secret)
    mask = np.int64(len(slots) - 1)
    slot = np.int64(low & np.uint64(mask))
    while slots[slot] != 0:
        symbol = np.int64(slots[slot]) - 1
        begin = ends[symbol - 1] if symbol > 0 else 0
        if ends[symbol] - begin == end - start:
            at = 0
            while at < end - start and heap[begin + at] == data[start + at]:
                at += 1
            if at == end - start:
                return slot
        slot = (slot + 1) & mask
    return slot


@borrowing_kernel(int64(u8, int64, int64, int64, u32, i64, u8, u64))
def intern(
    data: NDArray[np.uint8],
    start: Int,
    end: Int,
    count: Int,
    slots: NDArray[np.uint32],
    ends: NDArray[np.int64],
    heap: NDArray[np.uint8],
    secret: NDArray[np.uint64],
) -> Int:
    """The id of string data[start:end]; it is `count` when the string is new and was added. There is room for it."""
    slot = slot_of(data, start, end, slots, ends, heap, secret)
    if slots[slot] != 0:
        return np.int64(slots[slot]) - 1
    begin = ends[count - 1] if count > 0 else 0
    for at in range(end - start):
        heap[begin + at] = data[start + at]
    ends[count] = begin + end - start
    slots[slot] = np.uint32(count + 1)
    return count


@kernel(void(int64, u32, i64, u8, u64))
def refill(
    count: Int,
    slots: NDArray[np.uint32],
    ends: NDArray[np.int64],
    heap: NDArray[np.uint8],
    secret: NDArray[np.uint64],
) -> None:
    """Put the first `count` strings, all different, into empty `slots`; hashing.PADDING bytes follow them in `heap`."""
    mask = np.int64(len(slots) - 1)
    begin = np.int64(0)
    for symbol in range(count):
        low, _ = hash_span(heap, begin, ends[symbol], secret[0], secret[1], secret)
        slot = np.int64(low & np.uint64(mask))
        while slots[slot] != 0:
            slot = (slot + 1) & mask
        slots[slot] = np.uint32(symbol + 1)
        begin = ends[symbol]


@kernel(void(u8, i64, u32, i64, u8, u64, i64))
def find_each(
    data: NDArray[np.uint8],
    wanted_ends: NDArray[np.int64],
    slots: NDArray[np.uint32],
    ends: NDArray[np.int64],
    heap: NDArray[np.uint8],
    secret: NDArray[np.uint64],
    found: NDArray[np.int64],
) -> None:
    """found[i]: the id of the string data[wanted_ends[i - 1] : wanted_ends[i]], or -1. hashing.PADDING bytes follow the
    last one in `data`."""
    begin = np.int64(0)
    for index in range(len(wanted_ends)):
        slot = slot_of(data, begin, wanted_ends[index], slots, ends, heap, secret)
        found[index] = np.int64(slots[slot]) - 1
        begin = wanted_ends[index]
