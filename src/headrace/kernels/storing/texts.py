"""Texts: rows whose value lies in a heap of UTF-8 bytes beside the columns.

The payload of such a row is heap offset << 24 | length in bytes (model.points; a test holds the two together).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from headrace.kernels import bool8, boolean, i32, i64, i64_in, int64, kernel, u8, u8_in, u32_in, uint8, void

TEXT_LENGTH_BITS = 24
TEXT_LENGTH_MASK = (1 << TEXT_LENGTH_BITS) - 1

FIRST_TEXT_KIND = 3
"""Kinds from here on have their payload in a heap."""

CUSTOM_KIND = 4


@kernel(void(u8_in, i64, int64))
def rebase_texts(kinds: NDArray[np.uint8], bits: NDArray[np.int64], heap_offset: int) -> None:
    """Add `heap_offset` bytes to the place of every text: its heap now begins that far inside a longer one."""
    for row in range(len(kinds)):
        if kinds[row] >= FIRST_TEXT_KIND:
            bits[row] += heap_offset << TEXT_LENGTH_BITS


@kernel(int64(u8_in, i64_in))
def text_bytes(kinds: NDArray[np.uint8], bits: NDArray[np.int64]) -> int:
    """The bytes of all texts of these rows."""
    total = 0
    for row in range(len(kinds)):
        if kinds[row] >= FIRST_TEXT_KIND:
            total += bits[row] & TEXT_LENGTH_MASK
    return total


@kernel(void(u8_in, i64, u8_in, u8))
def move_texts(
    kinds: NDArray[np.uint8], bits: NDArray[np.int64], heap: NDArray[np.uint8], packed: NDArray[np.uint8]
) -> None:
    """Copy the texts of these rows from `heap` into `packed` (text_bytes long), end to end, and point `bits` there."""
    at = 0
    for row in range(len(kinds)):
        if kinds[row] >= FIRST_TEXT_KIND:
            length = bits[row] & TEXT_LENGTH_MASK
            begin = bits[row] >> TEXT_LENGTH_BITS
            packed[at : at + length] = heap[begin : begin + length]
            bits[row] = at << TEXT_LENGTH_BITS | length
            at += length


@kernel(int64(u32_in, int64, int64, u8_in, i64_in, int64))
def cut_by_text_bytes(
    rows: NDArray[np.uint32],
    start: int,
    end: int,
    kinds: NDArray[np.uint8],
    bits: NDArray[np.int64],
    bytes_max: int,
) -> int:
    """The furthest cut <= end for which the texts of rows[start:cut] fit into bytes_max; at least start + 1."""
    total = 0
    for at in range(start, end):
        row = rows[at]
        if kinds[row] >= FIRST_TEXT_KIND:
            total += bits[row] & TEXT_LENGTH_MASK
            if total > bytes_max and at > start:
                return at
    return end


@kernel(void(u8_in, i64_in, uint8, i32))
def text_offsets(kinds: NDArray[np.uint8], bits: NDArray[np.int64], kind: int, offsets: NDArray[np.int32]) -> None:
    """Arrow's offsets (rows + 1) of the texts of one kind, all other rows empty."""
    offsets[0] = 0
    for row in range(len(kinds)):
        length = bits[row] & TEXT_LENGTH_MASK if kinds[row] == kind else 0
        offsets[row + 1] = offsets[row] + length


@kernel(void(u8_in, i64_in, uint8, u8_in, i32, u8))
def copy_texts(
    kinds: NDArray[np.uint8],
    bits: NDArray[np.int64],
    kind: int,
    heap: NDArray[np.uint8],
    offsets: NDArray[np.int32],
    data: NDArray[np.uint8],
) -> None:
    """Arrow's data of the texts that text_offsets measured."""
    for row in range(len(kinds)):
        if kinds[row] == kind:
            begin = bits[row] >> TEXT_LENGTH_BITS
            length = bits[row] & TEXT_LENGTH_MASK
            data[offsets[row] : offsets[row + 1]] = heap[begin : begin + length]


@kernel(boolean(u8_in, i64_in, u8_in, i32, i32))
def custom_offsets(
    kinds: NDArray[np.uint8],
    bits: NDArray[np.int64],
    heap: NDArray[np.uint8],
    type_offsets: NDArray[np.int32],
    json_offsets: NDArray[np.int32],
) -> bool:
    """Arrow's offsets of the two halves of the custom values, before and after the NUL. False when one has no NUL."""
    type_offsets[0] = 0
    json_offsets[0] = 0
    for row in range(len(kinds)):
        type_length, json_length = 0, 0
        if kinds[row] == CUSTOM_KIND:
            begin = bits[row] >> TEXT_LENGTH_BITS
            length = bits[row] & TEXT_LENGTH_MASK
            while type_length < length and heap[begin + type_length] != 0:
                type_length += 1
            if type_length == length:
                return False
            json_length = length - type_length - 1
        type_offsets[row + 1] = type_offsets[row] + type_length
        json_offsets[row + 1] = json_offsets[row] + json_length
    return True


@kernel(void(u8_in, i64_in, u8_in, i32, i32, u8, u8))
def copy_customs(
    kinds: NDArray[np.uint8],
    bits: NDArray[np.int64],
    heap: NDArray[np.uint8],
    type_offsets: NDArray[np.int32],
    json_offsets: NDArray[np.int32],
    types: NDArray[np.uint8],
    jsons: NDArray[np.uint8],
) -> None:
    """Arrow's data of the two halves that custom_offsets measured."""
    for row in range(len(kinds)):
        if kinds[row] == CUSTOM_KIND:
            begin = bits[row] >> TEXT_LENGTH_BITS
            type_length = type_offsets[row + 1] - type_offsets[row]
            json_begin = begin + type_length + 1
            json_length = json_offsets[row + 1] - json_offsets[row]
            types[type_offsets[row] : type_offsets[row + 1]] = heap[begin : begin + type_length]
            jsons[json_offsets[row] : json_offsets[row + 1]] = heap[json_begin : json_begin + json_length]


@kernel(void(u8_in, i64_in, u8_in, bool8))
def begins_with(
    heap: NDArray[np.uint8], begins: NDArray[np.int64], prefix: NDArray[np.uint8], out: NDArray[np.bool_]
) -> None:
    """out[i] = whether `prefix`, which holds a NUL at its end, stands in `heap` from begins[i] on. Texts there have a
    NUL of their own, so that none is read beyond its end."""
    for row in range(len(begins)):
        at = 0
        while at < len(prefix) and heap[begins[row] + at] == prefix[at]:
            at += 1
        out[row] = at == len(prefix)
