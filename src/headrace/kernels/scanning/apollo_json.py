"""Plain bodies of Apollo's samples straight from bytes to columns, in one pass. Each pair of timeseriesId and metric is
told apart by its hash on the way, so that only distinct ones become texts.

Plain: an array of objects, each with timeseriesId, val, timestamp and one of metric and mertic, in any order; nothing
else and nothing twice. Texts without escapes and not empty; val is a number, bare or quoted, or a boolean; timestamp as
kernels.scanning.iso_times has it. Anything else is not refused here but handed over whole: `scan` says NOT_PLAIN, and
the reference decoder decides what the body means.

Hostile bytes: as in kernels.scanning.plain_json, zero bytes after the body end every loop.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from headrace.kernels import Index, borrowing_kernel, i64, int64, keys128, named_tuple, tuple_of, u8, u8_in, u64
from headrace.kernels.hashing import byte_at, word_at
from headrace.kernels.scanning.columns import SPAN_COLUMNS
from headrace.kernels.scanning.decimal import NOT_PLAIN, read_number
from headrace.kernels.scanning.iso_times import read_iso
from headrace.kernels.scanning.plain_json import (
    CLOSE_OBJECT,
    COMMA,
    OPEN_OBJECT,
    QUOTE,
    after_colon,
    first_object,
    is_timestamp,
    key_behind,
    next_object,
    read_text,
    skip_blanks,
)
from headrace.kernels.scanning.plain_text import as_word, first_bytes

SAMPLE_BYTES_MIN = 70
"""`{"timeseriesId":"i","val":1,"timestamp":"2018-01-27T00:00:00Z","metric":"m"}` is longer: a bound on samples."""

BOOL = 2
"""The kind of a boolean, model.points.Kind's."""

_TIMESERI, _ESID, _VAL_KEY = as_word(b"timeseri"), as_word(b'esId"'), as_word(b'val"')
_METRIC_KEY, _MERTIC_KEY = as_word(b'metric"'), as_word(b'mertic"')
_TRUE, _FALSE = as_word(b"true"), as_word(b"false")
_FOUR_BYTES, _FIVE_BYTES, _SEVEN_BYTES = first_bytes(4), first_bytes(5), first_bytes(7)

_ID, _VAL, _TIMESTAMP, _METRIC = 1, 2, 4, 8
"""Members of a sample, a bit each."""
_ALL = _ID | _VAL | _TIMESTAMP | _METRIC


class PairColumns(NamedTuple):
    """What telling pairs of id and metric apart takes, and a row for each pair.

    secret: uint64[hashing.SECRET_WORDS].   slots: scratch, a power of two of them, more than there may be samples, all
    -1; a hash table of the pairs.   hashes: uint64[n, 2], scratch, of each sample's pair.   spans: int64[SPAN_COLUMNS *
    n], where its id and its metric stand, quotes included, offsets into the text.   firsts: int64[n], its first sample.
    """

    secret: NDArray[np.uint64]
    slots: NDArray[np.int64]
    hashes: NDArray[np.uint64]
    spans: NDArray[np.int64]
    firsts: NDArray[np.int64]


class SampleColumns(NamedTuple):
    """A row for each sample. codes: int64[n], its pair.   times: int64[n] ms.   offsets: int64[n] minutes.   kinds:
    uint8[n] and bits: int64[n], as model.points.Values has them."""

    codes: NDArray[np.int64]
    times: NDArray[np.int64]
    offsets: NDArray[np.int64]
    kinds: NDArray[np.uint8]
    bits: NDArray[np.int64]


pair_columns = named_tuple(PairColumns, u64, i64, keys128, i64, i64)
sample_columns = named_tuple(SampleColumns, i64, i64, i64, u8, i64)


@borrowing_kernel(tuple_of(int64, int64, int64)(u8_in, int64))
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


@borrowing_kernel(tuple_of(int64, int64, int64)(u8_in, int64))
def read_quoted_iso(data: NDArray[np.uint8], at: Index) -> tuple[Index, Index, Index]:
    """As iso_times.read_iso, of the time in quotes at data[at]."""
    if byte_at(data, at) != QUOTE:
        return NOT_PLAIN, 0, 0
    end, time, offset = read_iso(data, at + 1)
    if end < 0 or byte_at(data, end) != QUOTE:
        return NOT_PLAIN, 0, 0
    return end + 1, time, offset


@borrowing_kernel(int64(u8_in, int64, int64, int64, pair_columns, sample_columns))
def scan_sample(
    data: NDArray[np.uint8], at: Index, row: Index, pair: Index, pairs: PairColumns, samples: SampleColumns
) -> Index:
    """The end of the object that begins at data[at], its columns but the code written at `row`; NOT_PLAIN.

    The spans of its id and metric go to the row `pair`, which is free until the pair is known to be new.
    """
    secret, span = pairs.secret, pair * SPAN_COLUMNS
    id_low = id_high = metric_low = metric_high = np.uint64(0)
    members = 0
    key = key_behind(data, at, OPEN_OBJECT)
    while key >= 0:
        word = word_at(data, key)
        if word == _TIMESERI and word_at(data, key + 8) & _FIVE_BYTES == _ESID:
            member = _ID
            at = after_colon(data, key + 13)
            at, id_low, id_high = read_text(data, at, secret[0], secret[1], secret, span, pairs.spans)
        elif word & _FOUR_BYTES == _VAL_KEY:
            member = _VAL
            at, samples.kinds[row], samples.bits[row] = read_val(data, after_colon(data, key + 4))
        elif is_timestamp(data, key, word):
            member = _TIMESTAMP
            at, samples.times[row], samples.offsets[row] = read_quoted_iso(data, after_colon(data, key + 10))
        elif word & _SEVEN_BYTES == _METRIC_KEY or word & _SEVEN_BYTES == _MERTIC_KEY:
            member = _METRIC
            at = after_colon(data, key + 7)
            # Other words of the secret: an id and a metric that change places are another pair.
            at, metric_low, metric_high = read_text(data, at, secret[2], secret[3], secret, span + 2, pairs.spans)
        else:
            return NOT_PLAIN
        if at < 0 or members & member != 0:
            return NOT_PLAIN
        members |= member
        at = skip_blanks(data, at)
        key = key_behind(data, at, COMMA)
    pairs.hashes[row, 0], pairs.hashes[row, 1] = id_low + metric_low, id_high + metric_high
    return at + 1 if members == _ALL and byte_at(data, at) == CLOSE_OBJECT else NOT_PLAIN


@borrowing_kernel(int64(int64, int64, pair_columns))
def pair_of(row: Index, count: Index, pairs: PairColumns) -> Index:
    """The pair of the sample `row` among the `count` known ones, `count` itself if it is a new one."""
    low, high = pairs.hashes[row, 0], pairs.hashes[row, 1]
    mask = np.uint64(len(pairs.slots) - 1)
    slot = low & mask
    while pairs.slots[slot] >= 0:
        pair = pairs.slots[slot]
        first = pairs.firsts[pair]
        if pairs.hashes[first, 0] == low and pairs.hashes[first, 1] == high:
            return pair  # type: ignore[no-any-return]
        slot = (slot + np.uint64(1)) & mask
    pairs.slots[slot] = count
    pairs.firsts[count] = row
    return count


@borrowing_kernel(tuple_of(int64, int64)(u8_in, int64, u64, i64, keys128, i64, i64, i64, i64, i64, u8, i64))
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

    data: the body, then plain_json.PADDING zero bytes. The others are PairColumns and SampleColumns, with room for
    length // SAMPLE_BYTES_MIN + 1 pairs and samples.
    """
    pairs = PairColumns(secret, slots, hashes, spans, firsts)
    samples = SampleColumns(codes, times, offsets, kinds, bits)
    at, in_list = first_object(data, 0)
    if not in_list:
        return NOT_PLAIN, 0
    row: Index = 0
    count: Index = 0
    more = True
    while more:
        at = scan_sample(data, at, row, count, pairs, samples)
        if at < 0:
            return NOT_PLAIN, 0
        pair = pair_of(row, count, pairs)
        samples.codes[row] = pair
        count += pair == count
        row += 1
        at, more = next_object(data, at, in_list)
    return (row, count) if at == length else (NOT_PLAIN, 0)
