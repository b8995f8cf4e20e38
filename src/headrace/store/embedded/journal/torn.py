"""Torn or rotten: what is unsound at the end of the journal was either cut off by a crash, and nobody was told that
it succeeded, or it is damage of what was acknowledged.

A write that a crash has torn lacks something as a whole: whatever did not reach the disk is still what a new file holds
there, zeros or nothing. Rot changes bits of what is all there. One changed bit is found for certain, by the CRCs.
"""

from __future__ import annotations

from collections.abc import Iterator

from isal import isal_zlib

from headrace import limits
from headrace.store.embedded.journal.format import (
    RECORD_HEADER_BYTES,
    RecordHeader,
    decode_record_header,
    payload_is_sound,
)
from headrace.store.embedded.journal.window import Window

SECTOR_BYTES = 512
"""What a disk writes whole or not at all."""


def is_torn(window: Window, begin: int, seed: int) -> bool:
    """Whether the commit that begins at `begin`, and of which a record is not sound, is a torn write.

    window: of the last file.   seed: of its CRCs (format.crc_seed). Raises Unavailable.
    """
    if any(page + SECTOR_BYTES > begin for page in window.unreadable):
        return False
    torn = False
    for at, header in _unsound_records(window, begin, seed):
        if _has_one_wrong_bit(window, at, header, seed):
            return False
        end = at + (RECORD_HEADER_BYTES if header is None else RECORD_HEADER_BYTES + header.payload_bytes)
        torn = torn or _lacks_something(window, at, end)
    return torn


def _unsound_records(window: Window, begin: int, seed: int) -> Iterator[tuple[int, RecordHeader | None]]:
    """Where the records of a commit are that are not sound, and their headers. Behind one whose header is not sound
    (None) nobody knows where the next one begins."""
    at = begin
    while True:
        header = decode_record_header(window.view(at, RECORD_HEADER_BYTES).tobytes(), seed)
        if header is None:
            yield at, None
            return
        if not payload_is_sound(window.view(at + RECORD_HEADER_BYTES, header.payload_bytes), header, seed):
            yield at, header
        at += header.frame_bytes
        if not header.left:
            return


def _lacks_something(window: Window, begin: int, end: int) -> bool:
    """Whether bytes begin .. end - 1 end in zeros, reach beyond the file, or have a sector of zeros."""
    if end > window.size or window.is_zero(end - 1, end):
        return True
    sectors = range(begin - begin % SECTOR_BYTES, end, SECTOR_BYTES)
    return any(window.is_zero(max(sector, begin), min(sector + SECTOR_BYTES, end)) for sector in sectors)


def _has_one_wrong_bit(window: Window, at: int, header: RecordHeader | None, seed: int) -> bool:
    """Whether the record at `at` would be sound with one bit changed."""
    if header is None:
        return any(
            payload_is_sound(window.view(at + RECORD_HEADER_BYTES, mended.payload_bytes), mended, seed)
            for mended in _mended_headers(window.view(at, RECORD_HEADER_BYTES).tobytes(), seed)
        )
    payload = window.view(at + RECORD_HEADER_BYTES, header.payload_bytes)
    if len(payload) < header.payload_bytes:
        return False
    return is_one_bit(isal_zlib.crc32(payload, seed) ^ header.payload_crc, len(payload))


def _mended_headers(header: bytes, seed: int) -> Iterator[RecordHeader]:
    """What it says with one bit changed, where that makes it sound."""
    for bit in range(8 * len(header)):
        changed = bytearray(header)
        changed[bit // 8] ^= 1 << bit % 8
        mended = decode_record_header(bytes(changed), seed)
        if mended is not None and mended.payload_bytes <= limits.RECORD_BYTES_MAX:
            yield mended


_POLYNOMIAL = 0xEDB88320
"""Of CRC-32, the lowest power in the highest bit."""


def is_one_bit(difference: int, length: int) -> bool:
    """Whether the CRC-32 of `length` bytes differs by just this when one of their bits is changed.

    The CRC of a changed bit is that of a lone bit with zeros behind it. So the zeros are taken back, byte by byte,
    until a lone bit is left.
    """
    lone_bits = {_shifted(1 << bit, 8) for bit in range(8)}
    for _ in range(length):
        if difference in lone_bits:
            return True
        difference = _shifted_back(difference)
    return False


def _shifted(crc: int, bits: int) -> int:
    """The register after so many zero bits."""
    for _ in range(bits):
        crc = crc >> 1 ^ (_POLYNOMIAL if crc & 1 else 0)
    return crc


def _shifted_back(crc: int) -> int:
    """The register before a byte of zeros."""
    for _ in range(8):
        # The polynomial sets the highest bit, which a shift leaves clear: so the lowest bit was set.
        crc = ((crc ^ _POLYNOMIAL) << 1 | 1) & 0xFFFFFFFF if crc >> 31 else crc << 1
    return crc
