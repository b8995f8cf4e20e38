"""Points on their way through a chain of aggregators: columns of several series, or of the one that they became."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from headrace.kernels.answering.ranges import order_ties
from headrace.kernels.storing.in_time_order import sort_ties, sort_times
from headrace.model.points import Kind, Values
from headrace.model.time import TIME_MS_MAX
from headrace.query.conditions import text_of

GAP: Final = 255
"""In place of a Kind: an empty range, which has a time and no value."""


@dataclass(frozen=True, slots=True)
class Rows:
    """Points of k series as CSR columns.

    starts: int64[k + 1].   times: int64[n] ms, ascending within a series.   values: n values, kinds may be GAP.
    weights: float64[n], what a step has noted of each value for a later one; None: nothing.
    """

    starts: NDArray[np.int64]
    times: NDArray[np.int64]
    values: Values
    weights: NDArray[np.float64] | None = None

    def __len__(self) -> int:
        return len(self.times)

    @classmethod
    def empty(cls) -> Rows:
        """No points."""
        return cls.of_doubles(np.empty(0, dtype=np.int64), np.empty(0))

    @classmethod
    def of_one(cls, times: NDArray[np.int64], values: Values, weights: NDArray[np.float64] | None = None) -> Rows:
        """A single series."""
        return cls(np.array([0, len(times)], dtype=np.int64), times, values, weights)

    @classmethod
    def of_doubles(cls, times: NDArray[np.int64], values: NDArray[np.float64]) -> Rows:
        """A single series of doubles."""
        kinds = np.full(len(values), Kind.DOUBLE, dtype=np.uint8)
        return cls.of_one(times, Values(kinds, np.ascontiguousarray(values).view(np.int64)))

    def doubles(self) -> NDArray[np.float64]:
        """All values, which are numbers, as doubles: float64[n]."""
        integers = self.values.kinds == Kind.INT64
        if not integers.any():
            return self.values.bits.view(np.float64)
        doubles = self.values.bits.astype(np.float64)
        if not integers.all():
            np.copyto(doubles, self.values.bits.view(np.float64), where=~integers)
        return doubles

    def taken(self, rows: NDArray[np.int64] | NDArray[np.bool_] | slice) -> Rows:
        """These rows, ascending in time, as a single series."""
        values = Values(self.values.kinds[rows], self.values.bits[rows], self.values.heap)
        return Rows.of_one(self.times[rows], values, None if self.weights is None else self.weights[rows])

    def merged(self) -> Rows:
        """All series as one, ascending in time; equal times ascending by value (KairosDB: SortingDataPointGroup)."""
        if len(self.starts) <= 2:
            return self
        times, order = _in_time_order(self.times)
        kinds = self.values.kinds
        if len(kinds) and kinds[0] <= Kind.INT64 and (kinds == kinds[0]).all():
            bits = self.values.bits[order]
            sort_ties(times, bool(kinds[0] == Kind.DOUBLE), bits.view(np.uint64))
            return Rows.of_one(times, Values(kinds, bits))
        if (times[1:] == times[:-1]).any():
            order_ties(times, self.ranks(order), order)
        return self.taken(order)

    def ranks(self, rows: NDArray[np.int64]) -> NDArray[np.float64]:
        """Numbers that order the values of `rows` as the values themselves."""
        if len(rows) and self.values.kinds[rows[0]] >= Kind.BOOL:
            texts = np.array([text_of(self.values, row) for row in rows.tolist()], dtype=np.object_)
            return np.unique(texts, return_inverse=True)[1].astype(np.float64)
        return self.doubles()[rows]


def _in_time_order(times: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(int64[n], the times ascending; int64[n], the row of each, those of equal times in their own order)."""
    first = int(times.min(initial=TIME_MS_MAX))
    time_bits = max(int(times.max(initial=first)) - first, 0).bit_length()
    row_bits = len(times).bit_length()
    if time_bits + row_bits > 64:
        order = np.argsort(times, kind="stable")
        return times[order], order
    rows, scratch = np.empty(len(times), dtype=np.uint64), np.empty(len(times), dtype=np.uint64)
    ascending = scratch.view(np.int64)
    sort_times(times, first, row_bits, time_bits, rows, scratch, ascending)
    return ascending, rows.view(np.int64)
