"""Plain blocks of telnet lines straight from bytes to columns, in one pass, the names hashed on the way.

Plain: nothing but lines `put <metric> <time> <value> <key>=<value> ...`, one blank between the first four words, any
number between and after the tags, each line ended by LF or CRLF, or the last one by nothing; at least one tag and no
key twice. What the law of a dialect decides: the commands, the times, and which values are plain. A block with anything
else is handed over whole: `scan` says NOT_PLAIN, and the dialect's reference decoder reads it line by line. KairosDB's
blocks with quotes and with kairos_opt.ttl, which stand among the tags, must not come here.

Hostile bytes: as in kernels.scanning.plain_json, a zero byte after the block ends every loop.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from headrace.kernels import Index, borrowing_kernel, i64, int64, keys128, u8, u8_in, u64, uint64
from headrace.kernels.hashing import byte_at, finish
from headrace.kernels.scanning import kairosdb_telnet, opentsdb_telnet
from headrace.kernels.scanning.columns import (
    SPAN_COLUMNS,
    TAGS_MAX,
    NameColumns,
    PointColumns,
    name_columns,
    point_columns,
)
from headrace.kernels.scanning.decimal import NOT_PLAIN, read_number
from headrace.kernels.scanning.kairosdb_datapoints import read_value
from headrace.kernels.scanning.plain_text import HASHED, eight_times, hash_text

OPENTSDB, KAIROSDB = 0, 1
"""Laws."""

_LF, _CR, _BLANK, _EQUALS = 10, 13, 32, 61
_EQUALS_SIGNS, _ABOVE_BLANKS = eight_times(_EQUALS), eight_times(_BLANK + 1)
_PUT_BYTES = 4
"""Of `put` and a blank."""

_after_opentsdb, _after_kairosdb = opentsdb_telnet.after_command, kairosdb_telnet.after_command
_opentsdb_time, _kairosdb_time = opentsdb_telnet.read_time, kairosdb_telnet.read_stamp


@borrowing_kernel(HASHED(u8_in, int64, uint64, uint64, u64, int64))
def hash_word(
    data: NDArray[np.uint8], start: Index, low: np.uint64, high: np.uint64, secret: NDArray[np.uint64], delimiter: Index
) -> tuple[Index, np.uint64, np.uint64]:
    """(end, low, high): where the word from data[start] has its `delimiter`, and hashing.hash_span over it.

    end is NOT_PLAIN for an empty word, and when `=`, a blank or a control character comes before the delimiter.
    """
    end, low, high = hash_text(data, start, low, high, secret, _EQUALS_SIGNS, _EQUALS_SIGNS, _ABOVE_BLANKS)
    if end == start or byte_at(data, end) != delimiter:
        return NOT_PLAIN, low, high
    return end, low, high


@borrowing_kernel(HASHED(u8_in, int64, u64, u64))
def hash_tags(
    data: NDArray[np.uint8], at: Index, secret: NDArray[np.uint64], seen: NDArray[np.uint64]
) -> tuple[Index, np.uint64, np.uint64]:
    """(end, low, high): the first byte after the tags from data[at] and their blanks, and the sum of the tags' hashes.

    seen: uint64[TAGS_MAX], scratch. end is NOT_PLAIN for words that are no tags, for none, for a key twice.
    """
    low, high = np.uint64(0), np.uint64(0)
    for tag in range(TAGS_MAX):
        while byte_at(data, at) == _BLANK:
            at += 1
        if byte_at(data, at) < _BLANK and tag > 0:
            return at, low, high
        at, key_low, key_high = hash_word(data, at, secret[2], secret[3], secret, _EQUALS)
        if at < 0:
            return NOT_PLAIN, low, high
        # As for JSON: equal keys have equal hashes.
        for earlier in range(tag):
            if seen[earlier] == key_low:
                return NOT_PLAIN, low, high
        seen[tag] = key_low
        end, pair_low, pair_high = hash_text(
            data, at + 1, key_low, key_high, secret, _EQUALS_SIGNS, _EQUALS_SIGNS, _ABOVE_BLANKS
        )
        if end == at + 1 or byte_at(data, end) == _EQUALS:
            return NOT_PLAIN, low, high
        at = end
        low += pair_low
        high += pair_high
    return NOT_PLAIN, low, high


@borrowing_kernel(HASHED(u8_in, int64, uint64, uint64, int64, name_columns))
def add_metric(
    data: NDArray[np.uint8], at: Index, low: np.uint64, high: np.uint64, row: Index, names: NameColumns
) -> tuple[Index, np.uint64, np.uint64]:
    """(end, low, high): where the metric at data[at] has its blank, and its hash added to the name of `row`."""
    secret = names.secret
    end, word_low, word_high = hash_word(data, at, secret[0], secret[1], secret, _BLANK)
    span = row * SPAN_COLUMNS
    names.spans[span], names.spans[span + 1] = at, end
    return end, low + word_low, high + word_high


@borrowing_kernel(HASHED(u8_in, int64, uint64, uint64, int64, name_columns))
def add_tags(
    data: NDArray[np.uint8], at: Index, low: np.uint64, high: np.uint64, row: Index, names: NameColumns
) -> tuple[Index, np.uint64, np.uint64]:
    """(end, low, high): the first byte after the tags from data[at] and their blanks, and their hashes added to the
    name of `row`."""
    end, tags_low, tags_high = hash_tags(data, at, names.secret, names.seen)
    span = row * SPAN_COLUMNS
    names.spans[span + 2], names.spans[span + 3] = at, end
    return end, low + tags_low, high + tags_high


@borrowing_kernel(int64(int64, u8_in, int64, int64, name_columns, point_columns))
def scan_line(
    law: int, data: NDArray[np.uint8], at: Index, row: Index, names: NameColumns, points: PointColumns
) -> Index:
    """Where the line that begins at data[at] has its LF or the block ends, its columns written at `row`; NOT_PLAIN."""
    metric = _after_kairosdb(data, at) if law == KAIROSDB else _after_opentsdb(data, at)
    if metric < 0:
        return NOT_PLAIN
    is_put = metric - at == _PUT_BYTES
    low, high = np.uint64(0), np.uint64(0)
    at, low, high = add_metric(data, metric, low, high, row, names)
    if at < 0:
        return NOT_PLAIN
    at, points.times[row] = _kairosdb_time(data, at + 1, is_put) if law == KAIROSDB else _opentsdb_time(data, at + 1)
    if at < 0 or byte_at(data, at) != _BLANK:
        return NOT_PLAIN
    at, points.kinds[row], points.bits[row] = read_value(data, at + 1) if law == KAIROSDB else read_number(data, at + 1)
    if at < 0 or byte_at(data, at) != _BLANK:
        return NOT_PLAIN
    at, low, high = add_tags(data, at + 1, low, high, row, names)
    if at < 0:
        return NOT_PLAIN
    names.keys[row, 0], names.keys[row, 1] = finish(low, high, names.secret)
    if byte_at(data, at) == _CR:
        return at + 1 if byte_at(data, at + 1) == _LF else NOT_PLAIN
    return at


@borrowing_kernel(int64(int64, u8_in, int64, u64, u64, keys128, i64, i64, u8, i64))
def scan(
    law: int,
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

    Arrays as in kernels.scanning.opentsdb_json.scan, for at least length // LINE_BYTES_MIN + 1 points, as the law
    has that; spans are those of the metric and of all that follows the value.
    """
    if length == 0:
        return NOT_PLAIN
    names, points = NameColumns(secret, seen, keys, spans), PointColumns(times, kinds, bits)
    at: Index = 0
    count = 0
    while at < length:
        at = scan_line(law, data, at, count, names, points)
        if at < 0:
            return NOT_PLAIN
        count += 1
        if at < length and byte_at(data, at) != _LF:
            return NOT_PLAIN
        at += 1
    return count
