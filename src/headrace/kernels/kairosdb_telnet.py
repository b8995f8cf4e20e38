"""Plain blocks of KairosDB's telnet lines straight from bytes to columns, in one pass, the names hashed on the way.

Plain: nothing but lines `put` or `putm <metric> <time> <value> <key>=<value> ...`, one blank between the first four
words, any number between and after the tags, each line ended by LF or CRLF, or the last one by nothing; the value as in
kernels.kairosdb_datapoints; at least one tag and no key twice. A block with anything else is handed over whole: `scan`
says NOT_PLAIN, and the reading line by line decides. Blocks with quotes and with kairos_opt.ttl, which stand among the
tags, must not come here.

Hostile bytes: as in kernels.plain_json, a zero byte after the block ends every loop.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from headrace.kernels import Index, borrowing_kernel, i64, int64, keys128, u8, u8_in, u64
from headrace.kernels.decimal import NOT_PLAIN
from headrace.kernels.hashing import byte_at, finish, word_at
from headrace.kernels.kairosdb_datapoints import TIME_MS_MAX, read_time, read_value
from headrace.kernels.opentsdb_telnet import hash_tags, hash_word
from headrace.kernels.plain_json import SPAN_COLUMNS, as_word

LINE_BYTES_MIN = 14
"""`put m 1 1 k=v` and LF: a bound on rows."""

SECONDS_BELOW = 3_000_000_000
"""A time of `put` below this is seconds (KairosDB: PutCommand)."""

_LF, _CR, _BLANK = 10, 13, 32
_PUT, _PUTM = as_word(b"put "), as_word(b"putm ")
_FOUR_BYTES, _FIVE_BYTES = np.uint64((1 << 32) - 1), np.uint64((1 << 40) - 1)


@borrowing_kernel(int64(u8_in, int64, int64, u64, u64, keys128, i64, u8, i64, i64))
def scan_line(
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
    """Where the line that begins at data[at] has its LF or the block ends, its columns written at `row`; NOT_PLAIN."""
    word = word_at(data, at)
    in_seconds = word & _FOUR_BYTES == _PUT
    if not in_seconds and word & _FIVE_BYTES != _PUTM:
        return NOT_PLAIN
    span = row * SPAN_COLUMNS
    spans[span] = at + (4 if in_seconds else 5)
    at, low, high = hash_word(data, spans[span], secret[0], secret[1], secret, _BLANK)
    if at < 0:
        return NOT_PLAIN
    spans[span + 1] = at
    at, time = read_time(data, at + 1)
    if in_seconds and time < SECONDS_BELOW:
        time *= 1000
    times[row] = time
    if at < 0 or byte_at(data, at) != _BLANK or time < -TIME_MS_MAX:
        return NOT_PLAIN
    at, kind, bits[row] = read_value(data, at + 1)
    if at < 0 or byte_at(data, at) != _BLANK:
        return NOT_PLAIN
    kinds[row] = kind
    spans[span + 2] = at + 1
    at, tags_low, tags_high = hash_tags(data, at + 1, secret, seen)
    spans[span + 3] = at
    if at < 0:
        return NOT_PLAIN
    keys[row, 0], keys[row, 1] = finish(low + tags_low, high + tags_high, secret)
    if byte_at(data, at) == _CR:
        return at + 1 if byte_at(data, at + 1) == _LF else NOT_PLAIN
    return at


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
    """As kernels.opentsdb_telnet.scan."""
    if length == 0:
        return NOT_PLAIN
    at: Index = 0
    count = 0
    while at < length:
        at = scan_line(data, at, count, secret, seen, keys, times, kinds, bits, spans)
        if at < 0:
            return NOT_PLAIN
        count += 1
        if at < length and byte_at(data, at) != _LF:
            return NOT_PLAIN
        at += 1
    return count
