"""Plain bodies of KairosDB's /api/v1/datapoints straight from bytes to columns, in one pass, the names hashed on the
way: one key a metric object, however many points it has.

Plain: one object or an array of objects, each with name and tags, in any order, and either `datapoints`, not empty, all
of them pairs of an integer and a number, or a `timestamp` and a `value` of that kind; maybe an unsigned `ttl`; nothing
else and nothing twice. Texts without escapes and not empty. A number with an exponent has a point, since without one it
is an integer here. Anything else is not refused here but handed over whole: NOT_PLAIN it is called, and the reference
decoder decides what the body means.

Hostile bytes: as in kernels.scanning.plain_json, zero bytes after the body end every loop.
"""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray

from headrace.kernels import Index, borrowing_kernel, i64, int64, kernel, keys128, u8, u8_in, u64
from headrace.kernels.hashing import byte_at, finish, word_at
from headrace.kernels.scanning.decimal import DOUBLE, NOT_PLAIN, read_digits, read_number
from headrace.kernels.scanning.plain_json import (
    CLOSE_LIST,
    CLOSE_OBJECT,
    COMMA,
    MINUS,
    OPEN_LIST,
    OPEN_OBJECT,
    QUOTE,
    SPAN_COLUMNS,
    after_colon,
    as_word,
    hash_string,
    hash_tags,
    skip_blanks,
)

METRIC_BYTES_MIN = 44
"""`{"name":"m","datapoints":[[1,2]],"tags":{"k":"v"}}` and a comma are longer than that: a bound on keys."""

POINT_BYTES_MIN = 5
"""`[1,2]`: a bound on points, which have a comma or another bracket besides."""

TIME_MS_MAX = 2**53
"""The rule of model.time."""

TTL_S_MAX = 2**31 - 1
"""The rule of limits.KAIROSDB_TTL_S_MAX."""

_NAME, _VALUE, _TAGS, _TTL = as_word(b'name"'), as_word(b'value"'), as_word(b'tags"'), as_word(b'ttl"')
_TIMESTAM, _P = as_word(b"timestam"), as_word(b'p"')
_DATAPOIN, _TS = as_word(b"datapoin"), as_word(b'ts"')
_TWO_BYTES, _THREE_BYTES, _FOUR_BYTES, _FIVE_BYTES, _SIX_BYTES = (np.uint64((1 << 8 * n) - 1) for n in (2, 3, 4, 5, 6))

_HAS_NAME, _HAS_TAGS, _HAS_PAIRS, _HAS_TIME, _HAS_VALUE, _HAS_TTL = 1, 2, 4, 8, 16, 32
_PAIRS_FORM = _HAS_NAME | _HAS_TAGS | _HAS_PAIRS
_SINGLE_FORM = _HAS_NAME | _HAS_TAGS | _HAS_TIME | _HAS_VALUE


@borrowing_kernel(numba.types.UniTuple(int64, 2)(u8_in, int64))
def read_time(data: NDArray[np.uint8], at: Index) -> tuple[Index, Index]:
    """(end, ms since 1970) of the integer at data[at]; end is NOT_PLAIN when it is no legal time."""
    negative = byte_at(data, at) == MINUS
    if negative:
        at += 1
    digits, end = read_digits(data, at, np.uint64(0))
    if end == at or end - at > 16 or (byte_at(data, at) == 48 and end - at > 1):
        return NOT_PLAIN, 0
    time = np.int64(digits)
    if time > TIME_MS_MAX:
        return NOT_PLAIN, 0
    return end, -time if negative else time


@borrowing_kernel(numba.types.Tuple((int64, int64, int64))(u8_in, int64))
def read_value(data: NDArray[np.uint8], at: Index) -> tuple[Index, int, Index]:
    """As decimal.read_number; end is NOT_PLAIN for a number with an exponent and no point, too."""
    end, kind, bits = read_number(data, at)
    if end >= 0 and kind == DOUBLE:
        at += 1
        while byte_at(data, at) >= 48 and byte_at(data, at) <= 57:
            at += 1
        if byte_at(data, at) != 46:
            return NOT_PLAIN, 0, 0
    return end, kind, bits


@borrowing_kernel(numba.types.UniTuple(int64, 2)(u8_in, int64, int64, i64, u8, i64))
def scan_pairs(
    data: NDArray[np.uint8],
    at: Index,
    row: Index,
    times: NDArray[np.int64],
    kinds: NDArray[np.uint8],
    bits: NDArray[np.int64],
) -> tuple[Index, Index]:
    """(end, row after the last) of the array of pairs that begins at data[at], written from `row` on."""
    if byte_at(data, at) != OPEN_LIST:
        return NOT_PLAIN, row
    while True:
        at = skip_blanks(data, at + 1)
        if byte_at(data, at) != OPEN_LIST:
            return NOT_PLAIN, row
        at, times[row] = read_time(data, skip_blanks(data, at + 1))
        if at < 0:
            return NOT_PLAIN, row
        at = skip_blanks(data, at)
        if byte_at(data, at) != COMMA:
            return NOT_PLAIN, row
        at, kind, bits[row] = read_value(data, skip_blanks(data, at + 1))
        if at < 0:
            return NOT_PLAIN, row
        kinds[row] = kind
        row += 1
        at = skip_blanks(data, at)
        if byte_at(data, at) != CLOSE_LIST:
            return NOT_PLAIN, row
        at = skip_blanks(data, at + 1)
        if byte_at(data, at) != COMMA:
            break
    return at + 1 if byte_at(data, at) == CLOSE_LIST else NOT_PLAIN, row


@borrowing_kernel(
    numba.types.UniTuple(int64, 2)(u8_in, int64, int64, int64, u64, u64, keys128, i64, i64, i64, u8, i64, i64)
)
def scan_metric(  # noqa: PLR0915 - one branch a member
    data: NDArray[np.uint8],
    at: Index,
    metric: Index,
    row: Index,
    secret: NDArray[np.uint64],
    seen: NDArray[np.uint64],
    keys: NDArray[np.uint64],
    runs: NDArray[np.int64],
    ttls: NDArray[np.int64],
    times: NDArray[np.int64],
    kinds: NDArray[np.uint8],
    bits: NDArray[np.int64],
    spans: NDArray[np.int64],
) -> tuple[Index, Index]:
    """(end, row after its last point) of the object that begins at data[at]; end is NOT_PLAIN."""
    if byte_at(data, at) != OPEN_OBJECT:
        return NOT_PLAIN, row
    first = row
    members = 0
    low, high = np.uint64(0), np.uint64(0)
    span = metric * SPAN_COLUMNS
    ttls[metric] = 0
    while True:
        at = skip_blanks(data, at + 1)
        if byte_at(data, at) != QUOTE:
            return NOT_PLAIN, row
        at += 1
        word = word_at(data, at)
        if word & _FIVE_BYTES == _NAME:
            member = _HAS_NAME
            at = after_colon(data, at + 5)
            if at < 0 or byte_at(data, at) != QUOTE:
                return NOT_PLAIN, row
            spans[span] = at
            at, name_low, name_high = hash_string(data, at + 1, secret[0], secret[1], secret)
            at += 1 if at >= 0 else 0
            spans[span + 1] = at
            low += name_low
            high += name_high
        elif word == _DATAPOIN and word_at(data, at + 8) & _THREE_BYTES == _TS:
            member = _HAS_PAIRS
            # A second array of the same object, refused below, could else run past the end of the columns.
            if members & (_HAS_PAIRS | _HAS_TIME | _HAS_VALUE) != 0:
                return NOT_PLAIN, row
            at = after_colon(data, at + 11)
            if at < 0:
                return NOT_PLAIN, row
            at, row = scan_pairs(data, at, row, times, kinds, bits)
        elif word & _FIVE_BYTES == _TAGS:
            member = _HAS_TAGS
            at = after_colon(data, at + 5)
            if at < 0:
                return NOT_PLAIN, row
            spans[span + 2] = at
            at, tags_low, tags_high = hash_tags(data, at, secret, seen)
            spans[span + 3] = at
            low += tags_low
            high += tags_high
        elif word == _TIMESTAM and word_at(data, at + 8) & _TWO_BYTES == _P:
            member = _HAS_TIME
            at = after_colon(data, at + 10)
            if at < 0:
                return NOT_PLAIN, row
            at, times[first] = read_time(data, at)
        elif word & _SIX_BYTES == _VALUE:
            member = _HAS_VALUE
            at = after_colon(data, at + 6)
            if at < 0:
                return NOT_PLAIN, row
            at, kind, bits[first] = read_value(data, at)
            kinds[first] = kind
        elif word & _FOUR_BYTES == _TTL:
            member = _HAS_TTL
            at = after_colon(data, at + 4)
            if at < 0 or byte_at(data, at) == MINUS:
                return NOT_PLAIN, row
            at, ttls[metric] = read_time(data, at)
        else:
            return NOT_PLAIN, row
        if at < 0 or members & member != 0:
            return NOT_PLAIN, row
        members |= member
        at = skip_blanks(data, at)
        if byte_at(data, at) != COMMA:
            break
    if members & ~_HAS_TTL == _SINGLE_FORM:
        row += 1
    elif members & ~_HAS_TTL != _PAIRS_FORM:
        return NOT_PLAIN, row
    if byte_at(data, at) != CLOSE_OBJECT or ttls[metric] > TTL_S_MAX:
        return NOT_PLAIN, row
    runs[metric] = row - first
    keys[metric, 0], keys[metric, 1] = finish(low, high, secret)
    return at + 1, row


@borrowing_kernel(
    numba.types.UniTuple(int64, 2)(u8_in, int64, int64, int64, int64, u64, u64, keys128, i64, i64, i64, u8, i64, i64)
)
def scan_body(
    data: NDArray[np.uint8],
    at: Index,
    end: Index,
    metric: Index,
    row: Index,
    secret: NDArray[np.uint64],
    seen: NDArray[np.uint64],
    keys: NDArray[np.uint64],
    runs: NDArray[np.int64],
    ttls: NDArray[np.int64],
    times: NDArray[np.int64],
    kinds: NDArray[np.uint8],
    bits: NDArray[np.int64],
    spans: NDArray[np.int64],
) -> tuple[Index, Index]:
    """(metric after the last, row after the last) of the body data[at:end]; NOT_PLAIN and any row when it is not."""
    at = skip_blanks(data, at)
    is_list = byte_at(data, at) == OPEN_LIST
    while True:
        if is_list:
            at = skip_blanks(data, at + 1)
        at, row = scan_metric(data, at, metric, row, secret, seen, keys, runs, ttls, times, kinds, bits, spans)
        if at < 0:
            return NOT_PLAIN, row
        metric += 1
        at = skip_blanks(data, at)
        if not is_list or byte_at(data, at) != COMMA:
            break
    if is_list:
        if byte_at(data, at) != CLOSE_LIST:
            return NOT_PLAIN, row
        at = skip_blanks(data, at + 1)
    return (metric, row) if at == end else (NOT_PLAIN, row)


@kernel(numba.types.UniTuple(int64, 2)(u8_in, i64, i64, u64, u64, keys128, i64, i64, i64, u8, i64, i64, i64))
def scan_bodies(
    data: NDArray[np.uint8],
    starts: NDArray[np.int64],
    lengths: NDArray[np.int64],
    secret: NDArray[np.uint64],
    seen: NDArray[np.uint64],
    keys: NDArray[np.uint64],
    runs: NDArray[np.int64],
    ttls: NDArray[np.int64],
    times: NDArray[np.int64],
    kinds: NDArray[np.uint8],
    bits: NDArray[np.int64],
    spans: NDArray[np.int64],
    counts: NDArray[np.int64],
) -> tuple[Index, Index]:
    """(metric objects, points) of all plain bodies data[starts[i]:][:lengths[i]]; their rows follow one another.

    data: plain_json.PADDING zero bytes behind each body. secret: uint64[hashing.SECRET_WORDS]. seen: uint64[TAGS_MAX],
    scratch. counts: int64, written: the metric objects of each body, or NOT_PLAIN, and then it has no rows. Written for
    each metric object, of which each body has up to lengths[i] // METRIC_BYTES_MIN + 1: keys uint64[m, 2], runs
    int64[m], its number of points, ttls int64[m] in s, 0 for none, spans int64[SPAN_COLUMNS * m], offsets into data.
    Written for each point, of which each body has up to lengths[i] // POINT_BYTES_MIN + 1: times int64[n] ms, kinds
    uint8[n] and bits int64[n] as model.points.Values has them.
    """
    metrics: Index = 0
    points: Index = 0
    for body in range(len(starts)):
        at = starts[body]
        metric, row = scan_body(
            data, at, at + lengths[body], metrics, points, secret, seen, keys, runs, ttls, times, kinds, bits, spans
        )
        if metric < 0:
            counts[body] = NOT_PLAIN
        else:
            counts[body] = metric - metrics
            metrics, points = metric, row
    return metrics, points
