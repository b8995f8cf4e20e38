"""Which visible series has which metric and tags, in arrays: no Python object per series."""

from __future__ import annotations

import threading
from collections.abc import Collection, Mapping, Sequence
from typing import TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from headrace.kernels.hashing import PADDING
from headrace.kernels.series import index as kernel
from headrace.model.query import OneOf
from headrace.model.series import CommonTags, NewSeries
from headrace.store import TagCondition
from headrace.store.embedded.series.symbols import Symbols

_T = TypeVar("_T", bound=np.generic)

CAPACITY_AT_FIRST = 1024

CHUNK_SERIES = 16_384
"""Added in one step. Room is made for as many new symbols as there are parts, far more than there will be."""

CHUNK_BYTES = 16 * 1024 * 1024
"""Names added in one step: it copies them, and asks for room for as many bytes of symbols."""


class SeriesIndex:
    """The writer adds what a commit has made durable; any thread looks up. What is indexed never changes."""

    def __init__(self, secret: NDArray[np.uint64]) -> None:
        """secret: uint64[hashing.SECRET_WORDS]."""
        self._secret = secret
        self._lock = threading.Lock()
        self._metrics = Symbols(secret)
        self._keys = Symbols(secret)
        self._values = Symbols(secret)
        self._metric_ids = np.zeros(CAPACITY_AT_FIRST, dtype=np.uint32)
        self._earlier = np.zeros(CAPACITY_AT_FIRST, dtype=np.uint32)
        self._pair_ends = np.zeros(CAPACITY_AT_FIRST, dtype=np.int64)
        self._pair_keys = np.zeros(CAPACITY_AT_FIRST, dtype=np.uint32)
        self._pair_values = np.zeros(CAPACITY_AT_FIRST, dtype=np.uint32)
        self._latest = np.zeros(CAPACITY_AT_FIRST, dtype=np.uint32)
        self._count = 0

    def __len__(self) -> int:
        return self._count

    @property
    def nbytes(self) -> int:
        """Bytes of memory held."""
        arrays = (self._metric_ids, self._earlier, self._pair_ends, self._pair_keys, self._pair_values, self._latest)
        tables = (self._metrics, self._keys, self._values)
        return sum(array.nbytes for array in arrays) + sum(table.nbytes for table in tables)

    def add(self, series: NewSeries) -> None:
        """Index series that follow those indexed already; those that are indexed already are passed over.

        On return every lookup sees them. Writer only.
        """
        known = self._count - series.first
        assert known >= 0, "series come in the order of their ordinals"
        for chunk in series.cut(CHUNK_SERIES, CHUNK_BYTES, known):
            self._add_chunk(chunk.lengths.copy(), chunk.heap)

    def _add_chunk(self, lengths: NDArray[np.uint32], heap: NDArray[np.uint8]) -> None:
        size = len(heap)
        names = np.zeros(size + PADDING, dtype=np.uint8)
        names[:size] = heap
        with self._lock:
            self._reserve(len(lengths), kernel.count_parts(names, size), size)
            counts = np.array([self._metrics.count, self._keys.count, self._values.count], dtype=np.int64)
            kernel.add_names(
                names,
                lengths,
                self._count,
                counts,
                self._metric_ids,
                self._earlier,
                self._pair_ends,
                self._pair_keys,
                self._pair_values,
                self._latest,
                *(self._metrics.slots, self._metrics.ends, self._metrics.heap),
                *(self._keys.slots, self._keys.ends, self._keys.heap),
                *(self._values.slots, self._values.ends, self._values.heap),
                self._secret,
            )
            self._metrics.count, self._keys.count, self._values.count = counts.tolist()
            self._count += len(lengths)

    def find(
        self,
        metric: str,
        conditions: Mapping[str, Sequence[TagCondition]],
        absent: Collection[str] = (),
        exact: bool = False,
    ) -> NDArray[np.uint32]:
        """See store.Snapshot.find."""
        series = self._narrowed(self._of_metric(metric), conditions)
        for key in absent:
            series = series[self.tag_ids(series, key) == kernel.NO_SERIES]
        return series[self._tag_counts(series) == len(conditions)] if exact else series

    def find_everywhere(
        self, metrics: TagCondition, conditions: Mapping[str, Sequence[TagCondition]], values: Collection[str]
    ) -> NDArray[np.uint32]:
        """See store.Snapshot.find_everywhere."""
        with self._lock:
            count, texts = self._count, self._metrics.texts()
            ends, pair_values = self._pair_ends[:count], self._pair_values
            wanted = self._values.find_each(values)
        # A tag leaves fewer to look at than a metric's name does.
        series = self._narrowed(np.arange(count, dtype=np.uint32), conditions)
        if len(wanted):
            rows = np.flatnonzero(np.isin(pair_values[: ends[-1] if count else 0], wanted))
            series = np.intersect1d(series, np.searchsorted(ends, rows, side="right").astype(np.uint32))
        return series[metrics(texts)[self._metric_ids[series]]]

    def _narrowed(
        self, series: NDArray[np.uint32], conditions: Mapping[str, Sequence[TagCondition]]
    ) -> NDArray[np.uint32]:
        """Those that have every tag key with a value that all its conditions match."""
        for key, tag_conditions in conditions.items():
            ids = self.tag_ids(series, key)
            kept = np.empty(len(series), dtype=np.uint32)
            series = kept[: kernel.keep_wanted(series, ids, self._wanted(ids, tag_conditions), kept)]
        return series

    def tag_ids(self, series: NDArray[np.uint32], key: str) -> NDArray[np.uint32]:
        """See store.Snapshot.tag_ids."""
        with self._lock:
            symbol = self._keys.find(key)
            pairs = (self._pair_ends, self._pair_keys, self._pair_values)
        found = np.empty(len(series), dtype=np.uint32)
        kernel.value_ids(series, symbol, *pairs, found)
        return found

    def tag_values(self, series: NDArray[np.uint32], key: str) -> NDArray[np.object_]:
        """See store.Snapshot.tag_values."""
        ids = self.tag_ids(series, key)
        seen = self._seen(ids)
        strings = _as_objects(self._value_texts().take(pa.array(np.flatnonzero(seen))))
        rank = np.cumsum(seen) - 1
        found = np.full(len(series), None, dtype=object)
        present = np.flatnonzero(ids != kernel.NO_SERIES)
        found[present] = strings[rank[ids[present]]]
        return found

    def common_tags(self, series: NDArray[np.uint32]) -> CommonTags:
        """See store.Snapshot.common_tags."""
        with self._lock:
            key_texts, value_texts = self._keys.texts(), self._values.texts()
        counts = self._tag_counts(series)
        rows = np.repeat(self._pair_ends[series] - np.cumsum(counts), counts) + np.arange(counts.sum())
        keys, values = self._pair_keys[rows], self._pair_values[rows]
        least = np.full(len(key_texts), kernel.NO_SERIES, dtype=np.uint32)
        most = np.zeros(len(key_texts), dtype=np.uint32)
        np.minimum.at(least, keys, values)
        np.maximum.at(most, keys, values)
        agreeing = np.flatnonzero(least == most)
        names = key_texts.take(pa.array(agreeing)).to_pylist()
        texts = value_texts.take(pa.array(least[agreeing])).to_pylist()
        differing = key_texts.take(pa.array(np.flatnonzero(least < most))).to_pylist()
        return CommonTags(dict(sorted(zip(names, texts, strict=True))), sorted(differing))

    def suggest(self, role: str, prefix: str, limit: int) -> list[str]:
        """See store.Store.suggest."""
        symbols = {"metrics": self._metrics, "tagk": self._keys, "tagv": self._values}[role]
        with self._lock:
            texts = symbols.texts()
        # Outside the lock: the writer needs it, and a million names take some 20 ms. The empty text stands for names
        # that were lost with their record.
        matching = texts.filter(pc.and_(pc.starts_with(texts, prefix), pc.not_equal(texts, "")))
        found: list[str] = matching.take(_first_in_order(matching, limit)).to_pylist()
        return found

    def metrics_only_of(self, series: NDArray[np.uint32]) -> list[str]:
        """The metrics that have no other series than the given ones."""
        given = np.zeros(self._count, dtype=np.bool_)
        given[series] = True
        of_metric = self._metric_ids[: len(given)]
        all_series = np.bincount(of_metric)
        left = np.bincount(of_metric[~given], minlength=len(all_series))
        names: list[str] = self.metric_names(np.flatnonzero((all_series > 0) & (left == 0))).tolist()
        return names

    @property
    def metric_count(self) -> int:
        """Metric ids are those below."""
        return self._metrics.count

    def metric_names(self, metric_ids: NDArray[np.int64]) -> NDArray[np.object_]:
        """The name (str) of each known metric id."""
        with self._lock:
            texts = self._metrics.texts()
        return _as_objects(texts.take(pa.array(metric_ids)))

    def metric_ids(self, series: NDArray[np.uint32]) -> NDArray[np.uint32]:
        """The metric id of each series: the metric's rank by its first ordinal. It never changes."""
        return self._metric_ids[series]

    def _of_metric(self, metric: str) -> NDArray[np.uint32]:
        with self._lock:
            symbol = self._metrics.find(metric)
            if symbol < 0:
                raise KeyError(metric)
            latest, count, earlier = int(self._latest[symbol]), self._count, self._earlier
        nothing = np.empty(0, dtype=np.uint32)
        found = np.empty(kernel.walk_metric(latest, count, earlier, nothing), dtype=np.uint32)
        kernel.walk_metric(latest, count, earlier, found)
        return found

    def _wanted(self, ids: NDArray[np.uint32], conditions: Sequence[TagCondition]) -> NDArray[np.bool_]:
        """For each value id whether all conditions match the value; of no meaning for those not among `ids`."""
        wanted = self._seen(ids)
        # Those that name their values come first: the others then have fewer to look at.
        for condition in sorted(conditions, key=lambda condition: not isinstance(condition, OneOf)):
            if isinstance(condition, OneOf):
                with self._lock:
                    named = self._values.find_each(condition.values)
                named = named[(named >= 0) & (named < len(wanted))]
                if condition.excluded:
                    wanted[named] = False
                else:
                    chosen = np.zeros(len(wanted), dtype=np.bool_)
                    chosen[named] = wanted[named]
                    wanted = chosen
            else:
                distinct = np.flatnonzero(wanted)
                wanted[distinct] = condition(self._value_texts().take(pa.array(distinct)))
        return wanted

    def _seen(self, ids: NDArray[np.uint32]) -> NDArray[np.bool_]:
        """For each value id whether it is among `ids`."""
        seen = np.zeros(self._values.count, dtype=np.bool_)
        kernel.mark_values(ids, seen)
        return seen

    def _value_texts(self) -> pa.LargeStringArray:
        with self._lock:
            return self._values.texts()

    def _tag_counts(self, series: NDArray[np.uint32]) -> NDArray[np.int64]:
        ends = self._pair_ends[series]
        begins = np.where(series > 0, self._pair_ends[series.astype(np.int64) - 1], 0)
        return ends - begins

    def _reserve(self, series: int, parts: int, size: int) -> None:
        """Room for so many series more with `parts` parts of `size` bytes in all. Readers keep the arrays they have."""
        for symbols, most in ((self._metrics, series), (self._keys, parts), (self._values, parts)):
            symbols.reserve(min(most, parts + series), size)
        self._metric_ids = _longer(self._metric_ids, self._count, series)
        self._earlier = _longer(self._earlier, self._count, series)
        self._pair_ends = _longer(self._pair_ends, self._count, series)
        pairs = int(self._pair_ends[self._count - 1]) if self._count else 0
        self._pair_keys = _longer(self._pair_keys, pairs, parts)
        self._pair_values = _longer(self._pair_values, pairs, parts)
        self._latest = _longer(self._latest, self._metrics.count, series)


def _longer(array: NDArray[_T], used: int, more: int) -> NDArray[_T]:
    if used + more <= len(array):
        return array
    longer = np.zeros(max(2 * len(array), used + more), dtype=array.dtype)
    longer[:used] = array[:used]
    return longer


def _as_objects(texts: pa.LargeStringArray) -> NDArray[np.object_]:
    objects: NDArray[np.object_] = texts.to_numpy(zero_copy_only=False)
    return objects


def _first_in_order(texts: pa.LargeStringArray, limit: int) -> pa.Array:
    """Where the first `limit` texts in the order of their code points are, which is that of their bytes."""
    if limit >= len(texts):
        return pc.sort_indices(texts)
    return pc.select_k_unstable(pa.table({"text": texts}), limit, [("text", "ascending")])
