"""The segments folder: opening it after anything, growing it so that a crash at any step neither loses nor doubles."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from headrace.errors import Corrupt
from headrace.store.current import Current, DamagedFile, SeriesFile, read_current, write_current
from headrace.store.durable import rename, sync_folder
from headrace.store.names import CURRENT, DAMAGED_SUFFIX, POINTS_PATTERN, SERIES_PATTERN, TEMPORARY_SUFFIX
from headrace.store.recent import RecentView
from headrace.store.rows import MetricIds
from headrace.store.sealing import sealed_row_groups
from headrace.store.segment_meta import SegmentMeta
from headrace.store.segment_writer import write_segment
from headrace.store.segments import Segment, open_segment
from headrace.store.series_files import SeriesNames, write_series


class SegmentFolder:
    """Owns current.json. One thread at a time."""

    def __init__(self, folder: Path, current: Current) -> None:
        self.folder = folder
        self._current = current

    @property
    def current(self) -> Current:
        """What counts now."""
        return self._current

    def seal(
        self, generation: RecentView, metric_ids: MetricIds, new_series: NDArray[np.uint32], names: SeriesNames
    ) -> Segment:
        """Turn a frozen, non-empty generation into a segment. On return it counts, on disk and for good, and the points
        of the journal through its last sequence are no longer needed.

        new_series: uint32, ascending, the ordinals that no series file holds yet, at least those of this generation.
        Raises OSError, Unavailable or Corrupt when the disk does not take it or gives back something else. Then it may
        be called again: either nothing has changed, or what it writes again is the same.
        """
        database = self._current.database
        sequences = generation.first_sequence, generation.last_sequence
        meta = write_segment(self.folder, sealed_row_groups(generation, metric_ids), sequences, metric_ids, database)
        series = self._current.series
        if len(new_series):
            file = write_series(self.folder, generation.last_sequence, new_series, names, database)
            series = (*series, SeriesFile(file, len(new_series)))
        segment = open_segment(self.folder, meta, database)  # before the journal may go: is it what we wrote?
        try:
            self._commit(
                replace(
                    self._current,
                    sealed_through=generation.last_sequence,
                    segments=(*self._current.segments, meta),
                    series=series,
                )
            )
        except BaseException:
            segment.close()
            raise
        return segment

    def set_aside(self, damage: Corrupt) -> None:
        """The segment that `damage` names counts no longer; its file is kept under another name. Raises OSError."""
        path = damage.file
        meta = next((meta for meta in self._current.segments if meta.file == path.name), None)
        if meta is None:
            return
        self._commit(_without(self._current, meta, damage))
        if path.exists():
            rename(path, path.with_name(path.name + DAMAGED_SUFFIX))
            sync_folder(self.folder)

    def _commit(self, current: Current) -> None:
        write_current(self.folder, current)
        self._current = current


def open_folder(folder: Path, database: str) -> tuple[SegmentFolder, list[Segment], list[Corrupt]]:
    """Open the segments of `database` (a new folder is made), sweep what a crash left, set aside what is damaged.

    Returns the folder, its readable segments, and for each damaged one what is wrong with it. Raises Corrupt when
    current.json itself is missing or wrong: then nothing has been touched. Raises OSError, or Unavailable when the disk
    does not give a segment.
    """
    current = read_current(folder)
    if current is None:
        current = _begin(folder, database)
    if current.database != database:
        raise Corrupt(folder / CURRENT, "belongs to another database")
    _sweep(folder, current)
    opened = SegmentFolder(folder, current)
    segments, findings = [], []
    for meta in current.segments:
        try:
            segments.append(open_segment(folder, meta, database))
        except Corrupt as damage:
            findings.append(damage)
            opened.set_aside(damage)
    return opened, segments, findings


def _begin(folder: Path, database: str) -> Current:
    folder.mkdir(parents=True, exist_ok=True)
    sync_folder(folder.parent)
    if any(folder.glob(POINTS_PATTERN)):
        raise Corrupt(
            folder / CURRENT, "is missing, but there are segments; without it nobody knows which of them count"
        )
    current = Current(database)
    write_current(folder, current)
    return current


def _sweep(folder: Path, current: Current) -> None:
    """Unlink files that were being written, and whole ones that a crash kept from being listed."""
    listed = {meta.file for meta in current.segments} | {series.file for series in current.series}
    for pattern in (POINTS_PATTERN, SERIES_PATTERN, "*" + TEMPORARY_SUFFIX):
        for path in folder.glob(pattern):
            if path.name not in listed:
                path.unlink()


def _without(current: Current, meta: SegmentMeta, damage: Corrupt) -> Current:
    segments = tuple(other for other in current.segments if other is not meta)
    return replace(current, segments=segments, damaged=(*current.damaged, DamagedFile(meta.file, damage.detail)))
