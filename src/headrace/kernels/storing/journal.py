"""Runs of small points records of the journal (docs/format/journal.md): checked and taken apart in one pass.

A sender that puts one point at a time leaves a commit for each. Record by record that is 20 µs of Python, here 0.1 µs.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from headrace.kernels import Index, borrowing_kernel, i64, i64_in, int64, kernel, u8, u8_in, u32, u32_in

MARKER = 0x4345_52F1
RECORD_HEADER_BYTES = 32
POINTS_HEADER_BYTES = 24
POINTS_TYPE = 1
MIXED_KINDS = 1
EXPIRES = 2
KIND_MAX = 2
"""Values of higher kinds have texts."""
NEVER = 2**63 - 1

_LOW_32 = 0xFFFF_FFFF


def _crc_tables() -> NDArray[np.uint32]:
    """uint32[8 * 256]: CRC-32 of a byte, and of one that 1 to 7 zeros follow."""
    tables = np.zeros((8, 256), dtype=np.uint32)
    rest = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        rest = np.where(rest & 1, (rest >> 1) ^ np.uint32(0xEDB8_8320), rest >> 1).astype(np.uint32)
    tables[0] = rest
    for zeros in range(1, 8):
        before = tables[zeros - 1]
        tables[zeros] = (before >> 8) ^ tables[0][before & 255]
    return tables.reshape(-1)


CRC_TABLES = _crc_tables()


@borrowing_kernel(int64(u32_in, u8_in, u32_in, int64, int64, int64))
def _crc(
    tables: NDArray[np.uint32],
    data: NDArray[np.uint8],
    words: NDArray[np.uint32],
    begin: Index,
    size: Index,
    seed: Index,
) -> Index:
    """CRC-32 (of zlib) of data[begin : begin + size], from `seed` on. begin: a multiple of 4."""
    crc: Index = seed ^ _LOW_32
    word = begin >> 2
    left = size
    while left >= 8:
        one = np.int64(words[word]) ^ crc
        two = np.int64(words[word + 1])
        crc = (
            np.int64(tables[1792 + (one & 255)])
            ^ np.int64(tables[1536 + (one >> 8 & 255)])
            ^ np.int64(tables[1280 + (one >> 16 & 255)])
            ^ np.int64(tables[1024 + (one >> 24)])
            ^ np.int64(tables[768 + (two & 255)])
            ^ np.int64(tables[512 + (two >> 8 & 255)])
            ^ np.int64(tables[256 + (two >> 16 & 255)])
            ^ np.int64(tables[two >> 24])
        )
        word += 2
        left -= 8
    for at in range(begin + size - left, begin + size):
        crc = (crc >> 8) ^ np.int64(tables[(crc ^ np.int64(data[at])) & 255])
    return crc ^ _LOW_32


@kernel(
    int64(
        *(u8_in, u32_in, i64_in, u32_in),
        *(int64, int64, int64, int64),
        *(u32, i64, u8, i64, i64, i64),
    )
)
def take_points(
    data: NDArray[np.uint8],
    words: NDArray[np.uint32],
    longs: NDArray[np.int64],
    tables: NDArray[np.uint32],
    seed: int,
    first_sequence: int,
    end_sequence: int,
    payload_bytes_max: int,
    series: NDArray[np.uint32],
    times: NDArray[np.int64],
    kinds: NDArray[np.uint8],
    bits: NDArray[np.int64],
    expires: NDArray[np.int64],
    taken: NDArray[np.int64],
) -> int:
    """The points of the sound records at the begin of `data` that are each a whole commit of points without texts and
    have the sequences first_sequence, first_sequence + 1, … Returns how many records.

    Stops before the first record that is anything else, has a payload above payload_bytes_max, has end_sequence, or
    whose points find no room: it is for others to judge.

    words, longs: the whole ones of `data`.   tables: CRC_TABLES.   series … expires: room for as many rows each.
    taken: int64[3], goes out as bytes, rows, and 1 if any record says when its points expire.
    """
    at: Index = 0
    rows: Index = 0
    records = 0
    expiring: Index = 0
    while at + RECORD_HEADER_BYTES + POINTS_HEADER_BYTES <= len(data):
        word = at >> 2
        if np.int64(words[word]) != MARKER or first_sequence + records >= end_sequence:
            break
        size = np.int64(words[word + 4])
        end = at + RECORD_HEADER_BYTES + size
        # One record of its commit, of points, sound, the next in order.
        if (
            np.int64(words[word + 6]) != POINTS_TYPE
            or np.int64(words[word + 7]) != 0
            or longs[(at >> 3) + 1] != first_sequence + records
            or size < POINTS_HEADER_BYTES
            or size > payload_bytes_max
            or end > len(data)
            or _crc(tables, data, words, at + 8, RECORD_HEADER_BYTES - 8, seed) != np.int64(words[word + 1])
            or _crc(tables, data, words, at + RECORD_HEADER_BYTES, size, seed) != np.int64(words[word + 5])
        ):
            break
        count = np.int64(words[word + 8])
        flags = np.int64(words[word + 9]) & 255
        kind = np.int64(words[word + 9]) >> 8
        mixed = flags & MIXED_KINDS
        expire = (flags & EXPIRES) >> 1
        columns = POINTS_HEADER_BYTES + count * (20 + 8 * expire + mixed)
        if (
            flags > MIXED_KINDS + EXPIRES
            or kind > KIND_MAX
            or count == 0
            or size != columns
            or longs[(at + RECORD_HEADER_BYTES >> 3) + 2] != 0
            or rows + count > len(times)
        ):
            break
        times_at = at + RECORD_HEADER_BYTES + POINTS_HEADER_BYTES >> 3
        series_at = times_at + count * (2 + expire) << 1
        kinds_at = series_at + count << 2
        highest = 0
        for row in range(count if mixed else 0):
            highest = max(highest, data[kinds_at + row])
        if highest > KIND_MAX:
            break
        for row in range(count):
            times[rows + row] = longs[times_at + row]
            bits[rows + row] = longs[times_at + count + row]
            expires[rows + row] = longs[times_at + 2 * count + row] if expire else NEVER
            series[rows + row] = words[series_at + row]
            kinds[rows + row] = data[kinds_at + row] if mixed else kind
        rows += count
        records += 1
        expiring |= expire
        at = end + 7 >> 3 << 3
    taken[0] = at
    taken[1] = rows
    taken[2] = expiring
    return records
