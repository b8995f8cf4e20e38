"""Histograms as they are stored, texts of JSON: into columns, and the percentile of their samples."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from headrace.kernels import Index, borrowing_kernel, float64, i64, i64_in, int64, kernel, tuple_of, u8, u8_in, void
from headrace.kernels.hashing import byte_at
from headrace.kernels.scanning.decimal import INTEGER, NOT_PLAIN, read_number
from headrace.kernels.storing.texts import TEXT_LENGTH_BITS, TEXT_LENGTH_MASK

PADDING = 8
"""Bytes that must follow the last text: decimal.read_number looks so far ahead."""

MANTISSA_BITS = 52
INT64_MAX = 2**63 - 1

_BINS = np.frombuffer(b'histogram\0{"bins":{', dtype=np.uint8)
_MIN = np.frombuffer(b',"min":', dtype=np.uint8)
_MAX = np.frombuffer(b',"max":', dtype=np.uint8)
_MEAN = np.frombuffer(b',"mean":', dtype=np.uint8)
_SUM = np.frombuffer(b',"sum":', dtype=np.uint8)
_PRECISION = np.frombuffer(b',"precision":', dtype=np.uint8)
_QUOTE, _COMMA, _COLON, _CLOSE, _MINUS = 34, 44, 58, 125, 45


@kernel(void(u8_in, i64_in, u8, i64))
def copy_texts(
    heap: NDArray[np.uint8], bits: NDArray[np.int64], out: NDArray[np.uint8], begins: NDArray[np.int64]
) -> None:
    """Copy the texts that `bits` point to in `heap` end to end. begins: int64[n + 1], where each begins in `out`."""
    at = 0
    for row in range(len(bits)):
        begins[row] = at
        length = bits[row] & TEXT_LENGTH_MASK
        begin = bits[row] >> TEXT_LENGTH_BITS
        out[at : at + length] = heap[begin : begin + length]
        at += length
    begins[len(bits)] = at


@borrowing_kernel(int64(u8_in, int64, u8_in))
def past(text: NDArray[np.uint8], at: Index, word: NDArray[np.uint8]) -> Index:
    """Behind `word` at text[at]; NOT_PLAIN where something else stands or `at` is that."""
    if at < 0 or at + len(word) > len(text):
        return NOT_PLAIN
    for place in range(len(word)):
        if byte_at(text, at + place) != word[place]:
            return NOT_PLAIN
    return at + len(word)


@borrowing_kernel(tuple_of(int64, int64)(u8_in, int64))
def read_double(text: NDArray[np.uint8], at: Index) -> tuple[Index, Index]:
    """(end, IEEE bits) of the number at text[at]; end is NOT_PLAIN where there is none or `at` is that."""
    if at < 0:
        return NOT_PLAIN, 0
    end, kind, bits = read_number(text, at)
    if end >= 0 and kind == INTEGER:
        double = -0.0 if bits == 0 and byte_at(text, at) == _MINUS else np.float64(bits)
        bits = np.float64(double).view(np.int64)
    return end, bits


@borrowing_kernel(tuple_of(int64, int64)(u8_in, int64, int64, i64, i64, int64))
def read_bins(
    text: NDArray[np.uint8], at: Index, limit: Index, ends: NDArray[np.int64], counts: NDArray[np.int64], bins: Index
) -> tuple[Index, Index]:
    """(end, number of bins with those before) of the bins whose names and samples stand from text[at] to a brace, all
    before `limit`; end is NOT_PLAIN where they do not or `at` is that. They are written to ends and counts from `bins`
    on."""
    if at >= 0 and byte_at(text, at) == _CLOSE:
        return at + 1, bins
    while at >= 0 and byte_at(text, at) == _QUOTE:
        end, bin_end = read_double(text, at + 1)
        if end < 0 or byte_at(text, end) != _QUOTE or byte_at(text, end + 1) != _COLON or end + 2 >= limit:
            break
        end, kind, count = read_number(text, end + 2)
        if end < 0 or kind != INTEGER or end >= limit:
            break
        ends[bins] = bin_end
        counts[bins] = count
        bins += 1
        at = end + 1
        if byte_at(text, end) == _CLOSE:
            return at, bins
        if byte_at(text, end) != _COMMA:
            break
    return NOT_PLAIN, bins


@borrowing_kernel(int64(i64, i64, int64, int64, int64))
def cut_bins(ends: NDArray[np.int64], counts: NDArray[np.int64], first: Index, bins: Index, precision: Index) -> Index:
    """Cut the ends of first..bins to so many bits, those that are then equal to one. Returns where they now end."""
    mask = np.int64(-1) << np.int64(MANTISSA_BITS - precision)
    kept = first
    for place in range(first, bins):
        cut = ends[place] & mask
        if kept > first and ends[kept - 1] == cut:
            counts[kept - 1] = min(counts[kept - 1], INT64_MAX - counts[place]) + counts[place]
        else:
            ends[kept] = cut
            counts[kept] = counts[place]
            kept += 1
    return kept


@kernel(void(u8_in, i64_in, i64, i64, i64, i64, i64))
def read_histograms(
    text: NDArray[np.uint8],
    begins: NDArray[np.int64],
    starts: NDArray[np.int64],
    ends: NDArray[np.int64],
    counts: NDArray[np.int64],
    known: NDArray[np.int64],
    precisions: NDArray[np.int64],
) -> None:
    """Read the texts text[begins[h]:begins[h + 1]], spelled as protocols.kairosdb.types.histogram does, PADDING bytes
    behind the last.

    starts: int64[h + 1], the bins of each histogram.   ends: IEEE bits, cut to the histogram's precision; bins that
    then have the same end are one.   known: IEEE bits of min, max and sum, three for each.   precisions: -1 where the
    text is no histogram, which then has no bins. ends and counts have room for a bin at each colon.
    """
    first: Index = 0
    for row in range(len(begins) - 1):
        starts[row] = first
        limit = begins[row + 1]
        at, bins = read_bins(text, past(text, begins[row], _BINS), limit, ends, counts, first)
        at, known[3 * row] = read_double(text, past(text, at, _MIN))
        at, known[3 * row + 1] = read_double(text, past(text, at, _MAX))
        at, _ = read_double(text, past(text, at, _MEAN))
        at, known[3 * row + 2] = read_double(text, past(text, at, _SUM))
        at = past(text, at, _PRECISION)
        precisions[row] = -1
        if at >= 0:
            at, kind, precision = read_number(text, at)
            ends_well = at == limit - 1 and byte_at(text, at) == _CLOSE
            if ends_well and kind == INTEGER and 0 <= precision <= MANTISSA_BITS:
                precisions[row] = precision
                first = cut_bins(ends, counts, first, bins, precision)
    starts[len(begins) - 1] = first


@kernel(void(i64_in, i64_in, i64))
def sum_groups(firsts: NDArray[np.int64], counts: NDArray[np.int64], out: NDArray[np.int64]) -> None:
    """out[g] = sum of counts[firsts[g]:firsts[g + 1]], none of them negative; at most INT64_MAX."""
    for group in range(len(out)):
        total = 0
        for place in range(firsts[group], firsts[group + 1]):
            total = min(total, INT64_MAX - counts[place]) + counts[place]
        out[group] = total


@kernel(void(i64_in, i64_in, float64, i64))
def percentile_bins(
    starts: NDArray[np.int64], counts: NDArray[np.int64], probability: float, out: NDArray[np.int64]
) -> None:
    """out[g] = the first bin of starts[g]..starts[g + 1] up to which `probability` of the samples lie; -1: there are
    none."""
    for group in range(len(out)):
        total = 0.0
        for place in range(starts[group], starts[group + 1]):
            total += float(counts[place])
        target = np.ceil(probability * total)
        reached = 0.0
        out[group] = -1
        if total > 0.0:
            for place in range(starts[group], starts[group + 1]):
                reached += float(counts[place])
                if reached >= target:
                    out[group] = place
                    break
