"""The steps that scanners of plain JSON share: blanks, texts without escapes, objects of tags hashed on the way.

Hostile bytes. The body is followed by PADDING zero bytes. A zero byte is legal nowhere, so every loop ends there at
the latest, and what is read ahead of the byte at hand is never more than the padding covers.
"""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray

from headrace.kernels import Index, borrowing_kernel, int64, u8_in, u64, uint64
from headrace.kernels.bits import trailing_zeros
from headrace.kernels.hashing import byte_at, word_at
from headrace.kernels.scanning.decimal import NOT_PLAIN
from headrace.kernels.scanning.plain_text import eight_times, hash_text, stops

PADDING = 24
"""Zero bytes after the body: a word may begin at the first of them, and one more be looked at."""

TAGS_MAX = 64
"""Tags of one point read here; the search for a tag key that comes twice compares each with each."""

SPAN_COLUMNS = 4
"""A row of spans: start and end of the metric as it is spelled, quotes included, and of the tags, braces included."""

COMMA, COLON, QUOTE, MINUS = 44, 58, 34, 45
OPEN_LIST, CLOSE_LIST, OPEN_OBJECT, CLOSE_OBJECT = 91, 93, 123, 125

_QUOTES, _BACKSLASHES, _BLANKS = eight_times(QUOTE), eight_times(92), eight_times(32)

_HASHED = numba.types.Tuple((int64, uint64, uint64))


def as_word(text: bytes) -> np.uint64:
    """At most 8 bytes as hashing.word_at reads them."""
    return np.uint64(int.from_bytes(text, "little"))


@borrowing_kernel(_HASHED(u8_in, int64, uint64, uint64, u64))
def hash_string(
    data: NDArray[np.uint8], start: Index, low: np.uint64, high: np.uint64, secret: NDArray[np.uint64]
) -> tuple[Index, np.uint64, np.uint64]:
    """(end, low, high): where the plain text from data[start] has its closing quote, and hashing.hash_span over it.

    end is NOT_PLAIN for an empty text and for one with escapes or control characters.
    """
    end, low, high = hash_text(data, start, low, high, secret, _QUOTES, _BACKSLASHES, _BLANKS)
    if end == start or byte_at(data, end) != QUOTE:
        return NOT_PLAIN, low, high
    return end, low, high


@borrowing_kernel(int64(u8_in, int64))
def skip_text(data: NDArray[np.uint8], at: Index) -> Index:
    """Where the plain text from data[at], which may be empty, has its closing quote; NOT_PLAIN as in hash_string."""
    marks = stops(word_at(data, at), _QUOTES, _BACKSLASHES, _BLANKS)
    while marks == 0:
        at += 8
        marks = stops(word_at(data, at), _QUOTES, _BACKSLASHES, _BLANKS)
    at += np.int64(trailing_zeros(marks) >> np.uint64(3))
    return at if byte_at(data, at) == QUOTE else NOT_PLAIN


@borrowing_kernel(int64(u8_in, int64))
def skip_blanks(data: NDArray[np.uint8], at: Index) -> Index:
    """The first byte from data[at] on that is no blank of JSON."""
    while byte_at(data, at) <= 32 and (
        byte_at(data, at) == 32 or byte_at(data, at) == 10 or byte_at(data, at) == 13 or byte_at(data, at) == 9
    ):
        at += 1
    return at


@borrowing_kernel(int64(u8_in, int64))
def after_colon(data: NDArray[np.uint8], at: Index) -> Index:
    """The first byte of the value whose key ended before data[at]; NOT_PLAIN without a colon."""
    at = skip_blanks(data, at)
    return skip_blanks(data, at + 1) if byte_at(data, at) == COLON else NOT_PLAIN


@borrowing_kernel(_HASHED(u8_in, int64, u64, u64))
def hash_tags(
    data: NDArray[np.uint8], at: Index, secret: NDArray[np.uint64], seen: NDArray[np.uint64]
) -> tuple[Index, np.uint64, np.uint64]:
    """(end, low, high): the byte after the object of tags that begins at data[at], and the sum of its tags' hashes.

    seen: uint64[TAGS_MAX], scratch. end is NOT_PLAIN for what is no object of plain texts, is empty or has a key twice.
    """
    low, high = np.uint64(0), np.uint64(0)
    if byte_at(data, at) != OPEN_OBJECT:
        return NOT_PLAIN, low, high
    for tag in range(TAGS_MAX):
        at = skip_blanks(data, at + 1)
        if byte_at(data, at) != QUOTE:
            return NOT_PLAIN, low, high
        at, key_low, key_high = hash_string(data, at + 1, secret[2], secret[3], secret)
        if at < 0:
            return NOT_PLAIN, low, high
        # Equal keys have equal hashes; unequal ones that agree in one lane are handed over for nothing.
        for earlier in range(tag):
            if seen[earlier] == key_low:
                return NOT_PLAIN, low, high
        seen[tag] = key_low
        at = after_colon(data, at + 1)
        if at < 0 or byte_at(data, at) != QUOTE:
            return NOT_PLAIN, low, high
        at, pair_low, pair_high = hash_string(data, at + 1, key_low, key_high, secret)
        if at < 0:
            return NOT_PLAIN, low, high
        low += pair_low
        high += pair_high
        at = skip_blanks(data, at + 1)
        if byte_at(data, at) == CLOSE_OBJECT:
            return at + 1, low, high
        if byte_at(data, at) != COMMA:
            return NOT_PLAIN, low, high
    return NOT_PLAIN, low, high
