"""What a query asks of one source, and the rows that a source gives back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from headrace.errors import Refused
from headrace.kernels.rows import NOT_WANTED
from headrace.kernels.texts import rebase_texts
from headrace.model.arrivals import NO_ARRIVAL
from headrace.model.points import NEVER, Values, join_optional
from headrace.store.query_memory import Hold, uncounted

MetricIds = Callable[[NDArray[np.uint32]], NDArray[np.uint32]]
"""The metric id (uint32) of each given ordinal. An id must never change, as segments are sorted by it. It is the rank
of the metric among all metrics by their first ordinal, so it can be had again from the series files alone."""


def sort_keys(ordinals: NDArray[np.uint32], metric_ids: MetricIds) -> NDArray[np.uint64]:
    """uint64 per ordinal: metric id << 32 | ordinal, the order of series in every segment."""
    return metric_ids(ordinals).astype(np.uint64) << np.uint64(32) | ordinals


@dataclass(frozen=True, slots=True)
class Wanted:
    """The series a query is about.

    ordinals: uint32[k], distinct, in the order of the answer.   keys: uint64[k], their sort keys, ascending.
    places: uint32, places[ordinal - lowest] is the ordinal's index in `ordinals`, or NOT_WANTED.
    """

    ordinals: NDArray[np.uint32]
    keys: NDArray[np.uint64]
    places: NDArray[np.uint32]
    lowest: int

    def __len__(self) -> int:
        return len(self.ordinals)


def want(ordinals: NDArray[np.uint32], metric_ids: MetricIds) -> Wanted:
    """Prepare a query for these distinct ordinals. Takes 4 bytes per ordinal between the lowest and highest."""
    if not len(ordinals):
        return Wanted(ordinals, np.empty(0, np.uint64), np.empty(0, np.uint32), 0)
    lowest = int(ordinals.min())
    places = np.full(int(ordinals.max()) - lowest + 1, NOT_WANTED, dtype=np.uint32)
    places[ordinals - np.uint32(lowest)] = np.arange(len(ordinals), dtype=np.uint32)
    return Wanted(ordinals, np.sort(sort_keys(ordinals, metric_ids)), places, lowest)


@dataclass(frozen=True, slots=True)
class Rows:
    """n rows of one source, a later one written after an earlier one if they have the same series and time.

    series: uint32[n].   times: int64[n] ms.   values: n values.   expires: int64[n] ms, or None when no row expires.
    arrivals: int64[n] (model.arrivals), or None when no row has one.
    """

    series: NDArray[np.uint32]
    times: NDArray[np.int64]
    values: Values
    expires: NDArray[np.int64] | None
    arrivals: NDArray[np.int64] | None

    def __len__(self) -> int:
        return len(self.times)

    @property
    def nbytes(self) -> int:
        """Bytes of memory that the arrays take."""
        optional = sum(column.nbytes for column in (self.expires, self.arrivals) if column is not None)
        return self.series.nbytes + self.times.nbytes + self.values.nbytes + optional


class Collector:
    """Gathers the rows that several sources give, up to a limit, in columns from the start: when they are joined, only
    one column at a time is in memory twice."""

    def __init__(self, points_max: int, hold: Hold = uncounted) -> None:
        """hold: counts the bytes that are gathered."""
        self.points_max = points_max
        self._hold = hold
        self._length = 0
        self._series: list[NDArray[np.uint32]] = []
        self._times: list[NDArray[np.int64]] = []
        self._kinds: list[NDArray[np.uint8]] = []
        self._bits: list[NDArray[np.int64]] = []
        self._heaps: list[bytes] = []
        self._expires: list[NDArray[np.int64] | None] = []
        self._arrivals: list[NDArray[np.int64] | None] = []

    def add(self, rows: Rows) -> None:
        """Rows written later than those added before. Raises Refused (rule "query-points") above the limit."""
        self._length += len(rows)
        if self._length > self.points_max:
            raise too_many_points(self.points_max)
        self._hold(rows.nbytes)
        self._series.append(rows.series)
        self._times.append(rows.times)
        self._kinds.append(rows.values.kinds)
        self._bits.append(rows.values.bits)
        self._heaps.append(rows.values.heap)
        self._expires.append(rows.expires)
        self._arrivals.append(rows.arrivals)

    def take(self) -> Rows:
        """All of them in the order they were added, their texts in one heap. Nothing may be added after."""
        self._hold(8 * self._length + sum(map(len, self._heaps)))
        self._rebase()
        lengths = list(map(len, self._times))
        expires = join_optional(self._expires, lengths, NEVER)
        arrivals = join_optional(self._arrivals, lengths, NO_ARRIVAL)
        return Rows(
            _joined(self._series, np.uint32),
            _joined(self._times, np.int64),
            Values(_joined(self._kinds, np.uint8), _joined(self._bits, np.int64), b"".join(self._heaps)),
            expires,
            arrivals,
        )

    def _rebase(self) -> None:
        before = 0
        for kinds, bits, heap in zip(self._kinds, self._bits, self._heaps, strict=True):
            if before and heap:
                rebase_texts(kinds, bits, before)
            before += len(heap)


Number = TypeVar("Number", bound=np.generic)


def _joined(parts: list[NDArray[Number]], dtype: type[Number]) -> NDArray[Number]:
    """One array of all parts, which are let go; never a view of what may not be written."""
    own = len(parts) == 1 and parts[0].flags.writeable
    whole = parts[0] if own else np.concatenate([np.empty(0, dtype), *parts])
    parts.clear()
    return whole


def too_many_points(points_max: int) -> Refused:
    """The refusal of a query that finds more rows than may be held in memory."""
    return Refused("query-points", f"more than {points_max} points; ask for fewer series or a shorter time")
