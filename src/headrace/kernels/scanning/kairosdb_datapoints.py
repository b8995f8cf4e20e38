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

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from headrace.kernels import Index, borrowing_kernel, i64, int64, keys128, named_tuple, tuple_of, u8, u8_in, u64
from headrace.kernels.hashing import byte_at, finish, word_at
from headrace.kernels.scanning.columns import (
    NameColumns,
    PointColumns,
    name_columns,
    point_columns,
)
from headrace.kernels.scanning.decimal import DOUBLE, NOT_PLAIN, read_digits, read_number
from headrace.kernels.scanning.plain_json import (
    CLOSE_LIST,
    CLOSE_OBJECT,
    COMMA,
    MINUS,
    OPEN_LIST,
    OPEN_OBJECT,
    add_metric,
    add_tags,
    after_colon,
    first_object,
    is_timestamp,
    key_behind,
    next_object,
    skip_blanks,
)
from headrace.kernels.scanning.plain_text import as_word, first_bytes

METRIC_BYTES_MIN = 44
"""`{"name":"m","datapoints":[[1,2]],"tags":{"k":"v"}}` and a comma are longer than that: a bound on keys."""

POINT_BYTES_MIN = 5
"""`[1,2]`: a bound on points, which have a comma or another bracket besides; also on those of a second array in one
object, which are read before the object is found not to be plain."""

TIME_MS_MAX = 2**53
"""The rule of model.time."""

TTL_S_MAX = 2**31 - 1
"""The rule of limits.KAIROSDB_TTL_S_MAX."""

_NAME_KEY, _VALUE_KEY, _TAGS_KEY, _TTL_KEY = as_word(b'name"'), as_word(b'value"'), as_word(b'tags"'), as_word(b'ttl"')
_DATAPOIN, _TS = as_word(b"datapoin"), as_word(b'ts"')
_THREE_BYTES, _FOUR_BYTES, _FIVE_BYTES, _SIX_BYTES = first_bytes(3), first_bytes(4), first_bytes(5), first_bytes(6)

_NAME, _TAGS, _PAIRS, _TIMESTAMP, _VALUE, _TTL = 1, 2, 4, 8, 16, 32
"""Members of a metric object, a bit each."""
_MANY_POINTS = _NAME | _TAGS | _PAIRS
_ONE_POINT = _NAME | _TAGS | _TIMESTAMP | _VALUE
"""The members of the two forms, without the ttl, which either may have."""


class MetricColumns(NamedTuple):
    """A row for each metric object, besides its name. runs: int64[n], points.   ttls: int64[n] s, 0 for none."""

    runs: NDArray[np.int64]
    ttls: NDArray[np.int64]


metric_columns = named_tuple(MetricColumns, i64, i64)


@borrowing_kernel(tuple_of(int64, int64)(u8_in, int64))
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


@borrowing_kernel(tuple_of(int64, int64, int64)(u8_in, int64))
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


@borrowing_kernel(tuple_of(int64, int64)(u8_in, int64))
def read_ttl(data: NDArray[np.uint8], at: Index) -> tuple[Index, Index]:
    """(end, seconds) of the integer at data[at]; end is NOT_PLAIN when it is no legal time to live."""
    end, seconds = read_time(data, at)
    if byte_at(data, at) == MINUS or seconds > TTL_S_MAX:
        return NOT_PLAIN, 0
    return end, seconds


@borrowing_kernel(int64(u8_in, int64, int64, point_columns))
def scan_pair(data: NDArray[np.uint8], at: Index, row: Index, points: PointColumns) -> Index:
    """The end of the pair of a time and a value that begins at data[at], written at `row`; NOT_PLAIN."""
    if byte_at(data, at) != OPEN_LIST:
        return NOT_PLAIN
    at, points.times[row] = read_time(data, skip_blanks(data, at + 1))
    if at < 0:
        return NOT_PLAIN
    at = skip_blanks(data, at)
    if byte_at(data, at) != COMMA:
        return NOT_PLAIN
    at, points.kinds[row], points.bits[row] = read_value(data, skip_blanks(data, at + 1))
    if at < 0:
        return NOT_PLAIN
    at = skip_blanks(data, at)
    return at + 1 if byte_at(data, at) == CLOSE_LIST else NOT_PLAIN


@borrowing_kernel(tuple_of(int64, int64)(u8_in, int64, int64, point_columns))
def scan_pairs(data: NDArray[np.uint8], at: Index, row: Index, points: PointColumns) -> tuple[Index, Index]:
    """(end, row after the last) of the array of pairs that begins at data[at], written from `row` on."""
    if byte_at(data, at) != OPEN_LIST:
        return NOT_PLAIN, row
    while True:
        at = scan_pair(data, skip_blanks(data, at + 1), row, points)
        if at < 0:
            return NOT_PLAIN, row
        row += 1
        at = skip_blanks(data, at)
        if byte_at(data, at) != COMMA:
            break
    return at + 1 if byte_at(data, at) == CLOSE_LIST else NOT_PLAIN, row


@borrowing_kernel(tuple_of(int64, int64)(u8_in, int64, int64, int64, name_columns, metric_columns, point_columns))
def scan_metric(
    data: NDArray[np.uint8],
    at: Index,
    metric: Index,
    row: Index,
    names: NameColumns,
    metrics: MetricColumns,
    points: PointColumns,
) -> tuple[Index, Index]:
    """(end, row after its last point) of the object that begins at data[at], its name at row `metric` and its points
    from `row` on; end is NOT_PLAIN."""
    low, high = np.uint64(0), np.uint64(0)
    metrics.ttls[metric] = 0
    first = row
    members = 0
    key = key_behind(data, at, OPEN_OBJECT)
    while key >= 0:
        word = word_at(data, key)
        if word & _FIVE_BYTES == _NAME_KEY:
            member = _NAME
            at, low, high = add_metric(data, after_colon(data, key + 5), low, high, metric, names)
        elif word == _DATAPOIN and word_at(data, key + 8) & _THREE_BYTES == _TS:
            member = _PAIRS
            at, row = scan_pairs(data, after_colon(data, key + 11), row, points)
        elif word & _FIVE_BYTES == _TAGS_KEY:
            member = _TAGS
            at, low, high = add_tags(data, after_colon(data, key + 5), low, high, metric, names)
        elif is_timestamp(data, key, word):
            member = _TIMESTAMP
            at, points.times[first] = read_time(data, after_colon(data, key + 10))
        elif word & _SIX_BYTES == _VALUE_KEY:
            member = _VALUE
            at, points.kinds[first], points.bits[first] = read_value(data, after_colon(data, key + 6))
        elif word & _FOUR_BYTES == _TTL_KEY:
            member = _TTL
            at, metrics.ttls[metric] = read_ttl(data, after_colon(data, key + 4))
        else:
            return NOT_PLAIN, row
        if at < 0 or members & member != 0:
            return NOT_PLAIN, row
        members |= member
        at = skip_blanks(data, at)
        key = key_behind(data, at, COMMA)
    form = members & ~_TTL
    if form == _ONE_POINT:
        row += 1
    elif form != _MANY_POINTS:
        return NOT_PLAIN, row
    names.keys[metric, 0], names.keys[metric, 1] = finish(low, high, names.secret)
    metrics.runs[metric] = row - first
    return at + 1 if byte_at(data, at) == CLOSE_OBJECT else NOT_PLAIN, row


@borrowing_kernel(
    tuple_of(int64, int64)(u8_in, int64, int64, int64, int64, name_columns, metric_columns, point_columns)
)
def scan_body(
    data: NDArray[np.uint8],
    at: Index,
    end: Index,
    metric: Index,
    row: Index,
    names: NameColumns,
    metrics: MetricColumns,
    points: PointColumns,
) -> tuple[Index, Index]:
    """(metric after the last, row after the last) of the body data[at:end]; NOT_PLAIN and any row when it is not."""
    at, in_list = first_object(data, at)
    more = True
    while more:
        at, row = scan_metric(data, at, metric, row, names, metrics, points)
        metric += 1
        at, more = next_object(data, at, in_list)
    return (metric, row) if at == end else (NOT_PLAIN, row)


@borrowing_kernel(tuple_of(int64, int64)(u8_in, i64, i64, i64, i64, i64, u64, u64, keys128, i64, i64, u8, i64))
def scan_bodies(
    data: NDArray[np.uint8],
    starts: NDArray[np.int64],
    lengths: NDArray[np.int64],
    counts: NDArray[np.int64],
    runs: NDArray[np.int64],
    ttls: NDArray[np.int64],
    secret: NDArray[np.uint64],
    seen: NDArray[np.uint64],
    keys: NDArray[np.uint64],
    spans: NDArray[np.int64],
    times: NDArray[np.int64],
    kinds: NDArray[np.uint8],
    bits: NDArray[np.int64],
) -> tuple[Index, Index]:
    """(metric objects, points) of all plain bodies data[starts[i]:][:lengths[i]]; their rows follow one another.

    data: plain_json.PADDING zero bytes behind each body. counts: int64, written: the metric objects of each body, or
    NOT_PLAIN, and then it has no rows. The others are MetricColumns and NameColumns, with room for
    lengths[i] // METRIC_BYTES_MIN + 1 metric objects of each body, and PointColumns, for
    lengths[i] // POINT_BYTES_MIN + 1 points of each.
    """
    names, points = NameColumns(secret, seen, keys, spans), PointColumns(times, kinds, bits)
    metrics = MetricColumns(runs, ttls)
    metric: Index = 0
    row: Index = 0
    for body in range(len(starts)):
        start = starts[body]
        end_metric, end_row = scan_body(data, start, start + lengths[body], metric, row, names, metrics, points)
        if end_metric < 0:
            counts[body] = NOT_PLAIN
        else:
            counts[body] = end_metric - metric
            metric, row = end_metric, end_row
    return metric, row
