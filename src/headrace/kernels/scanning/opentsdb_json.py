"""Plain bodies of OpenTSDB's /api/put straight from bytes to columns, in one pass, the names hashed on the way.

Plain: one object or an array of objects, each with metric, timestamp, value and tags once, in any order; texts without
escapes and not empty; an integer of the legal range as time; a number as value. Blanks may stand wherever JSON allows
them. Other members are skipped when their value is such a text or a number. Anything else is not refused here but
handed over whole: `scan` says NOT_PLAIN, and the reference decoder decides what the body means.

Hostile bytes: as in kernels.scanning.plain_json, zero bytes after the body end every loop.
"""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray

from headrace.kernels import Index, borrowing_kernel, i64, int64, keys128, u8, u8_in, u64
from headrace.kernels.hashing import byte_at, finish, word_at
from headrace.kernels.scanning.decimal import NOT_PLAIN, read_digits, read_number
from headrace.kernels.scanning.plain_json import (
    CLOSE_LIST,
    CLOSE_OBJECT,
    COMMA,
    OPEN_LIST,
    OPEN_OBJECT,
    QUOTE,
    SPAN_COLUMNS,
    after_colon,
    as_word,
    hash_string,
    hash_tags,
    skip_blanks,
    skip_text,
)

POINT_BYTES_MIN = 56
"""`{"metric":"m","timestamp":4284768,"value":1,"tags":{"k":"v"}}` and a comma are longer than that: a bound on rows."""

SECONDS_MIN, SECONDS_MAX, MILLISECONDS_MAX = 4_284_768, 9_999_999_999, 9_999_999_999_999
"""The rule of protocols.opentsdb.times."""

_METRIC, _VALUE, _TAGS = as_word(b'metric"'), as_word(b'value"'), as_word(b'tags"')
_TIMESTAM, _P = as_word(b"timestam"), as_word(b'p"')
_TWO_BYTES, _FIVE_BYTES, _SIX_BYTES, _SEVEN_BYTES = (np.uint64((1 << 8 * n) - 1) for n in (2, 5, 6, 7))

_HAS_METRIC, _HAS_TIMESTAMP, _HAS_VALUE, _HAS_TAGS, _HAS_ALL = 1, 2, 4, 8, 15


@borrowing_kernel(numba.types.UniTuple(int64, 2)(u8_in, int64))
def read_time(data: NDArray[np.uint8], at: Index) -> tuple[Index, Index]:
    """(end, ms since 1970) of the integer at data[at]; end is NOT_PLAIN when it is no legal time."""
    stamp, digits_end = read_digits(data, at, np.uint64(0))
    end = digits_end
    if byte_at(data, at) == 48 or end - at > 13:
        return NOT_PLAIN, 0
    time = np.int64(stamp)
    if time < SECONDS_MIN:
        return NOT_PLAIN, 0
    return end, time * 1000 if time <= SECONDS_MAX else time


@borrowing_kernel(int64(u8_in, int64))
def skip_member(data: NDArray[np.uint8], at: Index) -> Index:
    """The byte after the member whose key begins at data[at], if its value is plain text or a number; NOT_PLAIN."""
    at = skip_text(data, at)
    if at < 0:
        return NOT_PLAIN
    at = after_colon(data, at + 1)
    if at < 0:
        return NOT_PLAIN
    if byte_at(data, at) == QUOTE:
        at = skip_text(data, at + 1)
        return at + 1 if at >= 0 else NOT_PLAIN
    end, _, _ = read_number(data, at)
    return end


@borrowing_kernel(int64(u8_in, int64, int64, u64, u64, keys128, i64, u8, i64, i64))
def scan_point(
    data: NDArray[np.uint8],
    at: Index,
    row: Index,
    secret: NDArray[np.uint64],
    seen: NDArray[np.uint64],
    keys: NDArray[np.uint64],
    times: NDArray[np.int64],
    kinds: NDArray[np.uint8],
    bits: NDArray[np.int64],
    spans: NDArray[np.int64],
) -> Index:
    """The byte after the object that begins at data[at], its columns written at `row`; NOT_PLAIN."""
    if byte_at(data, at) != OPEN_OBJECT:
        return NOT_PLAIN
    members = 0
    low, high = np.uint64(0), np.uint64(0)
    span = row * SPAN_COLUMNS
    while True:
        at = skip_blanks(data, at + 1)
        if byte_at(data, at) != QUOTE:
            return NOT_PLAIN
        at += 1
        word = word_at(data, at)
        member = 0
        if word & _SEVEN_BYTES == _METRIC:
            member = _HAS_METRIC
            at = after_colon(data, at + 7)
            if at < 0 or byte_at(data, at) != QUOTE:
                return NOT_PLAIN
            spans[span] = at
            at, metric_low, metric_high = hash_string(data, at + 1, secret[0], secret[1], secret)
            at += 1 if at >= 0 else 0
            spans[span + 1] = at
            low += metric_low
            high += metric_high
        elif word == _TIMESTAM and word_at(data, at + 8) & _TWO_BYTES == _P:
            member = _HAS_TIMESTAMP
            at = after_colon(data, at + 10)
            if at < 0:
                return NOT_PLAIN
            at, times[row] = read_time(data, at)
        elif word & _SIX_BYTES == _VALUE:
            member = _HAS_VALUE
            at = after_colon(data, at + 6)
            if at < 0:
                return NOT_PLAIN
            at, kind, bits[row] = read_number(data, at)
            kinds[row] = kind
        elif word & _FIVE_BYTES == _TAGS:
            member = _HAS_TAGS
            at = after_colon(data, at + 5)
            if at < 0:
                return NOT_PLAIN
            spans[span + 2] = at
            at, tags_low, tags_high = hash_tags(data, at, secret, seen)
            spans[span + 3] = at
            low += tags_low
            high += tags_high
        else:
            at = skip_member(data, at)
        if at < 0 or members & member != 0:
            return NOT_PLAIN
        members |= member
        at = skip_blanks(data, at)
        if byte_at(data, at) != COMMA:
            break
    if byte_at(data, at) != CLOSE_OBJECT or members != _HAS_ALL:
        return NOT_PLAIN
    keys[row, 0], keys[row, 1] = finish(low, high, secret)
    return at + 1


@borrowing_kernel(int64(u8_in, int64, u64, u64, keys128, i64, u8, i64, i64))
def scan(
    data: NDArray[np.uint8],
    length: Index,
    secret: NDArray[np.uint64],
    seen: NDArray[np.uint64],
    keys: NDArray[np.uint64],
    times: NDArray[np.int64],
    kinds: NDArray[np.uint8],
    bits: NDArray[np.int64],
    spans: NDArray[np.int64],
) -> Index:
    """The number of points in data[:length], or NOT_PLAIN; their columns are then meaningless.

    data: the body, then PADDING zero bytes. secret: uint64[hashing.SECRET_WORDS]. seen: uint64[TAGS_MAX], scratch.
    Written for each point, for at least length // POINT_BYTES_MIN + 1 of them: keys uint64[m, 2], times int64[m] ms,
    kinds uint8[m] and bits int64[m] as model.points.Values has them, spans int64[SPAN_COLUMNS * m], offsets into data.
    """
    at = skip_blanks(data, 0)
    count = 0
    if byte_at(data, at) == OPEN_LIST:
        while True:
            at = skip_blanks(data, at + 1)
            at = scan_point(data, at, count, secret, seen, keys, times, kinds, bits, spans)
            if at < 0:
                return NOT_PLAIN
            count += 1
            at = skip_blanks(data, at)
            if byte_at(data, at) != COMMA:
                break
        if byte_at(data, at) != CLOSE_LIST:
            return NOT_PLAIN
        at += 1
    else:
        at = scan_point(data, at, count, secret, seen, keys, times, kinds, bits, spans)
        if at < 0:
            return NOT_PLAIN
        count = 1
    return count if skip_blanks(data, at) == length else NOT_PLAIN
