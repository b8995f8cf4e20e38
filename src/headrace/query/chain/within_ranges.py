"""Aggregators that make of each range of time one value, or few."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from headrace.kernels.answering.aggregate import union_of_times
from headrace.kernels.answering.ranges import count_rows, extreme_rows, fit_lines, fold_runs, gather_runs, number_runs
from headrace.kernels.answering.reductions import reduce_runs
from headrace.model.points import Kind, Values
from headrace.query.buckets import check_points
from headrace.query.chain.ranges import Ranges
from headrace.query.chain.rows import GAP, Rows
from headrace.query.functions import AVG, DEV, MAX, MIN, SUM, Function


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
    """Rows by the ranges that they lie in.

    starts: int64[r], where each range that has points begins, ascending.   counts: int64[r], its rows.
    """

    def __init__(self, rows: Rows, sampling: Sampling) -> None:
        self._rows = rows
        self._sampling = sampling
        runs = sampling.ranges.runs(rows.starts, rows.times)
        self._run_rows = runs.rows
        scratch = np.empty(len(runs.starts), dtype=np.int64)
        union = np.empty(len(runs.times), dtype=np.int64)
        self.starts = union[: union_of_times(runs.starts, runs.times, scratch, union)]
        self._numbers = np.empty(len(runs.times), dtype=np.int64)
        number_runs(runs.times, self.starts, self._numbers)
        self.counts = np.zeros(len(self.starts), dtype=np.int64)
        count_rows(self._numbers, self._run_rows, self.counts)

    @property
    def row_numbers(self) -> NDArray[np.int64]:
        """int64[n], for each of the rows as they were given the place of its range in `starts`."""
        return np.repeat(self._numbers, np.diff(self._run_rows))

    @property
    def bounds(self) -> NDArray[np.int64]:
        """int64[r + 1], the rows of each range in `doubles` and `times`."""
        return np.insert(np.cumsum(self.counts), 0, 0)

    @cached_property
    def doubles(self) -> NDArray[np.float64]:
        """float64[n]: the values, range by range, within a range series by series."""
        return self._gathered(self._rows.doubles().view(np.int64)).view(np.float64)

    @cached_property
    def times(self) -> NDArray[np.int64]:
        """int64[n]: as doubles."""
        return self._gathered(self._rows.times)

    def folded(self, function: int) -> NDArray[np.float64]:
        """float64[r]: SUM, MIN or MAX of each range, run by run, so that no row is moved."""
        partials = np.empty(len(self._numbers), dtype=np.float64)
        reduce_runs(function, 0.0, self._rows.doubles(), self._run_rows[:-1], self._run_rows[1:], partials)
        out = np.full(len(self.starts), {SUM.code: 0.0, MIN.code: np.inf, MAX.code: -np.inf}[function])
        fold_runs(function, self._numbers, partials, out)
        return out

    def reduced(self, function: Function) -> NDArray[np.float64]:
        """float64[r]: one value of each range."""
        if function.code in (SUM.code, MIN.code, MAX.code):
            return self.folded(function.code)
        if function.code == AVG.code:
            return self.folded(SUM.code) / self.counts
        out = np.empty(len(self.starts), dtype=np.float64)
        bounds = self.bounds
        reduce_runs(function.code, function.probability, self.doubles, bounds[:-1], bounds[1:], out)
        return out

    def first_rows(self) -> NDArray[np.int64]:
        """int64[r]: the row of the earliest point of each range, and of several at one time the one of least value."""
        return self._extreme(self._run_rows[:-1], last=False)

    def last_rows(self) -> NDArray[np.int64]:
        """int64[r]: as first_rows, of the latest point and the greatest value."""
        return self._extreme(self._run_rows[1:] - 1, last=True)

    def stamps(self) -> NDArray[np.int64]:
        """int64[r]: the time that the value of each range gets."""
        match self._sampling.stamp:
            case Stamp.START:
                return self.starts
            case Stamp.END:
                return self._sampling.ranges.ends(self.starts)
            case Stamp.POINT:
                # Which of several points at one time is the first does not matter.
                return self._rows.times[self._extreme(self._run_rows[:-1], last=False, ranked=False)]

    def _gathered(self, bits: NDArray[np.int64]) -> NDArray[np.int64]:
        if len(self._rows.starts) <= 2:
            return bits
        out = np.empty(len(bits), dtype=np.int64)
        gather_runs(bits, self._run_rows, self._numbers, self.bounds[:-1].copy(), out)
        return out

    def _extreme(self, candidates: NDArray[np.int64], last: bool, ranked: bool = True) -> NDArray[np.int64]:
        """Of one candidate row per run the first or last of each range. ranked: of equal times the value decides."""
        if len(self._rows.starts) <= 2:
            return candidates
        best = np.full(len(self.starts), -1, dtype=np.int64)
        ranks = self._rows.ranks(candidates) if ranked else np.zeros(len(candidates))
        extreme_rows(last, self._numbers, candidates, self._rows.times, ranks, best)
        return candidates[best]


class Part(NamedTuple):
    """What some of the series bring to the ranges, whose other series may be elsewhere.

    starts: int64[r], ascending.   counts: int64[r].   values: float64[r], SUM, MIN or MAX.   firsts: int64[r] ms, the
    time of the earliest point.
    """

    starts: NDArray[np.int64]
    counts: NDArray[np.int64]
    values: NDArray[np.float64]
    firsts: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Folding:
    """A reduction whose parts can be had one after the other: the number of points where `function` is None, else SUM,
    MIN, MAX or AVG."""

    sampling: Sampling
    function: Function | None

    def part(self, rows: Rows) -> Part:
        """Of some of the series."""
        gathered = Gathered(rows, self.sampling)
        code = SUM.code if self.function in (None, AVG) else self.function.code
        values = np.zeros(len(gathered.starts)) if self.function is None else gathered.folded(code)
        return Part(gathered.starts, gathered.counts, values, rows.times[gathered.first_rows()])

    def whole(self, parts: Sequence[Part]) -> Rows:
        """Of all of them, as reduce_ranges or count_ranges; sums may differ in the last digit."""
        starts, places = np.unique(np.concatenate([part.starts for part in parts]), return_inverse=True)
        counts = np.zeros(len(starts), dtype=np.int64)
        np.add.at(counts, places, np.concatenate([part.counts for part in parts]))
        stamps = np.full(len(starts), np.iinfo(np.int64).max)
        np.minimum.at(stamps, places, np.concatenate([part.firsts for part in parts]))
        if self.sampling.stamp is not Stamp.POINT:
            stamps = starts if self.sampling.stamp is Stamp.START else self.sampling.ranges.ends(starts)
        if self.function is None:
            return Rows.of_one(stamps, Values(np.full(len(starts), Kind.INT64, dtype=np.uint8), counts))
        found = np.concatenate([part.values for part in parts])
        fold, neutral = {MIN.code: (np.minimum, np.inf), MAX.code: (np.maximum, -np.inf)}.get(
            self.function.code, (np.add, 0.0)
        )
        values = np.full(len(starts), neutral)
        fold.at(values, places, found)
        return Rows.of_doubles(stamps, values / counts if self.function is AVG else values)


def reduce_ranges(rows: Rows, sampling: Sampling, function: Function) -> Rows:
    """One double per range."""
    gathered = Gathered(rows, sampling)
    return Rows.of_doubles(gathered.stamps(), gathered.reduced(function))


def count_ranges(rows: Rows, sampling: Sampling) -> Rows:
    """The number of points of each range, an integer."""
    gathered = Gathered(rows, sampling)
    kinds = np.full(len(gathered.starts), Kind.INT64, dtype=np.uint8)
    return Rows.of_one(gathered.stamps(), Values(kinds, gathered.counts))


def first_of_ranges(rows: Rows, sampling: Sampling) -> Rows:
    """The first point of each range."""
    gathered = Gathered(rows, sampling)
    found = rows.taken(gathered.first_rows())
    return Rows.of_one(gathered.stamps(), found.values, found.weights)


def last_of_ranges(rows: Rows, sampling: Sampling) -> Rows:
    """The last point of each range, at its own time unless ranges are stamped by where they lie."""
    gathered = Gathered(rows, sampling)
    found = rows.taken(gathered.last_rows())
    return found if sampling.stamp is Stamp.POINT else Rows.of_one(gathered.stamps(), found.values, found.weights)


def deviations(rows: Rows, sampling: Sampling, times_from_mean: float | None) -> Rows:
    """The sample deviation (n - 1) of each range, 0 for one point; or the mean plus so many times it."""
    gathered = Gathered(rows, sampling)
    counts = gathered.counts
    sample = np.where(counts > 1, np.sqrt(counts / np.maximum(counts - 1, 1)), 0.0) * gathered.reduced(DEV)
    if times_from_mean is not None:
        sample = gathered.reduced(AVG) + times_from_mean * sample
    return Rows.of_doubles(gathered.stamps(), sample)


def lines(rows: Rows, sampling: Sampling) -> Rows:
    """The least squares line of each range at the times of its first and last point; one or two points are
    themselves."""
    gathered = Gathered(rows, sampling)
    first_rows, last_rows = gathered.first_rows(), gathered.last_rows()
    firsts, lasts = rows.times[first_rows], rows.times[last_rows]
    ends = np.empty((len(firsts), 2), dtype=np.float64)
    at_first, at_last = np.empty(len(firsts)), np.empty(len(firsts))
    fit_lines(gathered.bounds, gathered.times, gathered.doubles, firsts, lasts, at_first, at_last)
    ends[:, 0], ends[:, 1] = at_first, at_last
    few = gathered.counts <= 2
    values = rows.doubles()
    ends[few, 0] = values[first_rows[few]]
    ends[few, 1] = values[last_rows[few]]
    times = np.stack((firsts, lasts), axis=1)
    kept = np.ones(times.shape, dtype=np.bool_)
    kept[:, 1] = gathered.counts > 1
    return Rows.of_doubles(times[kept], ends[kept])


def mark_gaps(rows: Rows, sampling: Sampling, first_ms: int, last_ms: int, trim: bool) -> Rows:
    """All points, and a GAP where each range begins, whatever the stamp, that has none and overlaps first_ms..last_ms,
    or the last point where that is later; with `trim` only those between the first and the last point (KairosDB:
    DataGapsMarkingAggregator). Raises Refused (rule "query-points") for too many."""
    rows = rows.merged()
    if len(rows):
        last_ms = max(last_ms, int(rows.times[-1]))
    if trim and len(rows):
        first_ms, last_ms = int(rows.times[0]), int(rows.times[-1])
    if last_ms < first_ms or (trim and not len(rows)):
        return rows
    starts = sampling.ranges.edges(first_ms, last_ms)
    empty = np.setdiff1d(starts, sampling.ranges.runs(rows.starts, rows.times).times, assume_unique=True)
    check_points(len(rows) + len(empty))
    times = np.concatenate((rows.times, empty))
    order = np.argsort(times, kind="stable")
    kinds = np.concatenate((rows.values.kinds, np.full(len(empty), GAP, dtype=np.uint8)))
    bits = np.concatenate((rows.values.bits, np.zeros(len(empty), dtype=np.int64)))
    weights = None if rows.weights is None else np.concatenate((rows.weights, np.zeros(len(empty))))[order]
    return Rows.of_one(times[order], Values(kinds[order], bits[order], rows.values.heap), weights)
