"""The hash table from 128-bit keys to dense ordinals, and the names that lie beside it, as loops over arrays.

slots: uint64[a power of two], open addressing with linear probing. A slot is the upper half of the key's second word
and, in its lower half, the ordinal; EMPTY when free. The key's first word says where to begin looking. keys: uint64[n,
2] by ordinal. So a slot is published by one 8-byte store, and what a reader finds in it is confirmed against the whole
key.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from headrace.kernels import (
    borrowing_kernel,
    i64,
    int64,
    kernel,
    keys128,
    u8,
    u8_in,
    u32,
    u32_in,
    u64,
    uint32,
    uint64,
    void,
)

EMPTY = np.uint64(0xFFFFFFFFFFFFFFFF)
"""A free slot. No entry looks like it: the ordinal 0xFFFFFFFF is never given."""

NO_ORDINAL = np.uint32(0xFFFFFFFF)

_TAG = np.uint64(0xFFFFFFFF00000000)
_ORDINAL = np.uint64(0x00000000FFFFFFFF)
_ONE = np.uint64(1)


@borrowing_kernel(uint64(u64, keys128, uint64, uint64))
def probe(slots: NDArray[np.uint64], keys: NDArray[np.uint64], low: int, high: int) -> int:
    """The position of the slot that holds the key (low, high), or of the free slot where it belongs."""
    mask = np.uint64(len(slots) - 1)
    at = low & mask
    tag = high & _TAG
    while True:
        slot = slots[at]
        if slot == EMPTY:
            return at  # type: ignore[return-value]
        if slot & _TAG == tag:
            ordinal = slot & _ORDINAL
            if keys[ordinal, 0] == low and keys[ordinal, 1] == high:
                return at  # type: ignore[return-value]
        at = (at + _ONE) & mask


@kernel(void(u64, keys128, u8, keys128, u32, u8))
def lookup(
    slots: NDArray[np.uint64],
    keys: NDArray[np.uint64],
    rules: NDArray[np.uint8],
    wanted: NDArray[np.uint64],
    ordinals: NDArray[np.uint32],
    satisfied: NDArray[np.uint8],
) -> None:
    """For each key of wanted[n, 2] its ordinal (NO_ORDINAL when absent) and its rule bits (0 when absent), into the
    last two.

    Safe beside one concurrent `insert` into the same arrays, without a lock: an entry not yet wholly visible to this
    processor is not found, since its key does not match, and reads as absent.
    """
    for row in range(len(wanted)):
        slot = slots[probe(slots, keys, wanted[row, 0], wanted[row, 1])]
        if slot == EMPTY:
            ordinals[row] = NO_ORDINAL
            satisfied[row] = 0
        else:
            ordinal = slot & _ORDINAL
            ordinals[row] = ordinal
            satisfied[row] = rules[ordinal]


@kernel(int64(u64, keys128, u8, i64, u8, int64, int64, keys128, u32_in, u8_in, int64, u32))
def insert(
    slots: NDArray[np.uint64],
    keys: NDArray[np.uint64],
    rules: NDArray[np.uint8],
    ends: NDArray[np.int64],
    heap: NDArray[np.uint8],
    count: int,
    count_max: int,
    new_keys: NDArray[np.uint64],
    new_lengths: NDArray[np.uint32],
    new_heap: NDArray[np.uint8],
    rule_bits: int,
    ordinals: NDArray[np.uint32],
) -> int:
    """Give each key of new_keys[n, 2] its rule bits and, if it is new and fewer than count_max are held, the next
    ordinal.

    Its name is copied from new_heap to the heap; ends[i] is where the name of ordinal i ends. ordinals[n] receives what
    each has now, NO_ORDINAL where there was no room. Returns the new count. The caller has made room in every array.
    """
    source = np.int64(0)
    for row in range(len(new_keys)):
        length = np.int64(new_lengths[row])
        low, high = new_keys[row, 0], new_keys[row, 1]
        at = probe(slots, keys, low, high)
        if slots[at] != EMPTY:
            ordinal = slots[at] & _ORDINAL
            rules[ordinal] |= np.uint8(rule_bits)
            ordinals[row] = ordinal
        elif count < count_max:
            begin = ends[count - 1] if count else np.int64(0)
            for at_byte in range(length):
                heap[begin + at_byte] = new_heap[source + at_byte]
            ends[count] = begin + length
            rules[count] = np.uint8(rule_bits)
            keys[count, 0] = low
            keys[count, 1] = high
            # Last: a reader that sees the slot should find what it points to.
            slots[at] = (high & _TAG) | np.uint64(count)
            ordinals[row] = count
            count += 1
        else:
            ordinals[row] = NO_ORDINAL
        source += length
    return count


@kernel(void(u64, keys128, uint32, uint32))
def refill(slots: NDArray[np.uint64], keys: NDArray[np.uint64], first: int, count: int) -> None:
    """Enter ordinals first .. count - 1, whose keys are distinct and absent, into `slots`, which has room for them.

    The key (0, 0) stands for an ordinal whose name is lost; it is not entered.
    """
    mask = np.uint64(len(slots) - 1)
    for ordinal in range(first, count):
        if keys[ordinal, 0] == 0 and keys[ordinal, 1] == 0:
            continue
        at = keys[ordinal, 0] & mask
        while slots[at] != EMPTY:
            at = (at + _ONE) & mask
        slots[at] = (keys[ordinal, 1] & _TAG) | np.uint64(ordinal)
