"""Plain bodies of OpenTSDB's /api/put straight from bytes to columns, in one pass, the names hashed on the way.

Plain: one object or an array of objects, each with metric, timestamp, value and tags once, in any order; texts without
escapes and not empty; an integer of the legal range as time; a number as value. Blanks may stand wherever JSON allows
them. Other members are skipped when their value is such a text or a number. Anything else is not refused here but
handed over whole: `scan` says NOT_PLAIN, and the reference decoder decides what the body means.

Hostile bytes: as in kernels.scanning.plain_json, zero bytes after the body end every loop.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from headrace.kernels import Index, borrowing_kernel, i64, int64, keys128, tuple_of, u8, u8_in, u64
from headrace.kernels.hashing import byte_at, finish, word_at
from headrace.kernels.scanning.columns import (
    NameColumns,
    PointColumns,
    name_columns,
    point_columns,
)
from headrace.kernels.scanning.decimal import NOT_PLAIN, read_digits, read_number
from headrace.kernels.scanning.plain_json import (
    CLOSE_OBJECT,
    COMMA,
    OPEN_OBJECT,
    QUOTE,
    add_metric,
    add_tags,
    after_colon,
    first_object,
    is_timestamp,
    key_behind,
    next_object,
    skip_blanks,
    skip_text,
)
from headrace.kernels.scanning.plain_text import as_word, first_bytes

POINT_BYTES_MIN = 56
"""`{"metric":"m","timestamp":4284768,"value":1,"tags":{"k":"v"}}` and a comma are longer than that: a bound on rows."""

SECONDS_MIN, SECONDS_MAX, MILLISECONDS_MAX = 4_284_768, 9_999_999_999, 9_999_999_999_999
"""The rule of protocols.opentsdb.times."""

_METRIC_KEY, _VALUE_KEY, _TAGS_KEY = as_word(b'metric"'), as_word(b'value"'), as_word(b'tags"')
_FIVE_BYTES, _SIX_BYTES, _SEVEN_BYTES = first_bytes(5), first_bytes(6), first_bytes(7)

_METRIC, _TIMESTAMP, _VALUE, _TAGS = 1, 2, 4, 8
"""Members of a point, a bit each."""
_ALL = _METRIC | _TIMESTAMP | _VALUE | _TAGS
_OTHER = 0
"""A member that is skipped, as often as it comes."""


@borrowing_kernel(tuple_of(int64, int64)(u8_in, int64))
def read_time(data: NDArray[np.uint8], at: Index) -> tuple[Index, Index]:
    """(end, ms since 1970) of the integer at data[at]; end is NOT_PLAIN when it is no legal time."""
    stamp, end = read_digits(data, at, np.uint64(0))
    if byte_at(data, at) == 48 or end - at > 13:
        return NOT_PLAIN, 0
    time = np.int64(stamp)
    if time < SECONDS_MIN:
        return NOT_PLAIN, 0
    return end, time * 1000 if time <= SECONDS_MAX else time


@borrowing_kernel(int64(u8_in, int64))
def skip_member(data: NDArray[np.uint8], at: Index) -> Index:
    """The end of the member whose key begins at data[at], if its value is a plain text or a number; NOT_PLAIN."""
    at = skip_text(data, at)
    if at < 0:
        return NOT_PLAIN
    at = after_colon(data, at + 1)
    if byte_at(data, at) == QUOTE:
        at = skip_text(data, at + 1)
        return at + 1 if at >= 0 else NOT_PLAIN
    end, _, _ = read_number(data, at)
    return end


@borrowing_kernel(int64(u8_in, int64, int64, name_columns, point_columns))
def scan_point(data: NDArray[np.uint8], at: Index, row: Index, names: NameColumns, points: PointColumns) -> Index:
    """The end of the object that begins at data[at], its columns written at `row`; NOT_PLAIN."""
    low, high = np.uint64(0), np.uint64(0)
    members = 0
    key = key_behind(data, at, OPEN_OBJECT)
    while key >= 0:
        word = word_at(data, key)
        if word & _SEVEN_BYTES == _METRIC_KEY:
            member = _METRIC
            at, low, high = add_metric(data, after_colon(data, key + 7), low, high, row, names)
        elif is_timestamp(data, key, word):
            member = _TIMESTAMP
            at, points.times[row] = read_time(data, after_colon(data, key + 10))
        elif word & _SIX_BYTES == _VALUE_KEY:
            member = _VALUE
            at, points.kinds[row], points.bits[row] = read_number(data, after_colon(data, key + 6))
        elif word & _FIVE_BYTES == _TAGS_KEY:
            member = _TAGS
            at, low, high = add_tags(data, after_colon(data, key + 5), low, high, row, names)
        else:
            member = _OTHER
            at = skip_member(data, key)
        if at < 0 or members & member != 0:
            return NOT_PLAIN
        members |= member
        at = skip_blanks(data, at)
        key = key_behind(data, at, COMMA)
    names.keys[row, 0], names.keys[row, 1] = finish(low, high, names.secret)
    return at + 1 if members == _ALL and byte_at(data, at) == CLOSE_OBJECT else NOT_PLAIN


@borrowing_kernel(int64(u8_in, int64, int64, int64, name_columns, point_columns))
def scan_body(
    data: NDArray[np.uint8], at: Index, end: Index, row: Index, names: NameColumns, points: PointColumns
) -> Index:
    """The row after the last point of the body data[at:end], the first one's being `row`; NOT_PLAIN."""
    at, in_list = first_object(data, at)
    more = True
    while more:
        at = scan_point(data, at, row, names, points)
        row += 1
        at, more = next_object(data, at, in_list)
    return row if at == end else NOT_PLAIN


@borrowing_kernel(int64(u8_in, int64, u64, u64, keys128, i64, i64, u8, i64))
def scan(
    data: NDArray[np.uint8],
    length: Index,
    secret: NDArray[np.uint64],
    seen: NDArray[np.uint64],
    keys: NDArray[np.uint64],
    spans: NDArray[np.int64],
    times: NDArray[np.int64],
    kinds: NDArray[np.uint8],
    bits: NDArray[np.int64],
) -> Index:
    """The number of points in data[:length], or NOT_PLAIN; their columns are then meaningless.

    data: the body, then PADDING zero bytes. The others are NameColumns and PointColumns, with room for
    length // POINT_BYTES_MIN + 1 names and points.
    """
    return scan_body(data, 0, length, 0, NameColumns(secret, seen, keys, spans), PointColumns(times, kinds, bits))
