"""What one query reads: the segments and generations of one moment, and the names that were known then."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from headrace import limits
from headrace.model.series import SeriesName, SeriesTable
from headrace.store import Columns, TagCondition
from headrace.store.rows import want
from headrace.store.selection import select
from headrace.store.series_index import SeriesIndex
from headrace.store.visible import Pinned


class EmbeddedSnapshot:
    """See store.Snapshot. Made by EmbeddedStore.snapshot, which unpins it."""

    def __init__(self, pinned: Pinned, index: SeriesIndex, table: SeriesTable) -> None:
        self._pinned = pinned
        self._index = index
        self._table = table
        self._now_ms = time.time_ns() // 1_000_000

    def find(self, metric: str, conditions: Mapping[str, Sequence[TagCondition]]) -> NDArray[np.uint32]:
        """See store.Snapshot."""
        return self._index.find(metric, conditions)

    def tag_values(self, series: NDArray[np.uint32], key: str) -> NDArray[np.object_]:
        """See store.Snapshot."""
        return self._index.tag_values(series, key)

    def names(self, series: NDArray[np.uint32]) -> list[SeriesName]:
        """See store.Snapshot."""
        return self._table.names(series)

    def select(self, series: NDArray[np.uint32], start_ms: int, end_ms: int) -> Columns:
        """See store.Snapshot."""
        return select(
            self._pinned.segments,
            self._pinned.generations,
            want(series, self._index.metric_ids),
            start_ms,
            end_ms,
            self._now_ms,
            limits.QUERY_POINTS_MAX,
        )
