"""Writing a segment: rows of recent, sorted and won, into Parquet, one row group in memory at a time."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from headrace import limits
from headrace.kernels.merge import count_places, group_rows, keep_winners
from headrace.kernels.texts import cut_by_text_bytes
from headrace.model.points import NEVER
from headrace.store.durable import replaced_file
from headrace.store.names import points_file
from headrace.store.parquet_columns import SCHEMA, encode, kinds_mask
from headrace.store.recent import RecentView
from headrace.store.rows import MetricIds, sort_keys
from headrace.store.segment_meta import (
    CREATED_KEY,
    DATABASE_KEY,
    FORMAT_KEY,
    KIND_KEY,
    MAX_SEQUENCE_KEY,
    MIN_SEQUENCE_KEY,
    ROW_GROUPS_KEY,
    SEGMENT_FORMAT,
    RowGroups,
    SegmentKind,
    SegmentMeta,
    encode_row_groups,
)

DICTIONARY_BYTES_MAX = 128 * 1024
"""A row group's column with more distinct values than fit here goes on without a dictionary. At Arrow's default, 1 MiB,
doubles with four decimals took 7.9 bytes a point instead of 4.8."""

PARQUET_OPTIONS = {
    "compression": "zstd",
    "compression_level": 1,
    "use_dictionary": ["series", "double", "text", "custom.type", "custom.json"],
    "dictionary_pagesize_limit": DICTIONARY_BYTES_MAX,
    "column_encoding": dict.fromkeys(["time", "int64", "expires"], "DELTA_BINARY_PACKED"),
    "write_page_checksum": True,
    "store_schema": False,
}
"""Measured in docs/decisions/segments.md."""


def sorted_winners(view: RecentView, metric_ids: MetricIds) -> tuple[NDArray[np.uint32], NDArray[np.uint64]]:
    """uint32 row numbers of the last write of each series and time, by (metric id, ordinal, time), and the sort keys
    (uint64) of the series in that order. Takes 4 bytes a row beside a few for each series."""
    series, times = view.series[: view.length], view.times[: view.length]
    present = np.flatnonzero(np.bincount(series)).astype(np.uint32)
    keys = sort_keys(present, metric_ids)
    by_key = np.argsort(keys)
    places = np.empty(int(present[-1]) + 1, dtype=np.uint32)
    places[present[by_key]] = np.arange(len(present), dtype=np.uint32)
    starts = np.zeros(len(present) + 1, dtype=np.int64)
    count_places(series, places, 0, starts)
    order = np.empty(view.length, dtype=np.uint32)
    group_rows(series, places, 0, starts[:-1].copy(), order)
    scratch = np.empty(int(np.diff(starts).max()), dtype=np.uint32)
    winners = keep_winners(order, starts, times, scratch)
    return order[:winners], keys[by_key]


def write_segment(folder: Path, view: RecentView, metric_ids: MetricIds, database: str) -> SegmentMeta:
    """Write the winners of a frozen, non-empty generation into a new file of `folder`, synced and renamed.

    The file counts only once current.json lists it. Winners that have expired are written too: each may hide an older
    write in another segment. Raises OSError, and then leaves nothing behind.
    """
    order, keys = sorted_winners(view, metric_ids)
    path = folder / points_file(view.first_sequence, view.last_sequence)
    created_ms = time.time_ns() // 1_000_000
    with replaced_file(path) as file:
        with pq.ParquetWriter(file, SCHEMA, **PARQUET_OPTIONS) as writer:
            groups = _write_row_groups(writer, view, order, metric_ids)
            writer.add_key_value_metadata(
                {
                    FORMAT_KEY: str(SEGMENT_FORMAT),
                    DATABASE_KEY: database,
                    KIND_KEY: SegmentKind.IN_ORDER,
                    MIN_SEQUENCE_KEY: str(view.first_sequence),
                    MAX_SEQUENCE_KEY: str(view.last_sequence),
                    CREATED_KEY: str(created_ms),
                    ROW_GROUPS_KEY: encode_row_groups(groups),
                }
            )
        size = file.tell()
    ordinals = keys.astype(np.uint32)  # the low half of a sort key
    return SegmentMeta(
        file=path.name,
        kind=SegmentKind.IN_ORDER,
        rows=len(order),
        bytes=size,
        min_time=int(groups.min_times.min()),
        max_time=int(groups.max_times.max()),
        min_series=int(ordinals.min()),
        max_series=int(ordinals.max()),
        min_sequence=view.first_sequence,
        max_sequence=view.last_sequence,
        created=created_ms,
    )


def _write_row_groups(
    writer: pq.ParquetWriter, view: RecentView, order: NDArray[np.uint32], metric_ids: MetricIds
) -> RowGroups:
    ends: list[NDArray[np.uint32]] = []
    spans: list[tuple[int, int, int, bool]] = []
    start = 0
    while start < len(order):
        end = min(start + limits.ROW_GROUP_ROWS, len(order))
        if len(view.heap):
            end = cut_by_text_bytes(order, start, end, view.kinds, view.bits, limits.ROW_GROUP_TEXT_BYTES)
        rows = view.take(order[start:end])
        expires = rows.expires if rows.expires is not None and np.any(rows.expires != NEVER) else None
        writer.write_batch(encode(rows.series, rows.times, rows.values, expires))
        ends.append(rows.series[[0, -1]])
        spans.append((int(rows.times.min()), int(rows.times.max()), kinds_mask(rows.values.kinds), expires is not None))
        start = end
    keys = sort_keys(np.concatenate(ends), metric_ids)
    min_times, max_times, kinds, expiring = zip(*spans, strict=True)
    return RowGroups(
        keys[0::2],
        keys[1::2],
        np.array(min_times, dtype=np.int64),
        np.array(max_times, dtype=np.int64),
        np.array(kinds, dtype=np.uint8),
        np.array(expiring, dtype=np.bool_),
    )
