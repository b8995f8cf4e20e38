"""The bytes of a journal file (docs/format/journal.md): names, the file header, the frame of a record. No I/O here."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from isal import isal_zlib
from numpy.typing import NDArray

from headrace import limits
from headrace.errors import Corrupt
from headrace.store.embedded.journal.records import Buffer, Record

JOURNAL_FORMAT = 1
"""Version of the layout in docs/format/journal.md."""

MAGIC = b"headrace"
MARKER = 0x4345_52F1
"""The first four bytes of a record: F1 52 45 43."""

ALIGNMENT = 8
"""Records begin at multiples of it in their file, so that columns can be read in place."""

JOURNAL_PATTERN = "*.journal"
_SUFFIX = ".journal"

_FILE_HEADER = struct.Struct("<8sI16sQ8x")
"""magic, format version, database id, first sequence, unused; the CRC of these 44 bytes follows."""

_CRC = struct.Struct("<I")
FILE_HEADER_BYTES = _FILE_HEADER.size + _CRC.size

_RECORD_HEADER = struct.Struct("<QIIHHHxx")
"""sequence, payload bytes, CRC of the payload, type, place in its commit, records that follow in its commit; what the
CRC of the header covers. Before it: marker, CRC of the header."""

_FRAME = struct.Struct("<II")
RECORD_HEADER_BYTES = _FRAME.size + _RECORD_HEADER.size

COMMIT_RECORDS_MAX = 0xFFFF


def file_name(first_sequence: int) -> str:
    """The name of the file whose first record has, or will have, this sequence; names sort in the order of
    sequences."""
    return f"{first_sequence:020d}{_SUFFIX}"


def first_sequence_of(path: Path) -> int:
    """The inverse of file_name. Raises Corrupt when no journal file has such a name."""
    digits = path.name.removesuffix(_SUFFIX)
    if not (digits.isascii() and digits.isdigit() and file_name(int(digits)) == path.name):
        raise Corrupt(path, "is not the name of a journal file")
    return int(digits)


def encode_file_header(database_id: bytes, first_sequence: int) -> bytes:
    """FILE_HEADER_BYTES bytes. database_id: 16 bytes."""
    header = _FILE_HEADER.pack(MAGIC, JOURNAL_FORMAT, database_id, first_sequence)
    return header + _CRC.pack(isal_zlib.crc32(header))


def crc_seed(database_id: bytes, first_sequence: int) -> int:
    """Where the CRCs of a file's records start: the CRC in its header. So records of another file or database do not
    pass for records of this one, and nobody who does not know the database id can forge one inside a text value."""
    [seed] = _CRC.unpack(encode_file_header(database_id, first_sequence)[-_CRC.size :])
    return int(seed)


def check_file_header(path: Path, header: bytes, database_id: bytes) -> bool:
    """Whether the header is sound; False means damage. Raises Corrupt when it is sound but not for us: of another
    database, of another format version, or of a file that was renamed."""
    first_sequence = first_sequence_of(path)
    if header == encode_file_header(database_id, first_sequence):
        return True
    body, crc = header[: _FILE_HEADER.size], header[_FILE_HEADER.size :]
    if len(crc) < _CRC.size or _CRC.unpack(crc) != (isal_zlib.crc32(body),) or not body.startswith(MAGIC):
        return False
    _, version, database, first = _FILE_HEADER.unpack(body)
    if version != JOURNAL_FORMAT:
        raise Corrupt(path, f"has format version {version}, this headrace reads {JOURNAL_FORMAT}")
    if database != database_id:
        raise Corrupt(path, "belongs to another database, or the catalog beside the journal is not its own")
    raise Corrupt(path, f"was renamed: it begins with record {first}")


@dataclass(frozen=True, slots=True)
class RecordHeader:
    """What stands before a payload. A commit's records have places 0, 1, … and `left` counts down to 0."""

    sequence: int
    payload_bytes: int
    payload_crc: int
    type: int
    place: int
    left: int

    @property
    def commit_begin(self) -> int:
        """The sequence of the first record of the same commit."""
        return self.sequence - self.place

    @property
    def frame_bytes(self) -> int:
        """From the record's first byte to the next one's."""
        return padded(RECORD_HEADER_BYTES + self.payload_bytes)


def padded(size: int) -> int:
    """The next multiple of ALIGNMENT."""
    return -(-size // ALIGNMENT) * ALIGNMENT


def frame_commit(records: Sequence[Record], first_sequence: int, seed: int) -> list[Buffer]:
    """The bytes of one commit, for pwritev. Raises ValueError for a commit that is too large."""
    if len(records) > COMMIT_RECORDS_MAX:
        raise ValueError(f"{len(records)} records in one commit")
    framed: list[Buffer] = []
    for place, record in enumerate(records):
        size = record.bytes
        if size > limits.RECORD_BYTES_MAX:
            raise ValueError(f"a record of {size} bytes")
        crc = seed
        for buffer in record.payload:
            crc = isal_zlib.crc32(buffer, crc)
        left = len(records) - 1 - place
        body = _RECORD_HEADER.pack(first_sequence + place, size, crc, record.type, place, left)
        framed += [_FRAME.pack(MARKER, isal_zlib.crc32(body, seed)) + body, *record.payload]
        if size % ALIGNMENT:
            framed.append(bytes(-size % ALIGNMENT))
    return framed


def decode_record_header(header: bytes, seed: int) -> RecordHeader | None:
    """What a header says, from its first RECORD_HEADER_BYTES (fewer are no header); None when its marker or CRC is
    wrong."""
    if len(header) < RECORD_HEADER_BYTES:
        return None
    marker, crc = _FRAME.unpack_from(header)
    body = header[_FRAME.size : RECORD_HEADER_BYTES]
    if marker != MARKER or crc != isal_zlib.crc32(body, seed):
        return None
    return RecordHeader(*_RECORD_HEADER.unpack(body))


def payload_is_sound(payload: NDArray[np.uint8], header: RecordHeader, seed: int) -> bool:
    """Whether the payload is whole and has the CRC that its header gives."""
    return len(payload) == header.payload_bytes and isal_zlib.crc32(payload, seed) == header.payload_crc
