"""Names of series in bulk: taken apart where they stand in what was sent, checked, and written in canonical form.

A name's parts are metric, key 1, value 1, key 2, value 2 …, the tags in any order. Part p is text[begins[p] : ends[p]];
the parts of name i go up to name_ends[i], from where those of the name before ended.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from headrace.kernels import Index, boolean, borrowing_kernel, i64, int64, kernel, keys128, u8, u8_in, u32, void
from headrace.kernels.scanning.columns import SPAN_COLUMNS

_QUOTE, _BLANK, _EQUALS = 34, 32, 61


@kernel(void(u8_in, i64, i64, i64, i64, i64))
def json_parts(
    text: NDArray[np.uint8],
    spans: NDArray[np.int64],
    rows: NDArray[np.int64],
    name_ends: NDArray[np.int64],
    begins: NDArray[np.int64],
    ends: NDArray[np.int64],
) -> None:
    """The parts of the names at `rows`, spelled as JSON texts without escapes and an object of such texts.

    name_ends: int64[rows]. begins, ends: room for every part.
    """
    part = 0
    for index in range(len(rows)):
        span = rows[index] * SPAN_COLUMNS
        begins[part] = spans[span] + 1
        ends[part] = spans[span + 1] - 1
        part += 1
        inside = False
        for at in range(spans[span + 2], spans[span + 3]):
            if text[at] == _QUOTE:
                if inside:
                    ends[part] = at
                    part += 1
                else:
                    begins[part] = at + 1
                inside = not inside
        name_ends[index] = part


@kernel(void(u8_in, i64, i64, i64, i64, i64))
def line_parts(
    text: NDArray[np.uint8],
    spans: NDArray[np.int64],
    rows: NDArray[np.int64],
    name_ends: NDArray[np.int64],
    begins: NDArray[np.int64],
    ends: NDArray[np.int64],
) -> None:
    """As json_parts, of words: the metric bare, the tags as `key=value` with blanks between and after them."""
    part = 0
    for index in range(len(rows)):
        span = rows[index] * SPAN_COLUMNS
        begins[part] = spans[span]
        ends[part] = spans[span + 1]
        part += 1
        at, end = spans[span + 2], spans[span + 3]
        while at < end:
            if text[at] == _BLANK:
                at += 1
                continue
            begins[part] = at
            while at < end and text[at] != _EQUALS:
                at += 1
            ends[part] = at
            part += 1
            at += 1
            begins[part] = at
            while at < end and text[at] != _BLANK:
                at += 1
            ends[part] = at
            part += 1
        name_ends[index] = part


@borrowing_kernel(boolean(u8_in, int64, int64, u8, int64))
def _is_plain(text: NDArray[np.uint8], begin: Index, end: Index, plain: NDArray[np.uint8], bytes_max: Index) -> bool:
    if end <= begin or end - begin > bytes_max:
        return False
    every = np.uint8(1)
    for at in range(begin, end):
        every &= plain[text[at]]
    return bool(every)


@borrowing_kernel(int64(u8_in, int64, int64, int64, int64))
def _compared(text: NDArray[np.uint8], begin: Index, end: Index, other_begin: Index, other_end: Index) -> Index:
    """Negative, 0 or positive, as text[begin:end] comes before, is equal to or comes after the other in byte order."""
    for at in range(min(end - begin, other_end - other_begin)):
        difference = np.int64(text[begin + at]) - np.int64(text[other_begin + at])
        if difference != 0:
            return difference
    return (end - begin) - (other_end - other_begin)


@borrowing_kernel(int64(u8_in, int64, int64, u8, int64))
def _write_part(text: NDArray[np.uint8], begin: Index, end: Index, heap: NDArray[np.uint8], used: Index) -> Index:
    """Its length in unsigned LEB128 and its bytes go to heap[used:]; returns where they end."""
    length = end - begin
    while length >= 0x80:
        heap[used] = length & 0x7F | 0x80
        length >>= 7
        used += 1
    heap[used] = length
    used += 1
    for at in range(begin, end):
        heap[used] = text[at]
        used += 1
    return used


@borrowing_kernel(boolean(u8_in, i64, i64, int64, int64, i64))
def _sort_tags(
    text: NDArray[np.uint8],
    begins: NDArray[np.int64],
    ends: NDArray[np.int64],
    first: Index,
    tags: Index,
    order: NDArray[np.int64],
) -> bool:
    """order[:tags]: the parts that are keys, in the order of their bytes, of a name whose metric is part `first`.

    False when two keys are equal.
    """
    for tag in range(tags):
        key = first + 1 + 2 * tag
        place = tag
        while place > 0:
            other = order[place - 1]
            side = _compared(text, begins[key], ends[key], begins[other], ends[other])
            if side == 0:
                return False
            if side > 0:
                break
            order[place] = other
            place -= 1
        order[place] = key
    return True


@kernel(int64(u8_in, i64, i64, i64, u8, int64, int64, int64, i64, u32, u8))
def write_plain(
    text: NDArray[np.uint8],
    name_ends: NDArray[np.int64],
    begins: NDArray[np.int64],
    ends: NDArray[np.int64],
    plain: NDArray[np.uint8],
    tags_min: Index,
    tags_max: Index,
    bytes_max: Index,
    order: NDArray[np.int64],
    lengths: NDArray[np.uint32],
    heap: NDArray[np.uint8],
) -> Index:
    """The canonical forms (model.series.encode_name) of the plain names go into `heap`; returns their bytes in all.

    Plain: tags_min to tags_max tags with distinct keys, each part of 1 to bytes_max bytes b with plain[b] == 1.
    plain: uint8[256]. order: int64[tags_max], scratch. lengths: uint32[names], 0 for a name that is not plain.
    heap: room for the bytes of all parts and 5 more each.
    """
    used: Index = np.int64(0)
    first = np.int64(0)
    for name in range(len(name_ends)):
        last = name_ends[name]
        tags = (last - first - 1) // 2
        good = tags_min <= tags <= tags_max
        part = first
        while good and part < last:
            good = _is_plain(text, begins[part], ends[part], plain, bytes_max)
            part += 1
        lengths[name] = 0
        if good and _sort_tags(text, begins, ends, first, tags, order):
            begin = used
            used = _write_part(text, begins[first], ends[first], heap, used)
            for tag in range(tags):
                key = order[tag]
                used = _write_part(text, begins[key], ends[key], heap, used)
                used = _write_part(text, begins[key + 1], ends[key + 1], heap, used)
            lengths[name] = used - begin
        first = last
    return used


@kernel(int64(keys128, i64, i64, i64))
def first_rows(
    keys: NDArray[np.uint64], rows: NDArray[np.int64], slots: NDArray[np.int64], found: NDArray[np.int64]
) -> Index:
    """The first row of each distinct key among keys[rows] goes to `found`, in their order; returns how many.

    slots: scratch, a power of two of them, more than there are rows, all -1. found: int64[rows].
    """
    mask = np.uint64(len(slots) - 1)
    count = 0
    for index in range(len(rows)):
        row = rows[index]
        low, high = keys[row, 0], keys[row, 1]
        at = low & mask
        while slots[at] >= 0 and (keys[slots[at], 0] != low or keys[slots[at], 1] != high):
            at = (at + np.uint64(1)) & mask
        if slots[at] < 0:
            slots[at] = row
            found[count] = row
            count += 1
    return count
