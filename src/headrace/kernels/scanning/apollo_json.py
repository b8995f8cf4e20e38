"""Plain bodies of Apollo's samples straight from bytes to columns, in one pass. Each pair of timeseriesId and metric is
told apart by its hash on the way, so that only distinct ones become texts.

Plain: an array of objects, each with timeseriesId, val, timestamp and one of metric and mertic, in any order; nothing
else and nothing twice. Texts without escapes and not empty; val is a number, bare or quoted, or a boolean; timestamp as
kernels.scanning.iso_times has it. Anything else is not refused here but handed over whole: `scan` says NOT_PLAIN, and
the reference decoder decides what the body means.

Hostile bytes: as in kernels.scanning.plain_json, zero bytes after the body end every loop.
"""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray

from headrace.kernels import Index, borrowing_kernel, i64, int64, kernel, keys128, u8, u8_in, u64
from headrace.kernels.hashing import byte_at, word_at
from headrace.kernels.scanning.decimal import NOT_PLAIN, read_number
from headrace.kernels.scanning.iso_times import read_iso
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
    skip_blanks,
)

SAMPLE_BYTES_MIN = 70
"""`{"timeseriesId":"i","val":1,"timestamp":"2018-01-27T00:00:00Z","metric":"m"}` is longer: a bound on samples."""

BOOL = 2
"""The kind of a boolean, model.points.Kind's."""

_TIMESERI, _ESID, _VAL = as_word(b"timeseri"), as_word(b'esId"'), as_word(b'val"')
_TIMESTAM, _P = as_word(b"timestam"), as_word(b'p"')
_METRIC, _MERTIC = as_word(b'metric"'), as_word(b'mertic"')
_TRUE, _FALSE = as_word(b"true"), as_word(b"false")
_TWO_BYTES, _FOUR_BYTES, _FIVE_BYTES, _SEVEN_BYTES = (np.uint64((1 << 8 * n) - 1) for n in (2, 4, 5, 7))

_HAS_ID, _HAS_VAL, _HAS_TIME, _HAS_METRIC = 1, 2, 4, 8
_ALL = _HAS_ID | _HAS_VAL | _HAS_TIME | _HAS_METRIC


@borrowing_kernel(numba.types.UniTuple(int64, 3)(u8_in, int64))
def read_val(data: NDArray[np.uint8], at: Index) -> tuple[Index, int, Index]:
    """(end, kind, bits) of the value at data[at]; end is NOT_PLAIN."""
    if byte_at(data, at) == QUOTE:
        end, kind, bits = read_number(data, at + 1)
        if end < 0 or byte_at(data, end) != QUOTE:
            return NOT_PLAIN, 0, 0
        return end + 1, kind, bits
    word = word_at(data, at)
    if word & _FOUR_BYTES == _TRUE:
        return at + 4, BOOL, 1
    if word & _FIVE_BYTES == _FALSE:
        return at + 5, BOOL, 0
    return read_number(data, at)


@borrowing_kernel(int64(u8_in, int64, int64, u64, keys128, i64, int64, i64, i64, u8, i64))
def scan_sample(
    data: NDArray[np.uint8],
    at: Index,
    row: Index,
    secret: NDArray[np.uint64],
    hashes: NDArray[np.uint64],
    spans: NDArray[np.int64],
    span: Index,
    times: NDArray[np.int64],
    offsets: NDArray[np.int64],
    kinds: NDArray[np.uint8],
    bits: NDArray[np.int64],
) -> Index:
    """The end of the object that begins at data[at], NOT_PLAIN. Written: the columns at `row`; the hash of its id and
    metric at hashes[row]; where these two stand, without their quotes, from spans[span] on."""
    if byte_at(data, at) != OPEN_OBJECT:
        return NOT_PLAIN
    members = 0
    hashes[row, 0], hashes[row, 1] = np.uint64(0), np.uint64(0)
    while True:
        at = skip_blanks(data, at + 1)
        if byte_at(data, at) != QUOTE:
            return NOT_PLAIN
        at += 1
        word = word_at(data, at)
        if word == _TIMESERI and word_at(data, at + 8) & _FIVE_BYTES == _ESID:
            member = _HAS_ID
            at = after_colon(data, at + 13)
            if at < 0 or byte_at(data, at) != QUOTE:
                return NOT_PLAIN
            spans[span] = at + 1
            at, low, high = hash_string(data, at + 1, secret[0], secret[1], secret)
            spans[span + 1] = at
            at += 1 if at >= 0 else 0
            hashes[row, 0] += low
            hashes[row, 1] += high
        elif word & _FOUR_BYTES == _VAL:
            member = _HAS_VAL
            at = after_colon(data, at + 4)
            if at < 0:
                return NOT_PLAIN
            at, kind, bits[row] = read_val(data, at)
            kinds[row] = kind
        elif word == _TIMESTAM and word_at(data, at + 8) & _TWO_BYTES == _P:
            member = _HAS_TIME
            at = after_colon(data, at + 10)
            if at < 0 or byte_at(data, at) != QUOTE:
                return NOT_PLAIN
            at, times[row], offsets[row] = read_iso(data, at + 1)
            if at < 0 or byte_at(data, at) != QUOTE:
                return NOT_PLAIN
            at += 1
        elif word & _SEVEN_BYTES == _METRIC or word & _SEVEN_BYTES == _MERTIC:
            member = _HAS_METRIC
            at = after_colon(data, at + 7)
            if at < 0 or byte_at(data, at) != QUOTE:
                return NOT_PLAIN
            spans[span + 2] = at + 1
            # Other words of the secret: an id and a metric that change places are another pair.
            at, low, high = hash_string(data, at + 1, secret[2], secret[3], secret)
            spans[span + 3] = at
            at += 1 if at >= 0 else 0
            hashes[row, 0] += low
            hashes[row, 1] += high
        else:
            return NOT_PLAIN
        if at < 0 or members & member != 0:
            return NOT_PLAIN
        members |= member
        at = skip_blanks(data, at)
        if byte_at(data, at) != COMMA:
            break
    return at + 1 if members == _ALL and byte_at(data, at) == CLOSE_OBJECT else NOT_PLAIN


@kernel(numba.types.UniTuple(int64, 2)(u8_in, int64, u64, i64, keys128, i64, i64, i64, i64, i64, u8, i64))
def scan(
    data: NDArray[np.uint8],
    length: Index,
    secret: NDArray[np.uint64],
    slots: NDArray[np.int64],
    hashes: NDArray[np.uint64],
    spans: NDArray[np.int64],
    firsts: NDArray[np.int64],
    codes: NDArray[np.int64],
    times: NDArray[np.int64],
    offsets: NDArray[np.int64],
    kinds: NDArray[np.uint8],
    bits: NDArray[np.int64],
) -> tuple[Index, Index]:
    """(samples, distinct pairs of id and metric) of data[:length]; (NOT_PLAIN, 0), and then the columns are
    meaningless.

    data: the body, then plain_json.PADDING zero bytes. secret: uint64[hashing.SECRET_WORDS]. slots: scratch, a power of
    two of them, more than there may be samples, all -1. hashes: uint64[n, 2], scratch. Written for each pair: spans
    int64[SPAN_COLUMNS * n], offsets into data; firsts int64[n], its first sample. Written for each sample, for at least
    length // SAMPLE_BYTES_MIN + 1 of them: codes int64[n], its pair; times int64[n] ms; offsets int64[n] minutes; kinds
    uint8[n] and bits int64[n] as model.points.Values has them.
    """
    mask = np.uint64(len(slots) - 1)
    at = skip_blanks(data, 0)
    if byte_at(data, at) != OPEN_LIST:
        return NOT_PLAIN, 0
    row: Index = 0
    pairs: Index = 0
    while True:
        at = skip_blanks(data, at + 1)
        # A pair's place in spans is free until the pair is known to be new.
        span = pairs * SPAN_COLUMNS
        at = scan_sample(data, at, row, secret, hashes, spans, span, times, offsets, kinds, bits)
        if at < 0:
            return NOT_PLAIN, 0
        slot = hashes[row, 0] & mask
        while slots[slot] >= 0:
            first = firsts[slots[slot]]
            if hashes[first, 0] == hashes[row, 0] and hashes[first, 1] == hashes[row, 1]:
                break
            slot = (slot + np.uint64(1)) & mask
        if slots[slot] < 0:
            slots[slot] = pairs
            firsts[pairs] = row
            pairs += 1
        codes[row] = slots[slot]
        row += 1
        at = skip_blanks(data, at)
        if byte_at(data, at) != COMMA:
            break
    if byte_at(data, at) != CLOSE_LIST:
        return NOT_PLAIN, 0
    at = skip_blanks(data, at + 1)
    return (row, pairs) if at == length else (NOT_PLAIN, 0)
