"""What a merge writes: the winners of several segments, as row groups, with one row group of each in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray

from headrace import limits
from headrace.errors import Corrupt
from headrace.kernels.storing.merge import merge_runs
from headrace.kernels.storing.rows import gather
from headrace.kernels.storing.texts import cut_by_text_bytes, move_texts, text_bytes
from headrace.model.points import Values, take_optional
from headrace.store.embedded.segments.files.meta import SegmentMeta
from headrace.store.embedded.segments.files.segment import Segment
from headrace.store.embedded.segments.making.forgetting import Forgetting
from headrace.store.rows import Collector, MetricIds, Rows, sort_keys, want

Pause = Callable[[], None]
"""Called between any two steps: waits while more urgent work is to be done, raises to give the merge up."""


class Merge:
    """The last write of each series and time in neighbours, by (metric id, ordinal, time)."""

    def __init__(
        self,
        segments: Sequence[Segment],
        older: Sequence[SegmentMeta],
        metric_ids: MetricIds,
        forgetting: Forgetting,
        pause: Pause,
    ) -> None:
        """segments: in rising order of version.   older: those that count and hold rows written before any of these."""
        self.leaves_out = False
        """Whether `kept` has left out a row for its age."""
        self._merged = partial(_merged, segments, older, metric_ids, forgetting, pause)

    def kept(self) -> Iterator[Rows]:
        """Those that stay; may be nothing at all. Raises Corrupt or Unavailable as Segment.row_groups does, and what
        `pause` raises."""
        return _regrouped(self._kept())

    def left_out(self) -> Iterator[Rows]:
        """Those that do not, for their age: reads all segments once more. Raises as `kept`."""
        return _regrouped(
            _chosen(winners, np.flatnonzero(left_out).astype(np.uint32))
            for winners, left_out in self._merged()
            if left_out is not None
        )

    def _kept(self) -> Iterator[Rows]:
        for winners, left_out in self._merged():
            if left_out is None:
                yield winners
            else:
                self.leaves_out = True
                yield _chosen(winners, np.flatnonzero(~left_out).astype(np.uint32))


class _Window:
    """The row group of one segment that is under way, without its deleted rows: rows `at` and on are still to go."""

    def __init__(self, segment: Segment, metric_ids: MetricIds, forgetting: Forgetting) -> None:
        self._path = segment.path
        self._row_groups = segment.row_groups()
        self._deletes_applied = segment.meta.deletes_applied
        self._metric_ids = metric_ids
        self._deletes = forgetting.deletes
        self._rows: Rows | None = None
        self._keys = np.empty(0, dtype=np.uint64)
        self._last_key = np.uint64(0)
        self._at = 0

    def fill(self) -> bool:
        """Go on to the next row group when this one is used up. False when there is none. Raises Corrupt when it is
        not in order, and as Segment.row_groups does."""
        while self._rows is None or self._at == len(self._rows):
            self._rows = None  # before the next one is in memory
            row_group = next(self._row_groups, None)
            if row_group is None:
                return False
            keys = sort_keys(row_group.series, self._metric_ids)
            if keys[0] < self._last_key or not _are_rising(keys, row_group.times):
                raise Corrupt(self._path, "its rows are out of order")  # searched, they would never be used up
            self._last_key = keys[-1]
            self._rows = self._undeleted(row_group)
            self._keys = keys if self._rows is row_group else sort_keys(self._rows.series, self._metric_ids)
            self._at = 0
        return True

    def end(self, rows_max: int) -> tuple[int, int]:
        """Sort key and time of the last of the next rows_max rows of the row group."""
        assert self._rows is not None
        last = min(self._at + rows_max, len(self._rows)) - 1
        return int(self._keys[last]), int(self._rows.times[last])

    def take_through(self, key: int, time: int) -> tuple[Rows, NDArray[np.uint64]]:
        """The rows up to (key, time) that are still to go, and their sort keys."""
        assert self._rows is not None
        begin, keys, times = self._at, self._keys, self._rows.times
        first, beyond = np.searchsorted(keys, np.uint64(key), "left"), np.searchsorted(keys, np.uint64(key), "right")
        self._at = max(begin, int(first + np.searchsorted(times[first:beyond], time, "right")))
        return _stretch(self._rows, begin, self._at), keys[begin : self._at]

    def _undeleted(self, rows: Rows) -> Rows:
        if not len(self._deletes):
            return rows
        wanted = want(np.unique(rows.series), self._metric_ids)
        touching = self._deletes.touching(wanted, int(rows.times.min()), int(rows.times.max()))
        return rows if touching is None else touching.keep_of_segment(self._deletes_applied, rows)


def _are_rising(keys: NDArray[np.uint64], times: NDArray[np.int64]) -> bool:
    same = keys[1:] == keys[:-1]
    return bool(np.all((keys[1:] > keys[:-1]) | (same & (times[1:] > times[:-1]))))


def _merged(
    segments: Sequence[Segment],
    older: Sequence[SegmentMeta],
    metric_ids: MetricIds,
    forgetting: Forgetting,
    pause: Pause,
) -> Iterator[tuple[Rows, NDArray[np.bool_] | None]]:
    """Winners, and which of them are left out for their age, None for none.

    Each step takes of all windows the rows up to the least end of one: none that comes later belongs among them. The
    ends are such that a step takes a row group at most, of all windows together.
    """
    windows = [_Window(segment, metric_ids, forgetting) for segment in segments]
    while windows := [window for window in windows if window.fill()]:
        pause()
        rows_max = max(limits.ROW_GROUP_ROWS // len(windows), 1)
        key, time = min(window.end(rows_max) for window in windows)
        collected = Collector(rows_max * len(windows))
        keys = []
        for window in windows:
            rows, keys_of_rows = window.take_through(key, time)
            collected.add(rows)
            keys.append(keys_of_rows)
        winners = _winners(collected.take(), keys)
        yield winners, forgetting.forgettable(winners.series, winners.times, winners.expires, older)


def _winners(rows: Rows, keys: Sequence[NDArray[np.uint64]]) -> Rows:
    """keys: of each run of `rows`, the later runs written later."""
    if len(keys) == 1:
        return rows
    starts = np.cumsum([0, *map(len, keys)], dtype=np.int64)
    order = np.empty(len(rows), dtype=np.uint32)
    kept = merge_runs(np.concatenate(keys), rows.times, starts, np.empty(len(keys), dtype=np.int64), order)
    return _chosen(rows, order[:kept])


def _regrouped(parts: Iterable[Rows]) -> Iterator[Rows]:
    """The same rows in row groups as large as may be."""
    waiting: list[Rows] = []
    for part in parts:
        waiting.append(part)
        rows = sum(map(len, waiting))
        if rows >= limits.ROW_GROUP_ROWS or sum(len(w.values.heap) for w in waiting) >= limits.ROW_GROUP_TEXT_BYTES:
            *whole, rest = _row_groups(_joined(waiting))
            yield from whole
            waiting = [rest]
    yield from (group for group in _row_groups(_joined(waiting)) if len(group))


def _row_groups(rows: Rows) -> list[Rows]:
    """Cut as sealing cuts. The last one may be short, and is all there is when there are no rows."""
    kinds, bits = rows.values.kinds, rows.values.bits
    numbers = np.arange(len(rows), dtype=np.uint32)
    groups, begin = [], 0
    while True:
        end = min(begin + limits.ROW_GROUP_ROWS, len(rows))
        if rows.values.heap:
            end = cut_by_text_bytes(numbers, begin, end, kinds, bits, limits.ROW_GROUP_TEXT_BYTES)
        groups.append(_stretch(rows, begin, end))
        if end == len(rows):
            return groups
        begin = end


def _joined(parts: Sequence[Rows]) -> Rows:
    if len(parts) == 1:
        return parts[0]
    collected = Collector(sum(map(len, parts)))
    for part in parts:
        collected.add(part)
    return collected.take()


def _stretch(rows: Rows, begin: int, end: int) -> Rows:
    """Rows begin .. end - 1 with only their texts; views where there are none."""
    if begin == 0 and end == len(rows):
        return rows
    if rows.values.heap:
        return _chosen(rows, np.arange(begin, end, dtype=np.uint32))
    values = Values(rows.values.kinds[begin:end], rows.values.bits[begin:end])
    stretch = slice(begin, end)
    expires, arrivals = take_optional(rows.expires, stretch), take_optional(rows.arrivals, stretch)
    return Rows(rows.series[stretch], rows.times[stretch], values, expires, arrivals)


def _chosen(rows: Rows, numbers: NDArray[np.uint32]) -> Rows:
    """Copies of the rows with these numbers, in that order, with only their texts."""
    times = np.empty(len(numbers), dtype=np.int64)
    kinds = np.empty(len(numbers), dtype=np.uint8)
    bits = np.empty(len(numbers), dtype=np.int64)
    gather(numbers, rows.times, rows.values.kinds, rows.values.bits, times, kinds, bits)
    texts = np.empty(text_bytes(kinds, bits) if rows.values.heap else 0, dtype=np.uint8)
    if len(texts):
        move_texts(kinds, bits, np.frombuffer(rows.values.heap, dtype=np.uint8), texts)
    expires, arrivals = take_optional(rows.expires, numbers), take_optional(rows.arrivals, numbers)
    return Rows(rows.series[numbers], times, Values(kinds, bits, texts.tobytes()), expires, arrivals)
