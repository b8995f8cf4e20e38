"""The columns of a segment: our kinds and bits to Arrow and back, in the layout of docs/format/segments.md."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from headrace.kernels.storing.texts import copy_customs, copy_texts, custom_offsets, text_offsets
from headrace.model.arrivals import NO_ARRIVAL, pack, unpack
from headrace.model.points import HEAP_LENGTH_BITS, NEVER, Kind, Values

Number = TypeVar("Number", bound=np.generic)

MILLISECONDS = pa.timestamp("ms", tz="UTC")

SCHEMA_1 = pa.schema(
    [
        pa.field("series", pa.uint32(), nullable=False),
        pa.field("time", MILLISECONDS, nullable=False),
        pa.field("double", pa.float64()),
        pa.field("int64", pa.int64()),
        pa.field("bool", pa.bool_()),
        pa.field("text", pa.string()),
        pa.field("custom", pa.struct([pa.field("type", pa.string()), pa.field("json", pa.string())])),
        pa.field("expires", MILLISECONDS),
    ]
)
"""Of files of format 1: from before points could keep how they came."""

SCHEMA = SCHEMA_1.append(pa.field("ingested", MILLISECONDS)).append(pa.field("utc_offset", pa.int16()))

ARRIVAL_COLUMNS = ["ingested", "utc_offset"]
"""What one `arrivals` of ours is in a file."""

COLUMN_OF_KIND = {
    Kind.DOUBLE: "double",
    Kind.INT64: "int64",
    Kind.BOOL: "bool",
    Kind.TEXT: "text",
    Kind.CUSTOM: "custom",
}

NUL = "\0"
"""Between the type and the JSON of a custom value in a heap."""


def kinds_mask(kinds: NDArray[np.uint8]) -> int:
    """A bit, 1 << kind, for each kind that is there."""
    return sum(1 << int(kind) for kind in np.flatnonzero(np.bincount(kinds)))


def kinds_of(mask: int) -> list[Kind]:
    """The kinds that a mask holds."""
    return [kind for kind in Kind if mask >> kind & 1]


def encode(
    series: NDArray[np.uint32],
    times: NDArray[np.int64],
    values: Values,
    expires: NDArray[np.int64] | None,
    arrivals: NDArray[np.int64] | None,
) -> pa.RecordBatch:
    """One batch of SCHEMA. Columns of kinds that are not there cost nothing but their nulls."""
    present = kinds_of(kinds_mask(values.kinds))
    columns = [
        _encode_kind(kind, values) if kind in present else pa.nulls(len(values), SCHEMA.field(name).type)
        for kind, name in COLUMN_OF_KIND.items()
    ]
    expiry = pa.nulls(len(values), MILLISECONDS)
    if expires is not None:
        expiry = pa.array(expires, mask=expires == NEVER).view(MILLISECONDS)
    came = _encode_arrivals(arrivals, len(values))
    arrays = [pa.array(series), pa.array(times).view(MILLISECONDS), *columns, expiry, *came]
    return pa.RecordBatch.from_arrays(arrays, schema=SCHEMA)


def _encode_arrivals(arrivals: NDArray[np.int64] | None, count: int) -> list[pa.Array]:
    if arrivals is None:
        return [pa.nulls(count, SCHEMA.field(name).type) for name in ARRIVAL_COLUMNS]
    ingested_ms, offset_minutes = unpack(arrivals)
    without = arrivals == NO_ARRIVAL
    return [
        pa.array(ingested_ms, mask=without).view(MILLISECONDS),
        pa.array(offset_minutes.astype(np.int16), mask=without),
    ]


def _encode_kind(kind: Kind, values: Values) -> pa.Array:
    other = values.kinds != kind
    mask = other if other.any() else None
    if kind == Kind.DOUBLE:
        return pa.array(values.doubles(), mask=mask)
    if kind == Kind.INT64:
        return pa.array(values.bits, mask=mask)
    if kind == Kind.BOOL:
        return pa.array(values.bits != 0, mask=mask)
    heap = np.frombuffer(values.heap, dtype=np.uint8)
    validity = pa.py_buffer(np.packbits(~other, bitorder="little"))
    return _encode_texts(values, heap, validity) if kind == Kind.TEXT else _encode_customs(values, heap, validity)


def _encode_texts(values: Values, heap: NDArray[np.uint8], validity: pa.Buffer) -> pa.Array:
    offsets = np.empty(len(values) + 1, dtype=np.int32)
    text_offsets(values.kinds, values.bits, Kind.TEXT, offsets)
    data = np.empty(offsets[-1], dtype=np.uint8)
    copy_texts(values.kinds, values.bits, Kind.TEXT, heap, offsets, data)
    return _string_array(offsets, data, validity)


def _encode_customs(values: Values, heap: NDArray[np.uint8], validity: pa.Buffer) -> pa.Array:
    type_offsets = np.empty(len(values) + 1, dtype=np.int32)
    json_offsets = np.empty(len(values) + 1, dtype=np.int32)
    if not custom_offsets(values.kinds, values.bits, heap, type_offsets, json_offsets):
        raise AssertionError("a custom value has a NUL after its type: the rooms make them so")
    types = np.empty(type_offsets[-1], dtype=np.uint8)
    jsons = np.empty(json_offsets[-1], dtype=np.uint8)
    copy_customs(values.kinds, values.bits, heap, type_offsets, json_offsets, types, jsons)
    halves = [_string_array(type_offsets, types, validity), _string_array(json_offsets, jsons, validity)]
    return pa.StructArray.from_buffers(SCHEMA.field("custom").type, len(values), [validity], children=halves)


def _string_array(offsets: NDArray[np.int32], data: NDArray[np.uint8], validity: pa.Buffer) -> pa.Array:
    buffers = [validity, pa.py_buffer(offsets), pa.py_buffer(data)]
    return pa.Array.from_buffers(pa.string(), len(offsets) - 1, buffers)


NUMBERS = (Kind.DOUBLE, Kind.INT64)
"""Kinds whose column is the bits of values."""


def decode_series_and_times(table: pa.Table) -> tuple[NDArray[np.uint32], NDArray[np.int64]]:
    """Views of the two columns that every row has. Raises ValueError when one holds nulls."""
    series = _fixed_width(_one_array(table, "series"))
    times = _fixed_width(_one_array(table, "time"))
    return series.view(np.uint32), times.view(np.int64)


def decode_values(table: pa.Table, present: list[Kind], rows: NDArray[np.uint32]) -> Values:
    """The values of the given rows of `table`, which has the columns of all kinds that are there.

    Raises ValueError when a row has no value or two.
    """
    if len(present) == 1 and present[0] in NUMBERS:
        column = decode_numbers(table, present[0])
        return Values(np.full(len(rows), present[0], dtype=np.uint8), pick(column, rows))
    kinds = np.full(len(rows), 0xFF, dtype=np.uint8)
    bits = np.zeros(len(rows), dtype=np.int64)
    heaps: list[bytes] = []
    selection = pa.array(rows)
    for kind in present:
        column = _one_array(table, COLUMN_OF_KIND[kind]).take(selection)
        here = np.flatnonzero(column.is_valid().to_numpy(zero_copy_only=False))
        if np.any(kinds[here] != 0xFF):
            raise ValueError("a row has two values")
        kinds[here] = kind
        bits[here] = _decode_kind(kind, column.drop_null(), heaps)
    if np.any(kinds == 0xFF):
        raise ValueError("a row has no value")
    return Values(kinds, bits, b"".join(heaps))


def decode_numbers(table: pa.Table, kind: Kind) -> NDArray[np.int64]:
    """A view of the values of all rows, where all are of this kind of NUMBERS: bits (model.points.Values). Raises
    ValueError when one is not."""
    return _fixed_width(_one_array(table, COLUMN_OF_KIND[kind])).view(np.int64)


def _decode_kind(kind: Kind, column: pa.Array, heaps: list[bytes]) -> NDArray[np.int64]:
    """The bits of a column without nulls; texts are added to `heaps`."""
    if kind in (Kind.DOUBLE, Kind.INT64):
        return _fixed_width(column).view(np.int64)
    if kind == Kind.BOOL:
        booleans: NDArray[np.bool_] = column.to_numpy(zero_copy_only=False)
        return booleans.astype(np.int64)
    if kind == Kind.CUSTOM:
        column = pc.binary_join_element_wise(*column.flatten(), NUL)
        if column.null_count:
            raise ValueError("a custom value lacks its type or its JSON")
    offsets = np.frombuffer(column.buffers()[1], dtype=np.int32)[column.offset : column.offset + len(column) + 1]
    before = sum(map(len, heaps))
    data = column.buffers()[2]
    heaps.append(data.slice(int(offsets[0]), int(offsets[-1] - offsets[0])).to_pybytes() if data else b"")
    begins = offsets[:-1].astype(np.int64) - int(offsets[0]) + before
    return begins << HEAP_LENGTH_BITS | np.diff(offsets)


def pick(column: NDArray[Number], rows: NDArray[np.uint32]) -> NDArray[Number]:
    """The given rows (ascending, distinct) of a column: the column itself when they are all, else a copy."""
    return column if len(rows) == len(column) else column[rows]


def decode_expires(table: pa.Table, rows: NDArray[np.uint32]) -> NDArray[np.int64]:
    """int64 ms per given row, NEVER where the column is null."""
    column = _one_array(table, "expires").take(pa.array(rows)).view(pa.int64()).fill_null(NEVER)
    return _fixed_width(column).view(np.int64)


def decode_arrivals(table: pa.Table, rows: NDArray[np.uint32]) -> NDArray[np.int64]:
    """int64 (model.arrivals) per given row, NO_ARRIVAL where a column is null."""
    selection = pa.array(rows)
    ingested, offset = (_one_array(table, name).take(selection) for name in ARRIVAL_COLUMNS)
    known = pc.and_(ingested.is_valid(), offset.is_valid()).to_numpy(zero_copy_only=False)
    ingested_ms = _fixed_width(ingested.view(pa.int64()).fill_null(0)).view(np.int64)
    offset_minutes = _fixed_width(offset.fill_null(0)).view(np.int16).astype(np.int64)
    return np.where(known, pack(ingested_ms, offset_minutes), NO_ARRIVAL)


def _one_array(table: pa.Table, name: str) -> pa.Array:
    column = table.column(name)
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()


def _fixed_width(array: pa.Array) -> NDArray[np.uint8]:
    """A read-only view of the bytes of a column of numbers. Raises ValueError when it has nulls."""
    if array.null_count:
        raise ValueError("a column that must be whole has nulls")
    width = array.type.bit_width // 8
    data: NDArray[np.uint8] = np.frombuffer(array.buffers()[1], dtype=np.uint8)
    return data[array.offset * width : (array.offset + len(array)) * width]
