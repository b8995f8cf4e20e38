"""A segment: an immutable Parquet file, opened once, read by any thread."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from headrace.errors import Corrupt, Unavailable
from headrace.kernels.storing.rows import filter_sorted_rows
from headrace.model.points import Kind
from headrace.store.embedded.recent.deletes import Delete
from headrace.store.embedded.segments.files.columns import (
    ARRIVAL_COLUMNS,
    COLUMN_OF_KIND,
    NUMBERS,
    SCHEMA,
    SCHEMA_1,
    decode_arrivals,
    decode_expires,
    decode_numbers,
    decode_series_and_times,
    decode_values,
    kinds_of,
    pick,
)
from headrace.store.embedded.segments.files.footer import check_footer
from headrace.store.embedded.segments.files.footers import FOOTERS
from headrace.store.embedded.segments.files.meta import (
    DATABASE_KEY,
    FORMAT_KEY,
    SEGMENT_FORMAT,
    RowGroups,
    SegmentMeta,
    decode_row_groups,
)
from headrace.store.embedded.segments.kept.row_group_cache import NOTHING_KEPT, RowGroupCache
from headrace.store.rows import MetricIds, Rows, Wanted, sort_keys

Chooser = Callable[[NDArray[np.uint32], NDArray[np.int64]], NDArray[np.uint32]]
"""Of the series and times of a row group, the row numbers (uint32, ascending) that are asked for."""


SCHEMA_OF_FORMAT = {b"1": SCHEMA_1, str(SEGMENT_FORMAT).encode(): SCHEMA}


class Segment:
    """An open file with what lets row groups be skipped. Once it is read, nothing of it changes until
    `close`."""

    def __init__(
        self, path: Path, meta: SegmentMeta, source: pa.NativeFile, footer: pq.FileMetaData, cache: RowGroupCache
    ) -> None:
        """cache: of what `read` reads; it may be changed before anything is read."""
        self.path = path
        self.meta = meta
        self._source = source
        self._row_groups: int = footer.num_row_groups
        self._key = object()  # of its footer
        FOOTERS.keep(self._key, footer)
        self.cache = cache
        self._groups: RowGroups = decode_row_groups(footer.metadata, footer.num_row_groups, path)
        self.order_is_known = True
        """Whether its rows stand in the order of the metric ids of now."""

    def forget_order(self, metrics: int) -> None:
        """Names are lost, and metrics that have them no more had ids. It is read whole from now on; its rows cannot be
        merged with others.   metrics: how many there are."""
        self.order_is_known = False
        self._groups = self._groups.in_any_order(metrics)

    def read(self, wanted: Wanted, start_ms: int, end_ms: int) -> Iterator[Rows]:
        """The rows of the wanted series with start_ms <= time <= end_ms, one row group at a time, in the file's order.

        Holds one decoded row group in memory. Raises Corrupt when the file is not what we wrote, Unavailable when the
        disk does not give it.
        """
        meta = self.meta
        if not len(wanted) or meta.min_time > end_ms or meta.max_time < start_ms:
            return
        file = None
        for group in self._groups.matching(wanted.keys, start_ms, end_ms).tolist():
            kind = self._kind_of_numbers(group)
            if kind is not None and (packed := self.cache.find((self.path.name, group))) is not None:
                rows = packed.select(wanted, start_ms, end_ms)
            else:
                file = file or self._in_this_thread()
                rows = self._read_row_group(
                    file, group, lambda series, times: _matching(series, times, wanted, start_ms, end_ms), kind
                )
            if len(rows):
                yield rows

    def row_groups(self) -> Iterator[Rows]:
        """All rows in the file's order, one row group at a time. Raises as `read` does."""
        file = self._in_this_thread()
        for group in range(self._row_groups):
            yield self._read_row_group(file, group, _all)

    def _in_this_thread(self) -> pq.ParquetFile:
        """A ParquetFile may serve one thread; making one around a footer that is kept costs 0.05 ms, and 0.08 more for
        each million rows where it has to be read again. Raises as `read` does."""
        footer = FOOTERS.get(self._key)
        if footer is None:
            try:
                check_footer(self.path, self._source, self.meta.footer_crc)
                footer = pq.read_metadata(self._source)
            except (OSError, ValueError) as error:
                raise read_failure(self.path, error) from error
            FOOTERS.keep(self._key, footer)
        # Without pre_buffer it reads in this thread, not in one of Arrow's that has to wake up first.
        return pq.ParquetFile(self._source, metadata=footer, page_checksum_verification=True, pre_buffer=False)

    def _kind_of_numbers(self, group: int) -> Kind | None:
        """The kind of all rows of a row group that the cache may keep; None for others."""
        kinds = kinds_of(int(self._groups.kinds[group]))
        is_plain = len(kinds) == 1 and not self._groups.expiring[group] and not self._groups.arriving[group]
        return kinds[0] if is_plain and kinds[0] in NUMBERS else None

    def _read_row_group(self, file: pq.ParquetFile, group: int, choose: Chooser, kept: Kind | None = None) -> Rows:
        """kept: the kind of its values, where the cache is to keep it."""
        kinds = kinds_of(int(self._groups.kinds[group]))
        expiring, arriving = bool(self._groups.expiring[group]), bool(self._groups.arriving[group])
        columns = ["series", "time", *(COLUMN_OF_KIND[kind] for kind in kinds)]
        columns += ["expires"] * expiring + ARRIVAL_COLUMNS * arriving
        try:
            table = file.read_row_group(group, columns=columns, use_threads=False)
            series, times = decode_series_and_times(table)
            if kept is not None:
                self.cache.keep((self.path.name, group), series, times, decode_numbers(table, kept), kept)
            rows = choose(series, times)
            return Rows(
                pick(series, rows),
                pick(times, rows),
                decode_values(table, kinds, rows),
                decode_expires(table, rows) if expiring else None,
                decode_arrivals(table, rows) if arriving else None,
            )
        except (OSError, ValueError) as error:
            raise read_failure(self.path, error) from error

    def may_hold(self, delete: Delete, sequence: int, metric_ids: MetricIds) -> bool:
        """Whether a row may fall under the delete of this sequence. Looks at row groups, not into them."""
        if not self.meta.may_hold(delete, sequence):
            return False
        keys = np.sort(sort_keys(delete.series, metric_ids))
        return len(self._groups.matching(keys, delete.start_ms, delete.end_ms)) > 0

    def add_expected(self, keys: NDArray[np.uint64], start_ms: int, end_ms: int, steps: NDArray[np.float64]) -> None:
        """Add to `steps` (float64[k + 1]) so that the sum of its first i + 1 is about how many rows `read` will give
        for series i of `keys` (ascending): as many as if row groups held no other series and were evenly filled."""
        groups = self._groups.matching(keys, start_ms, end_ms)
        first = np.searchsorted(keys, self._groups.first_keys[groups], side="left")
        beyond = np.searchsorted(keys, self._groups.last_keys[groups], side="right")
        begins, ends = (times[groups].astype(np.float64) for times in (self._groups.min_times, self._groups.max_times))
        asked = np.minimum(ends, end_ms) - np.maximum(begins, start_ms) + 1
        rows = self.meta.rows / self._row_groups * asked / (ends - begins + 1) / (beyond - first)
        np.add.at(steps, first, rows)
        np.subtract.at(steps, beyond, rows)

    @property
    def metrics_end(self) -> int:
        """Its metric ids are all below."""
        return (int(self._groups.last_keys[-1]) >> 32) + 1

    def is_out(self, oldest_ms: NDArray[np.int64]) -> bool:
        """Whether every row is of a time before the one that its metric is kept from: int64 ms by metric id."""
        groups = self._groups
        metrics = (groups.first_keys >> np.uint64(32)).tolist(), (groups.last_keys >> np.uint64(32)).tolist()
        return all(
            end < oldest_ms[first : last + 1].min()
            for first, last, end in zip(*metrics, groups.max_times.tolist(), strict=True)
        )

    def share_gone(self, now_ms: int, oldest_ms: NDArray[np.int64], older: Sequence[SegmentMeta]) -> float:
        """About which share of the rows has expired or is out of retention, and hides nothing older: only whole row
        groups count, and of these the part of their time that no older file has.

        oldest_ms: as in `is_out`.   older: every file with rows written before any of these.
        """
        groups = self._groups
        gone = groups.gone_at <= now_ms
        for group in np.flatnonzero(groups.max_times < oldest_ms.max()).tolist():
            first, last = int(groups.first_keys[group]) >> 32, int(groups.last_keys[group]) >> 32
            gone[group] |= groups.max_times[group] < oldest_ms[first : last + 1].min()
        if not gone.any():
            return 0.0
        begins, ends = groups.min_times.astype(np.float64), groups.max_times.astype(np.float64)
        hidden = np.zeros(len(gone))
        for file in older:
            hidden += np.maximum(np.minimum(ends, file.max_time) - np.maximum(begins, file.min_time) + 1, 0)
        free = np.maximum(1 - hidden / (ends - begins + 1), 0)
        return float(np.mean(gone * free))

    def close(self) -> None:
        """Let go of the file; no read may be under way or follow."""
        FOOTERS.drop(self._key)
        self.cache.forget(self.path.name)
        self._source.close()


def _matching(
    series: NDArray[np.uint32], times: NDArray[np.int64], wanted: Wanted, start_ms: int, end_ms: int
) -> NDArray[np.uint32]:
    rows = np.empty(len(series), dtype=np.uint32)
    return rows[: filter_sorted_rows(series, times, wanted.places, wanted.lowest, start_ms, end_ms, rows)]


def _all(series: NDArray[np.uint32], times: NDArray[np.int64]) -> NDArray[np.uint32]:
    return np.arange(len(series), dtype=np.uint32)


def open_segment(folder: Path, meta: SegmentMeta, database: str, cache: RowGroupCache = NOTHING_KEPT) -> Segment:
    """Open a listed file.   cache: of what will be read of it. Raises Corrupt when it is missing, damaged or not of
    this database, Unavailable when the disk does not give it."""
    path = folder / meta.file
    try:
        source = pa.OSFile(str(path))
    except OSError as error:
        raise read_failure(path, error) from error
    try:
        return Segment(path, meta, source, _footer_as_listed(path, meta, source, database), cache)
    except BaseException:
        source.close()
        raise


def _footer_as_listed(path: Path, meta: SegmentMeta, source: pa.NativeFile, database: str) -> pq.FileMetaData:
    try:
        check_footer(path, source, meta.footer_crc)
        footer = pq.read_metadata(source)
    except (OSError, ValueError) as error:
        raise read_failure(path, error) from error
    described = footer.metadata or {}
    schema = SCHEMA_OF_FORMAT.get(described.get(FORMAT_KEY.encode(), b""))
    if schema is None:
        raise Corrupt(path, f"not a segment of format 1 to {SEGMENT_FORMAT}")
    if described.get(DATABASE_KEY.encode()) != database.encode():
        raise Corrupt(path, "belongs to another database")
    if footer.num_rows != meta.rows or not footer.schema.to_arrow_schema().equals(schema):
        raise Corrupt(path, "does not hold the rows and columns that current.json lists")
    return footer


def read_failure(path: Path, error: OSError | ValueError) -> Corrupt | Unavailable:
    """What a failed read means: Arrow gives an errno when the system failed, and none when the bytes make no sense."""
    if isinstance(error, FileNotFoundError):
        return Corrupt(path, "is missing")
    if isinstance(error, OSError) and error.errno is not None:
        return Unavailable(f"cannot read {path.name}: {error.strerror}")
    return Corrupt(path, str(error))
