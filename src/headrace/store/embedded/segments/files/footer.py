"""The footer of a Parquet file says what the file holds and where. Parquet gives pages a CRC, and the footer none."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
from isal import isal_zlib

from headrace.errors import Corrupt

_END_BYTES = 8
"""Its length in four bytes, little-endian, and the four of the magic number end a file."""


def footer_crc(path: Path) -> int:
    """CRC-32 of the footer of a file that was just written, its length and magic number included. Raises OSError."""
    with pa.OSFile(str(path)) as source:
        return _crc(source)


def check_footer(path: Path, source: pa.NativeFile, listed: int | None) -> None:
    """Raises Corrupt when the footer is not the one that current.json lists; None: it was written before such were
    listed, and anything will do. Raises OSError."""
    if listed is not None and _crc(source) != listed:
        raise Corrupt(path, "its footer is not what was written")


def _crc(source: pa.NativeFile) -> int:
    size = source.size()
    end = source.read_at(min(_END_BYTES, size), max(size - _END_BYTES, 0))
    length = min(int.from_bytes(end[:4], "little") + _END_BYTES, size)
    return isal_zlib.crc32(source.read_at(length, size - length))
