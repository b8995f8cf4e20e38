"""Writing a segment, whatever its rows come from: sorted rows into Parquet, one row group in memory at a time."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
import pyarrow.parquet as pq

from headrace.model.arrivals import NO_ARRIVAL
from headrace.model.points import NEVER
from headrace.store.embedded.files.durable import replaced_file
from headrace.store.embedded.files.names import points_file
from headrace.store.embedded.segments.files.columns import SCHEMA, encode, kinds_mask
from headrace.store.embedded.segments.files.footer import footer_crc
from headrace.store.embedded.segments.files.meta import (
    CREATED_KEY,
    DATABASE_KEY,
    DELETES_THROUGH_KEY,
    FORMAT_KEY,
    KIND_KEY,
    MAX_SEQUENCE_KEY,
    MIN_SEQUENCE_KEY,
    OTHERS_KEY,
    ROW_GROUPS_KEY,
    SEGMENT_FORMAT,
    UNKNOWN_OTHERS,
    OtherStores,
    RowGroups,
    SegmentKind,
    SegmentMeta,
    encode_row_groups,
)
from headrace.store.rows import MetricIds, Rows, sort_keys

DICTIONARY_BYTES_MAX = 128 * 1024
"""A row group's column with more distinct values than fit here goes on without a dictionary. At Arrow's default, 1 MiB,
doubles with four decimals took 7.9 bytes a point instead of 4.8."""

TEXTS = ["text", "custom.type", "custom.json"]
DELTAS = ["time", "int64", "expires", "ingested"]
ZSTD = ["double", "bool", "utc_offset", *TEXTS, *DELTAS]

PARQUET_OPTIONS = {
    "compression": {"series": "lz4", **dict.fromkeys(ZSTD, "zstd")},
    "compression_level": dict.fromkeys(ZSTD, 1),
    "use_dictionary": ["double", *TEXTS],
    "dictionary_pagesize_limit": DICTIONARY_BYTES_MAX,
    "column_encoding": dict.fromkeys(["series", *DELTAS], "DELTA_BINARY_PACKED"),
    "write_page_checksum": True,
    "store_schema": False,
}
"""Measured in docs/decisions/segments.md."""


def write_segment(
    folder: Path,
    row_groups: Iterable[Rows],
    sequences: tuple[int, int],
    metric_ids: MetricIds,
    database: str,
    deletes_through: int = 0,
    rewritten: int = 0,
    others: OtherStores = UNKNOWN_OTHERS,
    name: str | None = None,
) -> SegmentMeta:
    """Write row groups into a new file of `folder`, synced and renamed.

    row_groups: at least one, none empty; their rows rise strictly by (metric id, ordinal, time) through all of them.
    sequences: the first and the last of the journal records whose winners they are.
    deletes_through: deletes up to this sequence have been applied to them, those up to the last record in any case.
    rewritten: see names.points_file.   others: how far they are.   name: of the file, in place of that of
    names.points_file.
    The file counts only once current.json lists it. Raises OSError and what `row_groups` raises, and then leaves
    nothing behind.
    """
    deletes_through = max(deletes_through, sequences[1])
    path = folder / (name or points_file(*sequences, deletes_through, rewritten))
    created_ms = time.time_ns() // 1_000_000
    with replaced_file(path) as file:
        with pq.ParquetWriter(file, SCHEMA, **PARQUET_OPTIONS) as writer:
            spans = [_write_row_group(writer, rows) for rows in row_groups]
            writer.add_key_value_metadata(
                {
                    FORMAT_KEY: str(SEGMENT_FORMAT),
                    DATABASE_KEY: database,
                    KIND_KEY: SegmentKind.IN_ORDER,
                    MIN_SEQUENCE_KEY: str(sequences[0]),
                    MAX_SEQUENCE_KEY: str(sequences[1]),
                    CREATED_KEY: str(created_ms),
                    DELETES_THROUGH_KEY: str(deletes_through),
                    OTHERS_KEY: msgspec.json.encode(others),
                    ROW_GROUPS_KEY: encode_row_groups(_row_groups(spans, metric_ids)),
                }
            )
        size = file.tell()
    return SegmentMeta(
        file=path.name,
        kind=SegmentKind.IN_ORDER,
        rows=sum(span.rows for span in spans),
        bytes=size,
        min_time=min(span.min_time for span in spans),
        max_time=max(span.max_time for span in spans),
        min_series=min(span.min_series for span in spans),
        max_series=max(span.max_series for span in spans),
        min_sequence=sequences[0],
        max_sequence=sequences[1],
        created=created_ms,
        deletes_through=deletes_through,
        footer_crc=footer_crc(path),
    )


@dataclass(frozen=True, slots=True)
class _Span:
    """What a row group holds. first, last: the ordinals of its first and its last row."""

    rows: int
    first: int
    last: int
    min_series: int
    max_series: int
    min_time: int
    max_time: int
    kinds: int
    expiring: bool
    arriving: bool
    gone_at: int


def _write_row_group(writer: pq.ParquetWriter, rows: Rows) -> _Span:
    expires = rows.expires if rows.expires is not None and np.any(rows.expires != NEVER) else None
    arrivals = rows.arrivals if rows.arrivals is not None and np.any(rows.arrivals != NO_ARRIVAL) else None
    writer.write_batch(encode(rows.series, rows.times, rows.values, expires, arrivals))
    return _Span(
        rows=len(rows),
        first=int(rows.series[0]),
        last=int(rows.series[-1]),
        min_series=int(rows.series.min()),
        max_series=int(rows.series.max()),
        min_time=int(rows.times.min()),
        max_time=int(rows.times.max()),
        kinds=kinds_mask(rows.values.kinds),
        expiring=expires is not None,
        arriving=arrivals is not None,
        gone_at=NEVER if expires is None else int(expires.max()),
    )


def _row_groups(spans: list[_Span], metric_ids: MetricIds) -> RowGroups:
    return RowGroups(
        sort_keys(np.array([span.first for span in spans], dtype=np.uint32), metric_ids),
        sort_keys(np.array([span.last for span in spans], dtype=np.uint32), metric_ids),
        np.array([span.min_time for span in spans], dtype=np.int64),
        np.array([span.max_time for span in spans], dtype=np.int64),
        np.array([span.kinds for span in spans], dtype=np.uint8),
        np.array([span.expiring for span in spans], dtype=np.bool_),
        np.array([span.arriving for span in spans], dtype=np.bool_),
        np.array([span.gone_at for span in spans], dtype=np.int64),
    )
