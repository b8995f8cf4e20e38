"""Aggregators that make of each range of time one value, or few."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from headrace.kernels.ranges import fit_lines, gather_runs
from headrace.kernels.reductions import reduce_runs
from headrace.model.points import Kind, Values
from headrace.query.buckets import check_points
from headrace.query.functions import AVG, DEV, Function
from headrace.query.ranges import Ranges
from headrace.query.rows import GAP, Rows


class Stamp(Enum):
    """The time that the value of a range gets."""

    POINT = "that of the first point in it"
    START = "where it begins"
    END = "where the next one begins"


@dataclass(frozen=True, slots=True)
class Sampling:
    """The ranges and how their values are stamped."""

    ranges: Ranges
    stamp: Stamp


class Gathered:
    """Rows brought into order of their ranges; within a range they come series by series.

    starts: int64[r], where each range that has points begins.   bounds: int64[r + 1], its rows.
    """

    def __init__(self, rows: Rows, sampling: Sampling) -> None:
        self._rows = rows
        self._sampling = sampling
        runs = sampling.ranges.runs(rows.starts, rows.times)
        self._run_rows = runs.rows
        self._in_order = len(rows.starts) <= 2
        order = np.arange(len(runs.times)) if self._in_order else np.argsort(runs.times, kind="stable")
        self._order = order.astype(np.int64)
        starts = runs.times[order]
        new = np.ones(len(starts), dtype=np.bool_)
        new[1:] = starts[1:] != starts[:-1]
        self._heads = np.flatnonzero(new)
        self.starts = starts[self._heads]
        lengths = np.diff(runs.rows)[order]
        ends = np.insert(np.cumsum(lengths), 0, 0)
        self.bounds = np.append(ends[self._heads], ends[-1]).astype(np.int64)

    @property
    def counts(self) -> NDArray[np.int64]:
        """int64[r], rows of each range."""
        return np.diff(self.bounds)

    @cached_property
    def doubles(self) -> NDArray[np.float64]:
        """float64[n]."""
        return self._gathered(self._rows.doubles().view(np.int64)).view(np.float64)

    @cached_property
    def times(self) -> NDArray[np.int64]:
        """int64[n]."""
        return self._gathered(self._rows.times)

    def first_rows(self) -> NDArray[np.int64]:
        """int64[r]: the row of the earliest point of each range, and of several at one time the one of least value."""
        return self._extreme(self._run_rows[:-1][self._order], last=False)

    def last_rows(self) -> NDArray[np.int64]:
        """int64[r]: as first_rows, of the latest point and the greatest value."""
        return self._extreme(self._run_rows[1:][self._order] - 1, last=True)

    def first_times(self) -> NDArray[np.int64]:
        """int64[r]: the time of the earliest point of each range."""
        heads = self._rows.times[self._run_rows[:-1]][self._order]
        return np.minimum.reduceat(heads, self._heads) if len(heads) else heads

    def last_times(self) -> NDArray[np.int64]:
        """int64[r]: the time of the latest point of each range."""
        tails = self._rows.times[self._run_rows[1:] - 1][self._order]
        return np.maximum.reduceat(tails, self._heads) if len(tails) else tails

    def stamps(self) -> NDArray[np.int64]:
        """int64[r]: the time that the value of each range gets."""
        match self._sampling.stamp:
            case Stamp.START:
                return self.starts
            case Stamp.END:
                return self._sampling.ranges.ends(self.starts)
            case Stamp.POINT:
                return self.first_times()

    def _gathered(self, bits: NDArray[np.int64]) -> NDArray[np.int64]:
        if self._in_order:
            return bits
        out = np.empty(len(bits), dtype=np.int64)
        gather_runs(bits, self._run_rows, self._order, out)
        return out

    def _extreme(self, candidates: NDArray[np.int64], last: bool) -> NDArray[np.int64]:
        """Of one candidate row per run, in order of ranges, the first or last of each range."""
        if self._in_order:
            return candidates
        numbers = np.repeat(np.arange(len(self._heads)), np.diff(np.append(self._heads, len(candidates))))
        ranks = self._rows.ranks(candidates)
        sorted_rows = candidates[np.lexsort((ranks, self._rows.times[candidates], numbers))]
        ends = np.append(self._heads[1:], len(candidates))
        return sorted_rows[ends - 1] if last else sorted_rows[self._heads]


def reduce_ranges(rows: Rows, sampling: Sampling, function: Function) -> Rows:
    """One double per range."""
    gathered = Gathered(rows, sampling)
    return Rows.of_doubles(gathered.stamps(), _reduced(gathered, function))


def count_ranges(rows: Rows, sampling: Sampling) -> Rows:
    """The number of points of each range, an integer."""
    gathered = Gathered(rows, sampling)
    kinds = np.full(len(gathered.starts), Kind.INT64, dtype=np.uint8)
    return Rows.of_one(gathered.stamps(), Values(kinds, gathered.counts))


def first_of_ranges(rows: Rows, sampling: Sampling) -> Rows:
    """The first point of each range."""
    gathered = Gathered(rows, sampling)
    return Rows.of_one(gathered.stamps(), rows.taken(gathered.first_rows()).values)


def last_of_ranges(rows: Rows, sampling: Sampling) -> Rows:
    """The last point of each range, at its own time unless ranges are stamped by where they lie."""
    gathered = Gathered(rows, sampling)
    found = rows.taken(gathered.last_rows())
    return found if sampling.stamp is Stamp.POINT else Rows.of_one(gathered.stamps(), found.values)


def deviations(rows: Rows, sampling: Sampling, times_from_mean: float | None) -> Rows:
    """The sample deviation (n - 1) of each range, 0 for one point; or the mean plus so many times it."""
    gathered = Gathered(rows, sampling)
    counts = gathered.counts
    sample = np.where(counts > 1, np.sqrt(counts / np.maximum(counts - 1, 1)), 0.0) * _reduced(gathered, DEV)
    if times_from_mean is not None:
        sample = _reduced(gathered, AVG) + times_from_mean * sample
    return Rows.of_doubles(gathered.stamps(), sample)


def lines(rows: Rows, sampling: Sampling) -> Rows:
    """The least squares line of each range at the times of its first and last point; one or two points are
    themselves."""
    gathered = Gathered(rows, sampling)
    firsts, lasts = gathered.first_times(), gathered.last_times()
    ends = np.empty((len(firsts), 2), dtype=np.float64)
    at_first, at_last = np.empty(len(firsts)), np.empty(len(firsts))
    fit_lines(gathered.bounds, gathered.times, gathered.doubles, firsts, lasts, at_first, at_last)
    ends[:, 0], ends[:, 1] = at_first, at_last
    few = gathered.counts <= 2
    values = rows.doubles()
    ends[few, 0] = values[gathered.first_rows()[few]]
    ends[few, 1] = values[gathered.last_rows()[few]]
    times = np.stack((firsts, lasts), axis=1)
    kept = np.ones(times.shape, dtype=np.bool_)
    kept[:, 1] = gathered.counts > 1
    return Rows.of_doubles(times[kept], ends[kept])


def mark_gaps(rows: Rows, sampling: Sampling, first_ms: int, last_ms: int, trim: bool) -> Rows:
    """All points, and a GAP where each range begins that has none and overlaps first_ms..last_ms; with `trim` only
    those between the first and the last point. Raises Refused (rule "query-points") for too many."""
    rows = rows.merged()
    if trim and len(rows):
        first_ms, last_ms = int(rows.times[0]), int(rows.times[-1])
    if last_ms < first_ms or (trim and not len(rows)):
        return rows
    starts = sampling.ranges.edges(first_ms, last_ms)
    empty = np.setdiff1d(starts, sampling.ranges.runs(rows.starts, rows.times).times, assume_unique=True)
    if sampling.stamp is Stamp.END:
        empty = sampling.ranges.ends(empty)
    check_points(len(rows) + len(empty))
    times = np.concatenate((rows.times, empty))
    order = np.argsort(times, kind="stable")
    kinds = np.concatenate((rows.values.kinds, np.full(len(empty), GAP, dtype=np.uint8)))
    bits = np.concatenate((rows.values.bits, np.zeros(len(empty), dtype=np.int64)))
    return Rows.of_one(times[order], Values(kinds[order], bits[order], rows.values.heap))


def _reduced(gathered: Gathered, function: Function) -> NDArray[np.float64]:
    out = np.empty(len(gathered.starts), dtype=np.float64)
    bounds = gathered.bounds
    reduce_runs(function.code, function.probability, gathered.doubles, bounds[:-1], bounds[1:], out)
    return out
