"""Plain text up to a byte that ends it, eight bytes at a time, hashed on the way."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from headrace.kernels import Index, borrowing_kernel, int64, tuple_of, u8_in, u64, uint64
from headrace.kernels.bits import trailing_zeros
from headrace.kernels.hashing import fold, word_at

HASHED = tuple_of(int64, uint64, uint64)
"""What a step returns that hashes: (end, low, high)."""

_ONES = np.uint64(0x0101010101010101)
_HIGH_BITS = np.uint64(0x8080808080808080)


def eight_times(byte: int) -> np.uint64:
    """A word of eight equal bytes, each below 128: how this module wants the bytes that end a text."""
    assert 0 < byte < 128, "stops() is exact only for such"
    return np.uint64(byte * int(_ONES))


def as_word(text: bytes) -> np.uint64:
    """At most 8 bytes as hashing.word_at reads them."""
    return np.uint64(int.from_bytes(text, "little"))


def first_bytes(count: int) -> np.uint64:
    """What keeps the first `count` bytes of a word, fewer than 8, and clears the others."""
    return np.uint64((1 << 8 * count) - 1)


@borrowing_kernel(uint64(uint64, uint64, uint64, uint64))
def stops(word: np.uint64, one: np.uint64, other: np.uint64, below: np.uint64) -> np.uint64:
    """Marks of the bytes of `word` that are `one` or `other` or less than `below`, all three as eight_times gives them.

    The lowest set bit is the high bit of the first such byte; bits above it may be false.
    """
    without_one, without_other = word ^ one, word ^ other
    return (
        ((without_one - _ONES) & ~without_one) | ((without_other - _ONES) & ~without_other) | ((word - below) & ~word)
    ) & _HIGH_BITS


@borrowing_kernel(HASHED(u8_in, int64, uint64, uint64, u64, uint64, uint64, uint64))
def hash_text(
    data: NDArray[np.uint8],
    start: Index,
    low: np.uint64,
    high: np.uint64,
    secret: NDArray[np.uint64],
    one: np.uint64,
    other: np.uint64,
    below: np.uint64,
) -> tuple[Index, np.uint64, np.uint64]:
    """(end, low, high): the first byte from `start` that stops() marks, and hashing.hash_span over data[start:end].

    A stop must follow in data, and 16 readable bytes that one.
    """
    at = start
    word = word_at(data, at)
    marks = stops(word, one, other, below)
    length = np.uint64(8)
    while marks == 0:
        # These 8 bytes are text; whether they are the last shows only in the next: hash_span ends with 1 to 8.
        following = word_at(data, at + 8)
        marks = stops(following, one, other, below)
        if marks & np.uint64(255) != 0:
            break
        low = fold(low ^ word ^ secret[0], secret[1])
        high = fold(high ^ word ^ secret[2], secret[3])
        word = following
        at += 8
    else:
        length = trailing_zeros(marks) >> np.uint64(3)
        unused_bits = np.uint64(64) - (length << np.uint64(3))
        half = unused_bits >> np.uint64(1)
        word = word << half << half >> half >> half
    end = at + np.int64(length)
    total = np.uint64(end - start)
    low = fold(low ^ word ^ secret[4], secret[5] ^ total)
    high = fold(high ^ word ^ secret[6], secret[7] ^ total)
    return end, low, high
