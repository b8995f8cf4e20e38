"""Numbers of many series, and their aggregation into one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from headrace.errors import Refused
from headrace.kernels.answering.aggregate import (
    ABSENT,
    PREVIOUS,
    ZERO,
    count_given,
    fold,
    fold_deviations,
    gather,
    union_of_times,
)
from headrace.kernels.answering.reductions import COUNT, DEV, DIFF, MEDIAN, PRODUCT, medians, reduce_runs
from headrace.limits import QUERY_STEPS_MAX
from headrace.model.points import Kind, Values
from headrace.query.buckets import check_points
from headrace.query.functions import Aggregator, Function, in_doubles
from headrace.store.query_memory import Hold, uncounted

SCRATCH_POINT_BYTES = 8 + 8 + 8 + 8 + 1
"""Of `aggregate`: the union of times, counts, doubles, and what it gives, if no two series share a time."""

GATHERED_VALUE_BYTES = 8 + 8
"""Of a function that must see all values of a moment at once: the value, as it is and as a double."""


@dataclass(frozen=True, slots=True)
class Numbers:
    """Points of k series as CSR columns, all of them numbers.

    starts: int64[k + 1].   times: int64[n] ms, ascending within a series.   kinds: uint8[n], Kind.DOUBLE or Kind.INT64.
    bits: int64[n], as in model.points.Values.
    """

    starts: NDArray[np.int64]
    times: NDArray[np.int64]
    kinds: NDArray[np.uint8]
    bits: NDArray[np.int64]

    @classmethod
    def of_doubles(cls, starts: NDArray[np.int64], times: NDArray[np.int64], values: NDArray[np.float64]) -> Numbers:
        """Columns whose values are doubles all."""
        return cls(starts, times, np.full(len(values), Kind.DOUBLE, dtype=np.uint8), values.view(np.int64))

    @classmethod
    def none(cls) -> Numbers:
        """No series."""
        return cls.of_doubles(np.zeros(1, dtype=np.int64), np.empty(0, dtype=np.int64), np.empty(0))

    @classmethod
    def side_by_side(cls, parts: Sequence[Numbers]) -> Numbers:
        """The series of all parts."""
        ends = np.cumsum([len(part.times) for part in parts])
        starts = [part.starts[1:] + end - len(part.times) for part, end in zip(parts, ends, strict=True)]
        return cls(np.concatenate([np.zeros(1, dtype=np.int64), *starts]), *_columns(parts))

    @classmethod
    def one_after_another(cls, parts: Sequence[Numbers]) -> Numbers:
        """One series, of which each part has a later stretch."""
        times, kinds, bits = _columns(parts)
        return cls(np.array([0, len(times)], dtype=np.int64), times, kinds, bits)

    @property
    def nbytes(self) -> int:
        """Bytes of memory that the arrays take."""
        return self.starts.nbytes + self.times.nbytes + self.kinds.nbytes + self.bits.nbytes

    def reordered(self, order: NDArray[np.int64]) -> Numbers:
        """The series in another order: order[i] is the one that comes as number i."""
        if bool(np.all(order[1:] > order[:-1])):
            return self
        lengths = np.diff(self.starts)[order]
        starts = np.insert(np.cumsum(lengths), 0, 0)
        rows = np.repeat(self.starts[:-1][order] - starts[:-1], lengths) + np.arange(starts[-1])
        return Numbers(starts, self.times[rows], self.kinds[rows], self.bits[rows])

    def of_series(self, first: int, end: int) -> Numbers:
        """The series first..end alone (views)."""
        rows = slice(int(self.starts[first]), int(self.starts[end]))
        return Numbers(
            self.starts[first : end + 1] - self.starts[first], self.times[rows], self.kinds[rows], self.bits[rows]
        )

    def doubles(self) -> NDArray[np.float64]:
        """All values as doubles, float64[n]."""
        integers = self.kinds == Kind.INT64
        if not integers.any():
            return self.bits.view(np.float64)
        return np.where(integers, self.bits.astype(np.float64), self.bits.view(np.float64))


def _columns(parts: Sequence[Numbers]) -> tuple[NDArray[np.int64], NDArray[np.uint8], NDArray[np.int64]]:
    return (
        np.concatenate([part.times for part in parts]),
        np.concatenate([part.kinds for part in parts]),
        np.concatenate([part.bits for part in parts]),
    )


def aggregate(
    group: Numbers, aggregator: Aggregator, rate: bool, hold: Hold = uncounted
) -> tuple[NDArray[np.int64], Values]:
    """The one series that the aggregator makes of the group: times and values.

    rate: the values are rates, which are not drawn along a line (OpenTSDB: AggregationIterator). A single series is
    its own aggregate, each value with its kind, where the function makes a value of itself. Else integers stay
    integers when all are; where 64 bits overflow, the group is computed in doubles. Raises Refused, rules
    "query-work" and "query-points".   hold: counts the bytes that this takes.
    """
    if len(group.starts) == 2 and aggregator.function.itself:
        return group.times, Values(group.kinds, group.bits)
    hold(SCRATCH_POINT_BYTES * len(group.times))
    scratch = np.empty(len(group.starts), dtype=np.int64)
    merged = np.empty(len(group.times), dtype=np.int64)
    union = merged[: union_of_times(group.starts, group.times, scratch, merged)]
    interpolation = PREVIOUS if rate else aggregator.interpolation
    if interpolation == ZERO and aggregator.neutral and not _has_nan(group):
        interpolation = ABSENT
    _check_work(group, union, interpolation)
    function = aggregator.function
    if bool(np.all(group.kinds == Kind.INT64)):
        integers = _in_integers(group, union, function, interpolation, hold)
        if integers is not None:
            return union, Values(np.full(len(union), Kind.INT64, dtype=np.uint8), integers)
    values = _in_doubles(group, union, in_doubles(function), interpolation, hold)
    return union, Values(np.full(len(union), Kind.DOUBLE, dtype=np.uint8), values.view(np.int64))


def _in_integers(
    group: Numbers, union: NDArray[np.int64], function: Function, interpolation: int, hold: Hold
) -> NDArray[np.int64] | None:
    """int64[u], what is no integer cut towards zero; None when 64 bits overflow."""
    out = np.empty(len(union), dtype=np.int64)
    if function.folds:
        firsts = np.empty(len(union) if function.code == DIFF else 0, dtype=np.int64)
        counts = np.empty(len(union), dtype=np.int64)
        fits = fold(function.code, interpolation, group.starts, group.times, group.bits, union, out, firsts, counts)
        return out if fits else None
    starts = _places(group, union, interpolation, hold)
    gathered = np.empty(starts[-1], dtype=np.int64)
    ends = starts[:-1].copy()
    if not gather(interpolation, group.starts, group.times, group.bits, union, ends, gathered):
        return None
    if function.code == MEDIAN:
        medians(gathered, starts, out)
        return out
    values = np.empty(len(union), dtype=np.float64)
    reduce_runs(function.code, function.probability, gathered.astype(np.float64), starts[:-1], ends, values)
    return values.astype(np.int64)


def _in_doubles(
    group: Numbers, union: NDArray[np.int64], function: Function, interpolation: int, hold: Hold
) -> NDArray[np.float64]:
    """float64[u], NaN where only NaN takes part, of which COUNT counts none."""
    values = group.doubles()
    # A moment at which only NaN takes part keeps this.
    out = np.full(len(union), 0.0 if function.code == COUNT else np.nan)
    counts = np.empty(len(union), dtype=np.int64)
    if function.code == DEV:
        means = np.empty(len(union), dtype=np.float64)
        fold_deviations(interpolation, group.starts, group.times, values, union, out, means, counts)
        return out
    if function.folds:
        firsts = np.empty(len(union) if function.code == DIFF else 0, dtype=np.float64)
        fold(function.code, interpolation, group.starts, group.times, values, union, out, firsts, counts)
        if function.code == PRODUCT:
            # Of all functions the one that does not pass over NaN (OpenTSDB: Aggregators.Multiply).
            out[np.searchsorted(union, group.times[np.isnan(values)])] = np.nan
        return out
    starts = _places(group, union, interpolation, hold)
    gathered = np.empty(starts[-1], dtype=np.float64)
    ends = starts[:-1].copy()
    gather(interpolation, group.starts, group.times, values, union, ends, gathered)
    reduce_runs(function.code, function.probability, gathered, starts[:-1], ends, out)
    return out


def _places(group: Numbers, union: NDArray[np.int64], interpolation: int, hold: Hold) -> NDArray[np.int64]:
    """int64[u + 1]: where the values of each moment lie once gathered. Raises Refused for too many."""
    starts = np.empty(len(union) + 1, dtype=np.int64)
    given = count_given(interpolation, group.starts, group.times, union, starts)
    check_points(given)
    hold(GATHERED_VALUE_BYTES * given)
    return starts


def _has_nan(group: Numbers) -> bool:
    return bool(np.isnan(group.bits.view(np.float64)[group.kinds == Kind.DOUBLE]).any())


def _check_work(group: Numbers, union: NDArray[np.int64], interpolation: int) -> None:
    """Raises Refused when the series would have to give more values than limits.QUERY_STEPS_MAX."""
    if interpolation == ABSENT:
        return
    filled = np.flatnonzero(np.diff(group.starts))
    firsts = np.searchsorted(union, group.times[group.starts[filled]])
    lasts = np.searchsorted(union, group.times[group.starts[filled + 1] - 1])
    steps = int(np.sum(lasts - firsts + 1))
    if steps > QUERY_STEPS_MAX:
        raise Refused(
            "query-work",
            f"the query would interpolate {steps} values, at most {QUERY_STEPS_MAX} are allowed: downsample it",
        )
