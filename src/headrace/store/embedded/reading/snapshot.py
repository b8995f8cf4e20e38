"""What one query reads: the segments and generations of one moment, and the names that were known then."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from headrace import limits
from headrace.model.series import UNKNOWN, CommonTags, SeriesName, SeriesTable, common_tags
from headrace.model.time import ALL_TIME, TimeRange
from headrace.store import Check, Columns, Done, Item, Moment, Piece, Snapshot, TagCondition
from headrace.store.embedded.reading.helpers import Helpers
from headrace.store.embedded.reading.last import last
from headrace.store.embedded.reading.pieces import cut
from headrace.store.embedded.reading.selection import select
from headrace.store.embedded.reading.visible import Pinned
from headrace.store.embedded.segments.making.retention import Retention
from headrace.store.embedded.series.index import SeriesIndex
from headrace.store.query_memory import QueryAccount
from headrace.store.rows import want

INDEXED_GROUP_SERIES = 32
"""From so many series on, what their tags have in common is found sooner by columns than name by name."""


class EmbeddedSnapshot:
    """See store.Snapshot. Made by EmbeddedStore.snapshot, which unpins it."""

    def __init__(
        self,
        pinned: Pinned,
        index: SeriesIndex,
        table: SeriesTable,
        retention: Retention,
        now_ms: int,
        check: Check,
        memory: QueryAccount,
        helpers: Helpers,
    ) -> None:
        """now_ms: what has expired or is out of retention by then is not seen."""
        self.check = check
        self.memory = memory
        self._pinned = pinned
        self._index = index
        self._table = table
        self._retention = retention
        self._now_ms = now_ms
        self._helpers = helpers

    @property
    def moment(self) -> Moment:
        """When it was taken."""
        newest = self._pinned.generations[-1]
        return Moment(newest.number, len(newest))

    def without_points(self, series: NDArray[np.uint32]) -> NDArray[np.uint32]:
        """See store.Store."""
        kept = series[self._retention.oldest_ms(series, self._now_ms) <= ALL_TIME.start_ms]
        # As before all time, when nothing had expired yet: the clock may be wrong.
        ageless = self._with(self.check, self.memory, ALL_TIME.start_ms)
        return np.setdiff1d(kept, ageless.last(kept, ALL_TIME.end_ms).series)

    def find(
        self,
        metric: str,
        conditions: Mapping[str, Sequence[TagCondition]],
        absent: Collection[str] = (),
        exact: bool = False,
    ) -> NDArray[np.uint32]:
        """See store.Snapshot."""
        hidden = self._pinned.hidden
        if hidden and not len(hidden.visible(self._index.find(metric, {}))):
            raise KeyError(metric)
        return hidden.visible(self._index.find(metric, conditions, absent, exact))

    def find_everywhere(
        self, metrics: TagCondition, conditions: Mapping[str, Sequence[TagCondition]], values: Collection[str] = ()
    ) -> NDArray[np.uint32]:
        """See store.Snapshot."""
        return self._pinned.hidden.visible(self._index.find_everywhere(metrics, conditions, values))

    def tag_ids(self, series: NDArray[np.uint32], key: str) -> NDArray[np.uint32]:
        """See store.Snapshot."""
        return self._index.tag_ids(series, key)

    def tag_values(self, series: NDArray[np.uint32], key: str) -> NDArray[np.object_]:
        """See store.Snapshot."""
        return self._index.tag_values(series, key)

    def common_tags(self, series: NDArray[np.uint32]) -> CommonTags:
        """See store.Snapshot."""
        if len(series) < INDEXED_GROUP_SERIES:
            return common_tags(self.names(series))
        return self._index.common_tags(series)

    def names(self, series: NDArray[np.uint32]) -> list[SeriesName]:
        """See store.Snapshot."""
        return self._table.names(series)

    def keys(self, series: NDArray[np.uint32]) -> NDArray[np.uint64]:
        """See store.Snapshot."""
        return self._table.keys(series)

    def with_keys(self, keys: NDArray[np.uint64]) -> NDArray[np.uint32]:
        """See store.Snapshot."""
        ordinals, _ = self._table.lookup(keys)
        ordinals[(ordinals >= len(self._index)) | self._pinned.hidden.holds(ordinals)] = UNKNOWN
        return ordinals

    def select(self, series: NDArray[np.uint32], start_ms: int, end_ms: int) -> Columns:
        """See store.Snapshot."""
        return self._select(series, start_ms, end_ms, limits.QUERY_POINTS_MAX)

    def pieces(self, series: NDArray[np.uint32], start_ms: int, end_ms: int) -> list[Piece]:
        """See store.Snapshot."""
        wanted = want(series, self._index.metric_ids)
        return cut(self._pinned.segments, self._pinned.generations, wanted, start_ms, end_ms)

    def each(self, items: Sequence[Item], work: Callable[[Snapshot, Item], Done]) -> list[Done]:
        """See store.Snapshot."""
        with self.memory.parts(len(items)) as accounts:

            def of_item(number: int, check: Check) -> Done:
                return work(self._with(check, accounts[number], self._now_ms), items[number])

            return self._helpers.each(range(len(items)), of_item, self.check)

    def _with(self, check: Check, memory: QueryAccount, now_ms: int) -> EmbeddedSnapshot:
        return EmbeddedSnapshot(
            self._pinned, self._index, self._table, self._retention, now_ms, check, memory, self._helpers
        )

    def last(self, series: NDArray[np.uint32], before_ms: int) -> Columns:
        """See store.Snapshot."""

        def few(series: NDArray[np.uint32], start_ms: int, end_ms: int) -> Columns:
            return self._select(series, start_ms, end_ms, limits.LAST_POINTS_MAX)

        with self.memory.scratch():
            columns = last(few, series, before_ms, self._held, self._now_ms)
        self.memory.hold(columns.nbytes)
        return columns

    @cached_property
    def _held(self) -> TimeRange | None:
        """The times of the earliest and the latest point anywhere, None when there is none."""
        spans = [(segment.meta.min_time, segment.meta.max_time) for segment in self._pinned.segments]
        for generation in self._pinned.generations:
            if len(generation):
                times = generation.times[: len(generation)]
                spans.append((int(times.min()), int(times.max())))
        return TimeRange(min(span[0] for span in spans), max(span[1] for span in spans)) if spans else None

    def _select(self, series: NDArray[np.uint32], start_ms: int, end_ms: int, points_max: int) -> Columns:
        oldest_ms = None
        if start_ms < self._retention.latest_cut_ms(self._now_ms):
            oldest_ms = self._retention.oldest_ms(series, self._now_ms)
        with self.memory.scratch():
            columns = select(
                self._pinned.segments,
                self._pinned.generations,
                want(series, self._index.metric_ids),
                start_ms,
                end_ms,
                self._now_ms,
                points_max,
                self.check,
                self._pinned.deletes,
                oldest_ms,
                self.memory.hold,
            )
        self.memory.hold(columns.nbytes)
        return columns
