"""The steps that scanners of plain JSON share: from object to object, from member to member, texts without escapes,
metrics and tags hashed on the way.

A step takes the place in `data` where it begins and returns the one where it ends, NOT_PLAIN when what stands there is
not plain. A value whose key has no colon begins nowhere(), where no step finds anything plain.

Hostile bytes. The body is followed by PADDING zero bytes. A zero byte is legal nowhere, so every loop ends there at
the latest, and what is read ahead of the byte at hand is never more than the padding covers.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from headrace.kernels import Index, boolean, borrowing_kernel, i64, int64, tuple_of, u8_in, u64, uint64
from headrace.kernels.bits import trailing_zeros
from headrace.kernels.hashing import byte_at, word_at
from headrace.kernels.scanning.columns import SPAN_COLUMNS, TAGS_MAX, NameColumns, name_columns
from headrace.kernels.scanning.decimal import NOT_PLAIN
from headrace.kernels.scanning.plain_text import HASHED, as_word, eight_times, first_bytes, hash_text, stops

PADDING = 24
"""Zero bytes after the body: a word may begin at the first of them, and one more be looked at."""

COMMA, COLON, QUOTE, MINUS = 44, 58, 34, 45
OPEN_LIST, CLOSE_LIST, OPEN_OBJECT, CLOSE_OBJECT = 91, 93, 123, 125

_QUOTES, _BACKSLASHES, _BLANKS = eight_times(QUOTE), eight_times(92), eight_times(32)

_TIMESTAM, _P = as_word(b"timestam"), as_word(b'p"')
_TWO_BYTES = first_bytes(2)

_PLACE_AND_WHETHER = tuple_of(int64, boolean)


@borrowing_kernel(HASHED(u8_in, int64, uint64, uint64, u64))
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


@borrowing_kernel(int64(u8_in))
def nowhere(data: NDArray[np.uint8]) -> Index:
    """A place where nothing plain begins: the first of the zero bytes behind all text."""
    return len(data) - PADDING


@borrowing_kernel(int64(u8_in, int64))
def after_colon(data: NDArray[np.uint8], at: Index) -> Index:
    """The first byte of the value whose key ended before data[at]; nowhere() without a colon."""
    at = skip_blanks(data, at)
    return skip_blanks(data, at + 1) if byte_at(data, at) == COLON else nowhere(data)


@borrowing_kernel(_PLACE_AND_WHETHER(u8_in, int64))
def first_object(data: NDArray[np.uint8], at: Index) -> tuple[Index, bool]:
    """(place, whether in an array) of the first object of a text that is one object, or an array of objects."""
    at = skip_blanks(data, at)
    in_list = byte_at(data, at) == OPEN_LIST
    return (skip_blanks(data, at + 1) if in_list else at), in_list


@borrowing_kernel(_PLACE_AND_WHETHER(u8_in, int64, boolean))
def next_object(data: NDArray[np.uint8], at: Index, in_list: bool) -> tuple[Index, bool]:
    """(place, whether there is one) of the object after the one that ended before data[at]; NOT_PLAIN after NOT_PLAIN.

    Without one it is the place behind them all, the array and the blanks after it included.
    """
    if at < 0:
        return NOT_PLAIN, False
    at = skip_blanks(data, at)
    if not in_list:
        return at, False
    if byte_at(data, at) == COMMA:
        return skip_blanks(data, at + 1), True
    return (skip_blanks(data, at + 1) if byte_at(data, at) == CLOSE_LIST else NOT_PLAIN), False


@borrowing_kernel(int64(u8_in, int64, int64))
def key_behind(data: NDArray[np.uint8], at: Index, mark: int) -> Index:
    """Where the text of the key begins that follows `mark`, OPEN_OBJECT or COMMA, at data[at]; NOT_PLAIN without."""
    if byte_at(data, at) != mark:
        return NOT_PLAIN
    at = skip_blanks(data, at + 1)
    return at + 1 if byte_at(data, at) == QUOTE else NOT_PLAIN


@borrowing_kernel(boolean(u8_in, int64, uint64))
def is_timestamp(data: NDArray[np.uint8], at: Index, word: np.uint64) -> bool:
    """Whether the 10 bytes at data[at] are the key `timestamp` and its quote. word: the first 8 of them."""
    return bool(word == _TIMESTAM and word_at(data, at + 8) & _TWO_BYTES == _P)


@borrowing_kernel(HASHED(u8_in, int64, u64, u64))
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
        if byte_at(data, at) != QUOTE:
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


@borrowing_kernel(HASHED(u8_in, int64, uint64, uint64, u64, int64, i64))
def read_text(
    data: NDArray[np.uint8],
    at: Index,
    low: np.uint64,
    high: np.uint64,
    secret: NDArray[np.uint64],
    span: Index,
    spans: NDArray[np.int64],
) -> tuple[Index, np.uint64, np.uint64]:
    """(end, low, high) as hash_string, of the text in quotes at data[at]. Where it stands, quotes included, is written
    at spans[span] and spans[span + 1]."""
    if byte_at(data, at) != QUOTE:
        return NOT_PLAIN, low, high
    end, low, high = hash_string(data, at + 1, low, high, secret)
    if end < 0:
        return NOT_PLAIN, low, high
    spans[span], spans[span + 1] = at, end + 1
    return end + 1, low, high


@borrowing_kernel(HASHED(u8_in, int64, uint64, uint64, int64, name_columns))
def add_metric(
    data: NDArray[np.uint8], at: Index, low: np.uint64, high: np.uint64, row: Index, names: NameColumns
) -> tuple[Index, np.uint64, np.uint64]:
    """(end, low, high): the end of the metric, a text, at data[at], and its hash added to the name of `row`."""
    secret = names.secret
    end, text_low, text_high = read_text(data, at, secret[0], secret[1], secret, row * SPAN_COLUMNS, names.spans)
    return end, low + text_low, high + text_high


@borrowing_kernel(HASHED(u8_in, int64, uint64, uint64, int64, name_columns))
def add_tags(
    data: NDArray[np.uint8], at: Index, low: np.uint64, high: np.uint64, row: Index, names: NameColumns
) -> tuple[Index, np.uint64, np.uint64]:
    """(end, low, high): the end of the object of tags at data[at], and their hashes added to the name of `row`."""
    end, tags_low, tags_high = hash_tags(data, at, names.secret, names.seen)
    span = row * SPAN_COLUMNS
    names.spans[span + 2], names.spans[span + 3] = at, end
    return end, low + tags_low, high + tags_high
