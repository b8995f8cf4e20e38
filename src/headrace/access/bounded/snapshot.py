"""What a question finds that may not see all metrics."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from headrace.access.bounded.patterns import Patterns
from headrace.model.series import UNKNOWN, CommonTags, Registry, SeriesName
from headrace.store import Check, Columns, Done, Item, Piece, Snapshot, TagCondition
from headrace.store.query_memory import QueryAccount


class BoundedSnapshot:
    """See store.Snapshot. Series of other metrics are not found, by name nor by key, and all else is asked of series
    that were found."""

    def __init__(self, snapshot: Snapshot, sees: Patterns, table: Registry) -> None:
        """sees: the metrics that are there.   table: the database's."""
        self.check: Check = snapshot.check
        self.memory: QueryAccount = snapshot.memory
        self._snapshot = snapshot
        self._sees = sees
        self._table = table

    def find(
        self,
        metric: str,
        conditions: Mapping[str, Sequence[TagCondition]],
        absent: Collection[str] = (),
        exact: bool = False,
    ) -> NDArray[np.uint32]:
        """See Snapshot."""
        if not self._sees.cover(metric):
            raise KeyError(metric)
        return self._snapshot.find(metric, conditions, absent, exact)

    def find_everywhere(
        self, metrics: TagCondition, conditions: Mapping[str, Sequence[TagCondition]], values: Collection[str] = ()
    ) -> NDArray[np.uint32]:
        """See Snapshot."""

        def seen(distinct: pa.Array) -> NDArray[np.bool_]:
            return metrics(distinct) & self._sees.matching(distinct)

        return self._snapshot.find_everywhere(seen, conditions, values)

    def with_keys(self, keys: NDArray[np.uint64]) -> NDArray[np.uint32]:
        """See Snapshot."""
        found = self._snapshot.with_keys(keys)
        known = np.flatnonzero(found != UNKNOWN)
        found[known[~self._sees.covering(found[known], self._table)]] = UNKNOWN
        return found

    def tag_ids(self, series: NDArray[np.uint32], key: str) -> NDArray[np.uint32]:
        """See Snapshot."""
        return self._snapshot.tag_ids(series, key)

    def tag_values(self, series: NDArray[np.uint32], key: str) -> NDArray[np.object_]:
        """See Snapshot."""
        return self._snapshot.tag_values(series, key)

    def common_tags(self, series: NDArray[np.uint32]) -> CommonTags:
        """See Snapshot."""
        return self._snapshot.common_tags(series)

    def names(self, series: NDArray[np.uint32]) -> list[SeriesName]:
        """See Snapshot."""
        return self._snapshot.names(series)

    def keys(self, series: NDArray[np.uint32]) -> NDArray[np.uint64]:
        """See Snapshot."""
        return self._snapshot.keys(series)

    def last(self, series: NDArray[np.uint32], before_ms: int) -> Columns:
        """See Snapshot."""
        return self._snapshot.last(series, before_ms)

    def select(self, series: NDArray[np.uint32], start_ms: int, end_ms: int) -> Columns:
        """See Snapshot."""
        return self._snapshot.select(series, start_ms, end_ms)

    def pieces(self, series: NDArray[np.uint32], start_ms: int, end_ms: int) -> list[Piece]:
        """See Snapshot."""
        return self._snapshot.pieces(series, start_ms, end_ms)

    def each(self, items: Sequence[Item], work: Callable[[Snapshot, Item], Done]) -> list[Done]:
        """See Snapshot."""

        def bounded(snapshot: Snapshot, item: Item) -> Done:
            return work(BoundedSnapshot(snapshot, self._sees, self._table), item)

        return self._snapshot.each(items, bounded)

    def suggest(self, role: str, prefix: str, limit: int) -> list[str]:
        """See store.Store, for the tags of the series that are seen."""
        series = self._snapshot.find_everywhere(self._sees.matching, {})
        tags = self._snapshot.common_tags(series) if len(series) else CommonTags({}, [])
        names = {*tags.tags, *tags.differing}
        if role == "tagv":
            names = {value for key in names for value in set(self._snapshot.tag_values(series, key)) - {None}}
        return sorted(name for name in names if name.startswith(prefix))[:limit]
