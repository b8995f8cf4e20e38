"""What a seal writes: the winners of a generation of recent, sorted, as row groups of a segment."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from headrace import limits
from headrace.kernels.merge import count_places, group_rows, keep_winners
from headrace.kernels.texts import cut_by_text_bytes
from headrace.store.recent import RecentView
from headrace.store.rows import MetricIds, Rows, sort_keys


def sealed_row_groups(view: RecentView, metric_ids: MetricIds) -> Iterator[Rows]:
    """The winners of a frozen, non-empty generation by (metric id, ordinal, time), each row group in memory by itself.

    Winners that have expired are there too: each may hide an older write in another segment.
    """
    order = sorted_winners(view, metric_ids)
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
    count_places(series, places, 0, starts)
    order = np.empty(view.length, dtype=np.uint32)
    group_rows(series, places, 0, starts[:-1].copy(), order)
    scratch = np.empty(int(np.diff(starts).max()), dtype=np.uint32)
    return order[: keep_winners(order, starts, times, scratch)]
