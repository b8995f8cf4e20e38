"""Which visible series has which metric and tags, in arrays: no Python object per series."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from headrace.kernels import series_index as kernel
from headrace.kernels.hashing import PADDING
from headrace.model.series import NewSeries
from headrace.store import TagCondition
from headrace.store.symbols import Symbols

_T = TypeVar("_T", bound=np.generic)

CAPACITY_AT_FIRST = 1024

CHUNK_SERIES = 16_384
"""Added in one step. Room is made for as many new symbols as there are parts, far more than there will be."""


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
        ends = np.cumsum(series.lengths, dtype=np.int64)
        for first in range(known, len(series), CHUNK_SERIES):
            end = min(first + CHUNK_SERIES, len(series))
            begin_byte = int(ends[first - 1]) if first else 0
            self._add_chunk(series.lengths[first:end].copy(), series.heap[begin_byte : int(ends[end - 1])])

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

    def find(self, metric: str, conditions: Mapping[str, Sequence[TagCondition]]) -> NDArray[np.uint32]:
        """See store.Snapshot.find."""
        series = self._of_metric(metric)
        for key, tag_conditions in conditions.items():
            ids = self._value_ids(series, key)
            distinct, strings = self._distinct_values(ids)
            matches = np.ones(len(distinct), dtype=np.bool_)
            for condition in tag_conditions:
                matches &= condition(strings)
            wanted = np.zeros(int(distinct.max(initial=-1)) + 1, dtype=np.bool_)
            wanted[distinct[matches]] = True
            present = np.flatnonzero(ids != kernel.NO_SERIES)
            series = series[present[wanted[ids[present]]]]
        return series

    def tag_values(self, series: NDArray[np.uint32], key: str) -> NDArray[np.object_]:
        """See store.Snapshot.tag_values."""
        ids = self._value_ids(series, key)
        distinct, strings = self._distinct_values(ids)
        found = np.full(len(series), None, dtype=object)
        present = np.flatnonzero(ids != kernel.NO_SERIES)
        found[present] = strings[np.searchsorted(distinct, ids[present])]
        return found

    def suggest(self, role: str, prefix: str, limit: int) -> list[str]:
        """See store.Store.suggest."""
        symbols = {"metrics": self._metrics, "tagk": self._keys, "tagv": self._values}[role]
        with self._lock:
            return symbols.with_prefix(prefix, limit)

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

    def _value_ids(self, series: NDArray[np.uint32], key: str) -> NDArray[np.uint32]:
        with self._lock:
            symbol = self._keys.find(key)
            pairs = (self._pair_ends, self._pair_keys, self._pair_values)
        found = np.empty(len(series), dtype=np.uint32)
        kernel.value_ids(series, symbol, *pairs, found)
        return found

    def _distinct_values(self, ids: NDArray[np.uint32]) -> tuple[NDArray[np.int64], NDArray[np.object_]]:
        """The distinct value ids among `ids`, ascending, and their strings."""
        present = ids[ids != kernel.NO_SERIES]
        seen = np.zeros(int(present.max(initial=0)) + 1, dtype=np.bool_)
        seen[present] = True
        distinct = np.flatnonzero(seen)
        return distinct, self._values.texts(distinct)

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
