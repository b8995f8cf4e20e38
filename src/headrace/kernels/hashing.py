"""The 128-bit keyed hash of a series' name: independent of the order of its tags, computed in one pass over raw UTF-8.

key = finish(H(metric) + sum over tags of H(H(tag key), tag value)), both 64-bit lanes added modulo 2^64. H folds 8
bytes at a time by a 64 x 64 -> 128 bit multiplication with secret words (the construction of wyhash and rapidhash), in
two lanes with different secrets. The secret is random per database, so nobody outside can aim for a collision; by
chance, a million million series collide with a probability of about 2^-48.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from headrace.kernels import (
    Index,
    borrowing_kernel,
    instruction,
    int64,
    overload,
    tuple_of,
    u8,
    u8_in,
    u64,
    uint8,
    uint64,
)

SECRET_WORDS = 8
"""A secret is uint64[8], all odd."""

PADDING = 8
"""Bytes that must be readable after every span that is hashed: the last word is read whole."""

PAIR_TYPE = tuple_of(uint64, uint64)


def fold(a: np.uint64, b: np.uint64) -> np.uint64:
    """The high and the low half of the 128-bit product a * b, xored."""
    product = int(a) * int(b)
    return np.uint64((product ^ (product >> 64)) & 0xFFFFFFFFFFFFFFFF)


@instruction(uint64(uint64, uint64))
def _fold_llvm(ir: Any, builder: Any, a: Any, b: Any) -> Any:
    wide = ir.IntType(128)
    product = builder.mul(builder.zext(a, wide), builder.zext(b, wide))
    high = builder.lshr(product, ir.Constant(wide, 64))
    return builder.trunc(builder.xor(product, high), ir.IntType(64))


# Numba compares the two parameter lists, annotations included, so neither may have any.
@overload(fold)
def _fold_overload(a, b):  # type: ignore[no-untyped-def]
    # Numba has no 128-bit integer; four 32-bit multiplications instead of this one instruction cost 60 % more per name.
    return lambda a, b: _fold_llvm(a, b)  # noqa: PLW0108


@borrowing_kernel(uint8(u8_in, int64))
def byte_at(data: NDArray[np.uint8], at: Index) -> np.uint8:
    """data[at], for at >= 0: unsigned, so that Numba does not look for an index from the end."""
    return np.uint8(data[np.uint64(at)])


@borrowing_kernel(uint64(u8_in, int64))
def word_at(data: NDArray[np.uint8], at: Index) -> np.uint64:
    """The 8 bytes from `at`, little end first."""
    # Unsigned, so that Numba looks for no negative index; only then does LLVM make one load of it.
    first = np.uint64(at)
    return (
        np.uint64(data[first])
        | np.uint64(data[first + np.uint64(1)]) << np.uint64(8)
        | np.uint64(data[first + np.uint64(2)]) << np.uint64(16)
        | np.uint64(data[first + np.uint64(3)]) << np.uint64(24)
        | np.uint64(data[first + np.uint64(4)]) << np.uint64(32)
        | np.uint64(data[first + np.uint64(5)]) << np.uint64(40)
        | np.uint64(data[first + np.uint64(6)]) << np.uint64(48)
        | np.uint64(data[first + np.uint64(7)]) << np.uint64(56)
    )


@borrowing_kernel(PAIR_TYPE(u8, int64, int64, uint64, uint64, u64))
def hash_span(
    data: NDArray[np.uint8], start: Index, end: Index, low: np.uint64, high: np.uint64, secret: NDArray[np.uint64]
) -> tuple[np.uint64, np.uint64]:
    """The two lanes (low, high) continued over data[start:end]; the span's length takes part.

    At least PADDING bytes must follow `end` in `data`; what they hold does not matter.
    """
    length = np.uint64(end - start)
    at = start
    while at + 8 < end:
        word = word_at(data, at)
        low = fold(low ^ word ^ secret[0], secret[1])
        high = fold(high ^ word ^ secret[2], secret[3])
        at += 8
    # The last 0 to 8 bytes: read 8, and keep what belongs to the span (a shift by 64 would be undefined, hence two).
    unused_bits = np.uint64(4 * (8 - (end - at)))
    word = word_at(data, at) << unused_bits << unused_bits >> unused_bits >> unused_bits
    low = fold(low ^ word ^ secret[4], secret[5] ^ length)
    high = fold(high ^ word ^ secret[6], secret[7] ^ length)
    return low, high


@borrowing_kernel(PAIR_TYPE(uint64, uint64, u64))
def finish(low: np.uint64, high: np.uint64, secret: NDArray[np.uint64]) -> tuple[np.uint64, np.uint64]:
    """The key of the added lanes of a metric and its tags."""
    return fold(low ^ secret[2], secret[5]), fold(high ^ secret[0], secret[7])


@borrowing_kernel(PAIR_TYPE(u8, u64, u64))
def hash_name(
    data: NDArray[np.uint8], ends: NDArray[np.uint64], secret: NDArray[np.uint64]
) -> tuple[np.uint64, np.uint64]:
    """The key of one name laid out in `data` as metric, key 1, value 1, key 2, value 2 …, then PADDING.

    ends[i] is where part i ends.
    """
    low, high = hash_span(data, 0, np.int64(ends[0]), secret[0], secret[1], secret)
    for part in range(1, len(ends), 2):
        key_low, key_high = hash_span(
            data, np.int64(ends[part - 1]), np.int64(ends[part]), secret[2], secret[3], secret
        )
        pair_low, pair_high = hash_span(data, np.int64(ends[part]), np.int64(ends[part + 1]), key_low, key_high, secret)
        low += pair_low
        high += pair_high
    return finish(low, high, secret)
