"""What a seal writes: the winners of a generation of recent, sorted, as row groups of a segment."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from headrace import limits
from headrace.kernels.storing.merge import count_places, group_rows, keep_winners
from headrace.kernels.storing.texts import cut_by_text_bytes
from headrace.model.time import ALL_TIME
from headrace.store.embedded.recent.deletes import Deletes
from headrace.store.embedded.recent.recent import RecentView
from headrace.store.embedded.segments.files.meta import SegmentMeta
from headrace.store.embedded.segments.making.forgetting import Forgetting
from headrace.store.rows import MetricIds, Rows, sort_keys, want

NO_ROWS = np.empty(0, dtype=np.uint32)


def rows_to_seal(
    view: RecentView, metric_ids: MetricIds, forgetting: Forgetting, older: Sequence[SegmentMeta]
) -> tuple[NDArray[np.uint32], NDArray[np.uint32]]:
    """uint32 row numbers of what a frozen generation leaves for a segment, and of what is left out for its age, each by
    (metric id, ordinal, time).

    older: the segments that there are.
    """
    if not len(view):
        return NO_ROWS, NO_ROWS
    order = sorted_winners(view, metric_ids)
    if len(forgetting.deletes):
        order = _undeleted(view, order, metric_ids, forgetting.deletes)
    series, times = view.series[: view.length], view.times[: view.length]
    if view.expires is None and times.min() >= forgetting.retention.latest_cut_ms(forgetting.now_ms):
        return order, NO_ROWS
    expires = None if view.expires is None else view.expires[order]
    left_out = forgetting.forgettable(series[order], times[order], expires, older)
    return (order, NO_ROWS) if left_out is None else (order[~left_out], order[left_out])


def _undeleted(
    view: RecentView, order: NDArray[np.uint32], metric_ids: MetricIds, deletes: Deletes
) -> NDArray[np.uint32]:
    present = np.flatnonzero(np.bincount(view.series[: view.length])).astype(np.uint32)
    touching = deletes.touching(want(present, metric_ids), *ALL_TIME)
    return order if touching is None else touching.keep_of_generation(view.number, order, view.series, view.times)


def sealed_row_groups(view: RecentView, order: NDArray[np.uint32]) -> Iterator[Rows]:
    """The rows of a generation with these numbers, each row group in memory by itself."""
    start = 0
    while start < len(order):
        end = min(start + limits.ROW_GROUP_ROWS, len(order))
        if len(view.heap):
            end = cut_by_text_bytes(order, start, end, view.kinds, view.bits, limits.ROW_GROUP_TEXT_BYTES)
        yield view.take(order[start:end])
        start = end


def sorted_winners(view: RecentView, metric_ids: MetricIds) -> NDArray[np.uint32]:
    """uint32 row numbers of the last write of each series and time, by (metric id, ordinal, time). Takes 4 bytes a row
    beside a few for each series."""
    series, times = view.series[: view.length], view.times[: view.length]
    present = np.flatnonzero(np.bincount(series)).astype(np.uint32)
    by_key = np.argsort(sort_keys(present, metric_ids))
    places = np.empty(int(present[-1]) + 1, dtype=np.uint32)
    places[present[by_key]] = np.arange(len(present), dtype=np.uint32)
    starts = np.zeros(len(present) + 1, dtype=np.int64)
    count_places(series, places, 0, starts[1:])
    np.cumsum(starts, out=starts)
    order = np.empty(view.length, dtype=np.uint32)
    group_rows(series, places, 0, starts[:-1].copy(), order)
    scratch = np.empty(int(np.diff(starts).max()), dtype=np.uint32)
    return order[: keep_winners(order, starts, times, scratch)]
