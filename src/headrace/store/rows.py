"""What a query asks of one source, and the rows that a source gives back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from headrace.errors import Refused
from headrace.kernels.storing.merge import count_places, place_column, place_rows
from headrace.kernels.storing.rows import NOT_WANTED
from headrace.kernels.storing.texts import rebase_texts
from headrace.model.arrivals import NO_ARRIVAL
from headrace.model.points import NEVER, Values, join_optional
from headrace.scratch import SCRATCH
from headrace.store.query_memory import Hold, uncounted

PLACED_ROW_BYTES = 8 + 1 + 8
"""A time, a kind and its bits: of Placed, beside what is optional."""

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


@dataclass(frozen=True, slots=True)
class Placed:
    """n rows by the places of their series in a query, those of one place as late as they were written.

    starts: int64[k + 1], rows starts[p]..starts[p + 1] are of place p.   The others as in Rows.
    """

    starts: NDArray[np.int64]
    times: NDArray[np.int64]
    values: Values
    expires: NDArray[np.int64] | None
    arrivals: NDArray[np.int64] | None

    def __len__(self) -> int:
        return len(self.times)


class Collector:
    """Gathers the rows that several sources give, up to a limit."""

    def __init__(self, points_max: int, hold: Hold = uncounted) -> None:
        """hold: counts the bytes that are gathered."""
        self.points_max = points_max
        self._hold = hold
        self._length = 0
        self._parts: list[Rows] = []

    def add(self, rows: Rows) -> None:
        """Rows written later than those added before. Raises Refused (rule "query-points") above the limit."""
        self._length += len(rows)
        if self._length > self.points_max:
            raise too_many_points(self.points_max)
        self._hold(rows.nbytes)
        self._parts.append(rows)

    def take(self) -> Rows:
        """All of them in the order they were added, their texts in one heap. Nothing may be added after."""
        parts = self._parts
        self._hold((4 + PLACED_ROW_BYTES) * self._length)
        heap = self._one_heap()
        lengths = list(map(len, parts))
        expires = join_optional([part.expires for part in parts], lengths, NEVER)
        arrivals = join_optional([part.arrivals for part in parts], lengths, NO_ARRIVAL)
        return Rows(
            _joined([part.series for part in parts], np.uint32),
            _joined([part.times for part in parts], np.int64),
            Values(
                _joined([part.values.kinds for part in parts], np.uint8),
                _joined([part.values.bits for part in parts], np.int64),
                heap,
            ),
            expires,
            arrivals,
        )

    def take_placed(self, wanted: Wanted) -> Placed:
        """As `take`, by place: each row is copied once, to where it belongs. All must be of wanted series."""
        optional = [any(part.expires is not None for part in self._parts)]
        optional.append(any(part.arrivals is not None for part in self._parts))
        self._hold((PLACED_ROW_BYTES + 8 * sum(optional)) * self._length)
        heap = self._one_heap()
        starts = np.zeros(len(wanted) + 1, dtype=np.int64)
        for part in self._parts:
            count_places(part.series, wanted.places, wanted.lowest, starts[1:])
        np.cumsum(starts, out=starts)
        times = SCRATCH.empty(self._length, np.int64)
        kinds = SCRATCH.empty(self._length, np.uint8)
        bits = SCRATCH.empty(self._length, np.int64)
        next_at = starts[:-1].copy()
        for part in self._parts:
            columns = (part.times, part.values.kinds, part.values.bits)
            place_rows(part.series, wanted.places, wanted.lowest, next_at, *columns, times, kinds, bits)
        expires = self._placed_optional([part.expires for part in self._parts], NEVER, wanted, starts)
        arrivals = self._placed_optional([part.arrivals for part in self._parts], NO_ARRIVAL, wanted, starts)
        self._parts.clear()
        return Placed(starts, times, Values(kinds, bits, heap), expires, arrivals)

    def _placed_optional(
        self, columns: list[NDArray[np.int64] | None], absent: int, wanted: Wanted, starts: NDArray[np.int64]
    ) -> NDArray[np.int64] | None:
        if all(column is None for column in columns):
            return None
        out = np.empty(self._length, dtype=np.int64)
        next_at = starts[:-1].copy()
        for part, column in zip(self._parts, columns, strict=True):
            there = np.full(len(part), absent, dtype=np.int64) if column is None else column
            place_column(part.series, wanted.places, wanted.lowest, next_at, there, out)
        return out

    def _one_heap(self) -> bytes:
        """The texts of all, which are moved to where they stand in it."""
        self._hold(sum(len(part.values.heap) for part in self._parts))
        before = 0
        for part in self._parts:
            heap = part.values.heap
            if before and heap:
                rebase_texts(part.values.kinds, part.values.bits, before)
            before += len(heap)
        return b"".join([part.values.heap for part in self._parts])


Number = TypeVar("Number", bound=np.generic)


def _joined(parts: list[NDArray[Number]], dtype: type[Number]) -> NDArray[Number]:
    """One array of all parts; never a view of what may not be written."""
    if len(parts) == 1 and parts[0].flags.writeable:
        return parts[0]
    return np.concatenate([np.empty(0, dtype), *parts])


def too_many_points(points_max: int) -> Refused:
    """The refusal of a query that finds more rows than may be held in memory."""
    return Refused("query-points", f"more than {points_max} points; ask for fewer series or a shorter time")
