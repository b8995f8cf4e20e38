"""What the journal's records hold: their types, and the payloads of points, new series, deletes and documents
(docs/format/journal.md).

A payload is a count header and then whole columns, little end first, so that encoding copies nothing and decoding makes
views: no work per point either way. Every 8-byte column lies at a multiple of 8 from the payload's begin.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from headrace import limits
from headrace.errors import Corrupt
from headrace.model.points import HEAP_LENGTH_BITS, Admitted, Kind, Values
from headrace.model.series import NewSeries
from headrace.store import Document, DocumentChange, DocumentRange
from headrace.store.embedded.recent.deletes import Delete

_T = TypeVar("_T", bound=np.generic)

Buffer = bytes | memoryview
"""len() of it is its bytes: a memoryview is one of bytes."""

_COPIED_BYTES_MAX = 4096
"""A column up to this length is copied: to lend its memory takes three calls, and a commit of points from one agent has
few bytes and many calls."""


class RecordType(IntEnum):
    """What a record is. The numbers are on disk; never renumber. 4 to 6 were reserved once and never written."""

    POINTS = 1
    SERIES = 2
    DELETE = 3
    DOCUMENT = 7
    DOCUMENT_RANGE = 8


@dataclass(frozen=True, slots=True)
class Record:
    """A record to be written: its payload is the buffers (C-contiguous) one after another."""

    type: RecordType
    payload: Sequence[Buffer]

    @property
    def bytes(self) -> int:
        """Of the payload."""
        return sum(map(len, self.payload))


@dataclass(frozen=True, slots=True)
class StoredRecord:
    """A record as it was read: uint8 payload, a view that begins at a multiple of 8 in memory; the file that holds
    it."""

    sequence: int
    type: int
    payload: NDArray[np.uint8]
    file: Path


@dataclass(frozen=True, slots=True)
class StoredRun:
    """The points of records `first` to `last`, which hold nothing else, in their order.   ingested_ms: when the writer
    took those of the first one, ms since 1970 UTC."""

    first: int
    last: int
    points: Admitted
    ingested_ms: int


@dataclass(frozen=True, slots=True)
class StoredPoints:
    """A points record decoded. ingested_ms: when the writer took the points, ms since 1970 UTC."""

    points: Admitted
    ingested_ms: int


_POINTS_HEADER = struct.Struct("<IBBxxqQ")
"""points, flags, kind of all (if uniform), 2 unused, ingested_ms, bytes of the heap."""

_MIXED_KINDS = 1
_EXPIRES = 2
_ARRIVALS = 4

_SERIES_HEADER = struct.Struct("<IIQ")
"""first ordinal, series, bytes of the heap."""

_DELETE_HEADER = struct.Struct("<I4xqq")
"""series, 4 unused, start_ms, end_ms."""

_HEAP_LENGTH_MASK = (1 << HEAP_LENGTH_BITS) - 1


def encode_points(points: Admitted, ingested_ms: int) -> Record:
    """One record of these points, of which there is at least one; may share their memory."""
    kinds = points.values.kinds.tobytes()
    uniform = kinds == kinds[:1] * len(kinds)
    flags = (0 if uniform else _MIXED_KINDS) | (0 if points.expires is None else _EXPIRES)
    flags |= 0 if points.arrivals is None else _ARRIVALS
    header = _POINTS_HEADER.pack(len(points), flags, kinds[0] if uniform else 0, ingested_ms, len(points.values.heap))
    columns: list[Buffer] = [header, _bytes_of(points.times), _bytes_of(points.values.bits)]
    if points.expires is not None:
        columns.append(_bytes_of(points.expires))
    if points.arrivals is not None:
        columns.append(_bytes_of(points.arrivals))
    columns.append(_bytes_of(points.series))
    if not uniform:
        columns.append(kinds)
    columns.append(points.values.heap)
    return Record(RecordType.POINTS, columns)


def decode_points(record: StoredRecord) -> StoredPoints:
    """The points of a POINTS record: views into its payload, only the heap is copied. Raises Corrupt."""
    columns = _Columns(record)
    count, flags, kind, ingested_ms, heap_bytes = columns.header(_POINTS_HEADER)
    times = columns.take(np.int64, count)
    bits = columns.take(np.int64, count)
    expires = columns.take(np.int64, count) if flags & _EXPIRES else None
    arrivals = columns.take(np.int64, count) if flags & _ARRIVALS else None
    series = columns.take(np.uint32, count)
    kinds = columns.take(np.uint8, count) if flags & _MIXED_KINDS else np.full(count, kind, dtype=np.uint8)
    heap = columns.take(np.uint8, heap_bytes).tobytes()
    columns.end()
    _check_values(record, kinds, bits, heap_bytes)
    return StoredPoints(Admitted(series, times, Values(kinds, bits, heap), expires, arrivals), ingested_ms)


def ingested_ms_of(payload: NDArray[np.uint8]) -> int:
    """When the writer took the points of a POINTS record, by the begin of its payload."""
    *_, ingested_ms, _ = _POINTS_HEADER.unpack_from(payload[: _POINTS_HEADER.size].tobytes())
    return int(ingested_ms)


def encode_new_series(series: NewSeries) -> list[Record]:
    """Records of new series, as many as their names need; may share their memory."""
    return [encode_series(part) for part in series.cut(len(series), limits.SERIES_RECORD_BYTES)]


def encode_series(series: NewSeries) -> Record:
    """One record of new series; may share their memory."""
    header = _SERIES_HEADER.pack(series.first, len(series), len(series.heap))
    return Record(
        RecordType.SERIES, [header, _bytes_of(series.keys), _bytes_of(series.lengths), _bytes_of(series.heap)]
    )


def decode_series(record: StoredRecord) -> NewSeries:
    """The series of a SERIES record: views into its payload. Raises Corrupt."""
    columns = _Columns(record)
    first, count, heap_bytes = columns.header(_SERIES_HEADER)
    keys = columns.take(np.uint64, 2 * count).reshape(count, 2)
    lengths = columns.take(np.uint32, count)
    heap = columns.take(np.uint8, heap_bytes)
    columns.end()
    if int(lengths.sum(dtype=np.uint64)) != heap_bytes:
        raise Corrupt(record.file, f"record {record.sequence}: the lengths of its names are not those of their heap")
    return NewSeries(first, keys, lengths, heap)


def encode_delete(delete: Delete) -> Record:
    """One record of a delete; may share its memory."""
    header = _DELETE_HEADER.pack(len(delete.series), delete.start_ms, delete.end_ms)
    return Record(RecordType.DELETE, [header, _bytes_of(delete.series)])


def decode_delete(record: StoredRecord) -> Delete:
    """The delete of a DELETE record; its series are copied, so that they outlive the file's window. Raises Corrupt."""
    columns = _Columns(record)
    count, start_ms, end_ms = columns.header(_DELETE_HEADER)
    series = columns.take(np.uint32, count).copy()
    columns.end()
    if not count or np.any(series[1:] <= series[:-1]):
        raise Corrupt(record.file, f"record {record.sequence}: the series of its delete do not rise")
    return Delete(series, start_ms, end_ms)


_DOCUMENT_HEADER = struct.Struct("<HxxIIB3x")
"""bytes of kind, of key and of body, and 1 when the document is taken away."""

_KIND_BYTES_MAX = 0xFFFF


_DOCUMENT_RANGE_HEADER = struct.Struct("<HxxII")
"""bytes of kind, of the first key and of the end."""


def encode_document_change(change: DocumentChange) -> Record:
    """One record of a change of documents. Raises ValueError for names that no record can hold."""
    match change:
        case Document():
            kind, key, body = _name(change.kind), change.key.encode(), change.body or b""
            header = _DOCUMENT_HEADER.pack(len(kind), len(key), len(body), change.body is None)
            return Record(RecordType.DOCUMENT, [header, kind, key, body])
        case DocumentRange():
            kind, first, end = _name(change.kind), change.first.encode(), change.end.encode()
            header = _DOCUMENT_RANGE_HEADER.pack(len(kind), len(first), len(end))
            return Record(RecordType.DOCUMENT_RANGE, [header, kind, first, end])


def _name(kind: str) -> bytes:
    encoded = kind.encode()
    if len(encoded) > _KIND_BYTES_MAX:
        raise ValueError(f"a kind of documents whose name has {len(encoded)} bytes")
    return encoded


def decode_document_change(record: StoredRecord) -> DocumentChange:
    """The change of a DOCUMENT or DOCUMENT_RANGE record. Raises Corrupt."""
    columns = _Columns(record)
    if record.type == RecordType.DOCUMENT_RANGE:
        kind, first, end = columns.blobs(columns.header(_DOCUMENT_RANGE_HEADER))
        return DocumentRange(_text(record, kind), _text(record, first), _text(record, end))
    *sizes, gone = columns.header(_DOCUMENT_HEADER)
    kind, key, body = columns.blobs(sizes)
    return Document(_text(record, kind), _text(record, key), None if gone else body)


def _text(record: StoredRecord, name: bytes) -> str:
    try:
        return name.decode()
    except UnicodeDecodeError as error:
        raise Corrupt(record.file, f"record {record.sequence}: the name of its document is no text") from error


def _bytes_of(column: NDArray[Any]) -> Buffer:
    """The memory of a column, without a copy if it is long and its items lie side by side."""
    if column.nbytes <= _COPIED_BYTES_MAX or not column.flags.c_contiguous:
        return column.tobytes()
    return column.data.cast("B")


class _Columns:
    """Takes a payload apart from front to back. Counts are checked before any memory is asked for."""

    def __init__(self, record: StoredRecord) -> None:
        self._record = record
        self._at = 0

    def header(self, layout: struct.Struct) -> tuple[int, ...]:
        return layout.unpack(self.take(np.uint8, layout.size).tobytes())

    def take(self, dtype: type[_T], count: int) -> NDArray[_T]:
        begin, self._at = self._at, self._at + count * np.dtype(dtype).itemsize
        if self._at > len(self._record.payload):
            self._refuse("shorter")
        return self._record.payload[begin : self._at].view(dtype)

    def blobs(self, sizes: Sequence[int]) -> list[bytes]:
        """Copies of what is left, which is just as many bytes."""
        taken = [self.take(np.uint8, size).tobytes() for size in sizes]
        self.end()
        return taken

    def end(self) -> None:
        if self._at != len(self._record.payload):
            self._refuse("longer")

    def _refuse(self, than: str) -> None:
        raise Corrupt(self._record.file, f"record {self._record.sequence} is {than} than its own counts say")


def _check_values(record: StoredRecord, kinds: NDArray[np.uint8], bits: NDArray[np.int64], heap_bytes: int) -> None:
    highest = int(kinds.max(initial=0))
    if highest > max(Kind):
        raise Corrupt(record.file, f"record {record.sequence} holds a value of unknown kind {highest}")
    if highest >= Kind.TEXT:
        texts = bits[kinds >= Kind.TEXT]
        if np.any((texts < 0) | ((texts >> HEAP_LENGTH_BITS) + (texts & _HEAP_LENGTH_MASK) > heap_bytes)):
            raise Corrupt(record.file, f"record {record.sequence} holds a text outside its heap")
