"""Ranges of time that follow one another from an anchor, in fixed steps or by the calendar of a time zone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta, timezone, tzinfo

import numpy as np
from numpy.typing import NDArray

from headrace.kernels.answering.downsample import edge_runs, fixed_runs
from headrace.model.time import DAY_MS, SECOND_MS, TIME_MS_MAX, UNIT_MS
from headrace.query.buckets import check_points
from headrace.query.calendar import CALENDAR_UNITS, first_of, plus, whole_units
from headrace.query.clock import clock


@dataclass(frozen=True, slots=True)
class Span:
    """`count` of a unit of model.time.UNIT_MS; days and longer by the calendar of `zone`."""

    count: int
    unit: str
    zone: tzinfo

    def lengths_ms(self, times: NDArray[np.int64]) -> NDArray[np.int64]:
        """How long a span is that begins at each time: a day on which clocks change has 23 or 25 hours; units shorter
        than a day have one length (KairosDB: RateAggregator)."""
        if self.unit not in CALENDAR_UNITS or not len(times):
            return np.full(len(times), self.count * UNIT_MS[self.unit], dtype=np.int64)
        wall = clock(self.zone, int(times[0]), int(times[-1]) + 2 * self.count * UNIT_MS[self.unit])
        ends = plus(wall.local(times), np.full(len(times), self.count, dtype=np.int64), self.unit)
        return wall.instants(ends) - times


@dataclass(frozen=True, slots=True)
class Runs:
    """Rows cut wherever the series or the range changes.

    starts: int64[k + 1], the runs of each series.   times: int64[r], start of each run's range.   rows: int64[r + 1],
    its first row; the last one closes the last run.
    """

    starts: NDArray[np.int64]
    times: NDArray[np.int64]
    rows: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Ranges:
    """The ranges [anchor + k spans, anchor + (k + 1) spans), for every integer k."""

    anchor_ms: int
    span: Span

    def runs(self, starts: NDArray[np.int64], times: NDArray[np.int64]) -> Runs:
        """Cut the rows of series in CSR form, ascending in time within each. Raises Refused (rule "query-points") for
        too many ranges."""
        run_starts = np.empty(len(starts), dtype=np.int64)
        run_times = np.empty(len(times), dtype=np.int64)
        run_rows = np.empty(len(times) + 1, dtype=np.int64)
        if not len(times):
            return Runs(np.zeros(len(starts), dtype=np.int64), run_times, np.zeros(1, dtype=np.int64))
        if self.span.unit in CALENDAR_UNITS:
            edges = self.edges(int(times.min()), int(times.max()))
            count = edge_runs(starts, times, edges, run_starts, run_times, run_rows)
        else:
            step = self.span.count * UNIT_MS[self.span.unit]
            count = fixed_runs(starts, times, step, self.anchor_ms % step, run_starts, run_times, run_rows)
        return Runs(run_starts, run_times[:count], run_rows[: count + 1])

    def edges(self, first_ms: int, last_ms: int) -> NDArray[np.int64]:
        """The starts of all ranges from the one that holds first_ms to the one that holds last_ms, ascending. Raises
        Refused (rule "query-points") for too many."""
        step = self.span.count * UNIT_MS[self.span.unit]
        check_points((last_ms - first_ms) // step + 1)
        if self.span.unit not in CALENDAR_UNITS:
            first = first_ms - (first_ms - self.anchor_ms) % step
            return np.arange(first, last_ms + 1, step, dtype=np.int64)
        numbers = self.numbers(np.array([first_ms, last_ms], dtype=np.int64))
        return self.starts(np.arange(numbers[0], numbers[1] + 1, dtype=np.int64))

    def ends(self, range_starts: NDArray[np.int64]) -> NDArray[np.int64]:
        """Where the range that begins at each of `range_starts` ends."""
        if self.span.unit not in CALENDAR_UNITS:
            return range_starts + self.span.count * UNIT_MS[self.span.unit]
        return self.starts(self.numbers(range_starts) + 1) if len(range_starts) else range_starts

    def numbers(self, times: NDArray[np.int64]) -> NDArray[np.int64]:
        """The k of the range that holds each of one or more times, ascending."""
        if self.span.unit not in CALENDAR_UNITS:
            return (times - self.anchor_ms) // (self.span.count * UNIT_MS[self.span.unit])
        wall = clock(self.span.zone, min(self.anchor_ms, int(times[0])), max(self.anchor_ms, int(times[-1])))
        [since] = wall.local(np.array([self.anchor_ms], dtype=np.int64)).tolist()
        numbers = whole_units(since, wall.local(times), self.span.unit) // self.span.count
        # A clock set back shows times of the last range again: the start of a range, as an instant, decides.
        numbers += self.starts(numbers + 1) <= times
        numbers -= self.starts(numbers) > times
        return numbers

    def starts(self, numbers: NDArray[np.int64]) -> NDArray[np.int64]:
        """Where the range of each of one or more k begins, ascending."""
        step = self.span.count * UNIT_MS[self.span.unit]
        if self.span.unit not in CALENDAR_UNITS:
            return self.anchor_ms + numbers * step
        bounds = (0, int(numbers[0]), int(numbers[-1]))
        first, last = (self.anchor_ms + number * step * 2 for number in (min(bounds), max(bounds)))
        wall = clock(self.span.zone, first, last)
        [since] = wall.local(np.array([self.anchor_ms], dtype=np.int64)).tolist()
        origin = np.full(len(numbers), since, dtype=np.int64)
        return wall.instants(plus(origin, numbers * self.span.count, self.span.unit))


def aligned(time_ms: int, unit: str, zone: tzinfo) -> int:
    """The anchor of ranges in `unit` that shall begin where people begin them: on 1 January, the first of the month,
    Monday, midnight, the second, in `zone` (KairosDB: RangeAggregator.alignRangeBoundary)."""
    if unit == "ms":
        # Zones with a name are whole seconds ahead.
        ahead = zone.utcoffset(None) if isinstance(zone, timezone) else timedelta()
        return time_ms - (time_ms + ahead // timedelta(milliseconds=1)) % SECOND_MS
    time_ms = min(max(time_ms, -TIME_MS_MAX), TIME_MS_MAX)
    wall = clock(zone, time_ms - 400 * DAY_MS, time_ms)
    [local] = wall.local(np.array([time_ms], dtype=np.int64)).tolist()
    begin = first_of(local, unit if unit in CALENDAR_UNITS else "day")
    return int(wall.instants(np.array([begin], dtype=np.int64))[0])


def floored(time_ms: int, unit: str, zone: tzinfo) -> int:
    """Where the unit begins that holds a time, in `zone`: as `aligned`, but hours, minutes and seconds are their own
    (KairosDB Extensions: MovingWindowAggregator.alignRangeBoundary)."""
    if unit in CALENDAR_UNITS or unit == "ms":
        return aligned(time_ms, unit, zone)
    [local] = clock(zone, time_ms, time_ms).local(np.array([time_ms], dtype=np.int64)).tolist()
    return time_ms - int(local) % UNIT_MS[unit]
