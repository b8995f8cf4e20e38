"""Segments and the file of deletes: every page decoded, every row in its place, every number that is listed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from headrace.model.arrivals import NO_ARRIVAL
from headrace.model.points import NEVER
from headrace.store.embedded.files.names import deletes_file, points_file
from headrace.store.embedded.recent.deletes import Deletes
from headrace.store.embedded.segments.current import Current
from headrace.store.embedded.segments.dropped import path_of
from headrace.store.embedded.segments.files.columns import ARRIVAL_COLUMNS, COLUMN_OF_KIND, kinds_mask, kinds_of
from headrace.store.embedded.segments.files.delete_files import read_deletes
from headrace.store.embedded.segments.files.meta import (
    CREATED_KEY,
    DELETES_THROUGH_KEY,
    KIND_KEY,
    MAX_SEQUENCE_KEY,
    MIN_SEQUENCE_KEY,
    RowGroups,
    SegmentMeta,
    decode_row_groups,
)
from headrace.store.embedded.segments.files.segment import open_segment, read_failure
from headrace.store.embedded.verifying.findings import FindingKind, Findings
from headrace.store.embedded.verifying.names import Names
from headrace.store.rows import Rows, sort_keys

Progress = Callable[[int], None]
"""Told how many bytes more have been read."""


def check_segments(folder: Path, current: Current, names: Names, findings: Findings, progress: Progress) -> int:
    """Every listed segment, and their order. Returns how many rows were read."""
    rows = 0
    before = 0
    for meta in current.segments:
        path = folder / meta.file
        if not path.exists():
            findings.add(FindingKind.GAP, path, "is missing")
            continue
        if meta.min_sequence <= before or meta.max_sequence > current.sealed_through:
            what = f"is listed for the records {meta.min_sequence} to {meta.max_sequence}, out of order"
            findings.damage(path, what)
        before = meta.max_sequence
        with findings.judging(path):
            for count in _check_segment(path, meta, current.database, names, findings, progress):
                rows += count
    return rows


def check_dropped(folder: Path, current: Current, names: Names, findings: Findings, progress: Progress) -> None:
    """What is kept for its grace. A file that is gone is none of ours any more."""
    for dropped in current.dropped:
        path = path_of(folder, dropped)
        if path is not None:
            with findings.judging(path):
                for _ in _check_segment(path, dropped.meta, current.database, names, findings, progress):
                    pass


def _check_segment(
    path: Path, meta: SegmentMeta, database: str, names: Names, findings: Findings, progress: Progress
) -> Iterator[int]:
    """Yields the rows of each row group. Raises Corrupt, Unavailable."""
    segment = open_segment(path.parent, replace(meta, file=path.name), database)
    with closing(segment), _whole_file(path) as file:
        _check_listed(path, meta, file, findings)
        groups = decode_row_groups(file.metadata.metadata, file.metadata.num_row_groups, path)
        seen = _Seen()
        for number, rows in enumerate(segment.row_groups()):
            where = f"row group {number}: "
            if int(rows.series.max()) >= len(names.table):
                findings.damage(path, f"{where}has points of series {int(rows.series.max())}, which has no name")
            elif names.are_whole:
                for wrong in seen.take(sort_keys(rows.series, names.index.metric_ids), rows, groups, number):
                    findings.damage(path, where + wrong)
            if not _others_are_empty(path, file, groups, number):
                findings.damage(path, f"{where}has values in columns that its metadata calls empty")
            progress(_bytes_of(file.metadata.row_group(number)))
            yield len(rows)
        for wrong in seen.against(meta):
            findings.damage(path, wrong)


def _whole_file(path: Path) -> pq.ParquetFile:
    try:
        return pq.ParquetFile(path, page_checksum_verification=True)
    except (OSError, ValueError) as error:
        raise read_failure(path, error) from error


def _check_listed(path: Path, meta: SegmentMeta, file: pq.ParquetFile, findings: Findings) -> None:
    """Its name, its size, and what its metadata has in common with the list."""
    name = points_file(meta.min_sequence, meta.max_sequence, meta.deletes_applied).removesuffix(".parquet")
    if not meta.file.startswith(name):
        what = f"records {meta.min_sequence} to {meta.max_sequence}, deletes through {meta.deletes_applied}"
        findings.damage(path, f"is listed for {what}, which is not what its name says")
    if path.stat().st_size != meta.bytes:
        findings.damage(path, f"has {path.stat().st_size} bytes, current.json lists {meta.bytes}")
    described = {key.decode(): value.decode() for key, value in file.metadata.metadata.items()}
    expected = {
        KIND_KEY: meta.kind.value,
        MIN_SEQUENCE_KEY: str(meta.min_sequence),
        MAX_SEQUENCE_KEY: str(meta.max_sequence),
        CREATED_KEY: str(meta.created),
        DELETES_THROUGH_KEY: str(meta.deletes_through),
    }
    for key, value in expected.items():
        # Files from before there were deletes do not say through which one.
        if described.get(key, value) != value:
            findings.damage(path, f"says {key} {described[key]}, current.json lists {value}")


class _Seen:
    """What the row groups of one file have held so far."""

    def __init__(self) -> None:
        self._last: tuple[int, int] | None = None
        """Sort key and time of the last row."""
        self._rows = 0
        self._series: list[int] = []
        self._times: list[int] = []

    def take(self, keys: NDArray[np.uint64], rows: Rows, groups: RowGroups, number: int) -> Iterator[str]:
        """The next row group, which is the number-th. Yields what is wrong, a sentence each."""
        first = int(keys[0]), int(rows.times[0])
        same, times = keys[1:] == keys[:-1], rows.times
        falls = (keys[1:] < keys[:-1]) | (same & (times[1:] <= times[:-1]))
        if falls.any():
            yield f"row {int(np.argmax(falls)) + 1} is not behind the one before it"
        if self._last is not None and first <= self._last:
            yield "its first row is not behind the row group before it"
        self._last = int(keys[-1]), int(times[-1])
        self._rows += len(rows)
        self._series += [int(rows.series.min()), int(rows.series.max())]
        self._times += [int(times.min()), int(times.max())]
        expires = NEVER if rows.expires is None else int(rows.expires.max())
        expiring = rows.expires is not None and bool(np.any(rows.expires != NEVER))
        arriving = rows.arrivals is not None and bool(np.any(rows.arrivals != NO_ARRIVAL))
        held = {
            "first_keys": int(keys[0]),
            "last_keys": int(keys[-1]),
            "min_times": int(times.min()),
            "max_times": int(times.max()),
            "kinds": kinds_mask(rows.values.kinds),
            "expiring": expiring,
            "arriving": arriving,
        }
        for name, value in held.items():
            if (listed := getattr(groups, name)[number].item()) != value:
                yield f"{name} is {value}, its metadata lists {listed}"
        # Files that do not say when their rows are gone have NEVER.
        if (listed := int(groups.gone_at[number])) not in (expires, NEVER):
            yield f"gone_at is {expires}, its metadata lists {listed}"

    def against(self, meta: SegmentMeta) -> Iterator[str]:
        """What current.json lists otherwise; nothing when no row group was taken."""
        if not self._rows:
            return
        held = {
            "rows": self._rows,
            "min_time": min(self._times),
            "max_time": max(self._times),
            "min_series": min(self._series),
            "max_series": max(self._series),
        }
        for name, value in held.items():
            if (listed := getattr(meta, name)) != value:
                yield f"{name} is {value}, current.json lists {listed}"


def _others_are_empty(path: Path, file: pq.ParquetFile, groups: RowGroups, number: int) -> bool:
    """Whether the columns that no query reads, as the metadata calls them empty, are. Their pages are read too."""
    read = {COLUMN_OF_KIND[kind] for kind in kinds_of(int(groups.kinds[number]))}
    read |= {"expires"} if groups.expiring[number] else set()
    read |= set(ARRIVAL_COLUMNS) if groups.arriving[number] else set()
    others = [name for name in file.schema_arrow.names if name not in read | {"series", "time"}]
    try:
        table = file.read_row_group(number, columns=others, use_threads=False)
    except (OSError, ValueError) as error:
        raise read_failure(path, error) from error
    return all(column.null_count == len(table) for column in table.columns)


def _bytes_of(row_group: pq.RowGroupMetaData) -> int:
    return sum(row_group.column(number).total_compressed_size for number in range(row_group.num_columns))


def check_deletes(folder: Path, current: Current, names: Names, findings: Findings) -> Deletes | None:
    """The file of pending deletes. None when it cannot be read, or none is listed."""
    if not current.deletes:
        return None
    path = folder / current.deletes
    with findings.judging(path):
        deletes = read_deletes(path, current.database, current.deletes_crc)
        sequences = [sequence for _, sequence in deletes]
        if max(sequences, default=0) > current.sealed_through:
            findings.damage(path, f"has a delete of record {max(sequences)}, which is not sealed yet")
        if path.name > deletes_file(current.sealed_through):
            findings.damage(path, f"is listed, but records are sealed through {current.sealed_through} only")
        for delete, sequence in deletes:
            if np.any(delete.series[1:] <= delete.series[:-1]) or int(delete.series[-1]) >= len(names.table):
                findings.damage(path, f"the series of the delete of record {sequence} are not right")
        return deletes
    return None
