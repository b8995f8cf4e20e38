"""Where buckets begin: in fixed steps from the epoch, by a calendar, or one for the whole range."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from headrace.errors import Refused
from headrace.limits import CALENDAR_BUCKET_MS_MAX, QUERY_POINTS_MAX
from headrace.model.query import Buckets, CalendarBuckets, FixedBuckets, OneBucket
from headrace.model.time import DAY_MS, HOUR_MS, SECOND_MS, UNIT_MS, TimeRange, duration_ms, floor_to
from headrace.query.calendar import first_of, plus, whole_units
from headrace.query.clock import Clock, clock


def scan_range(asked: TimeRange, buckets: Buckets | None) -> TimeRange:
    """The range whose points take part in an answer about `asked`: whole buckets, and whole hours around them.

    Points up to an hour outside still feed interpolation, rates and the edge buckets, so that neither end of a chart
    sags (OpenTSDB: TsdbQuery scans whole rows, and from the second behind the end on, so that an end in the last second
    of an hour reaches through the next). With one bucket for all, exactly its points: the end is excluded.
    """
    if isinstance(buckets, OneBucket):
        return TimeRange(asked.start_ms, asked.end_ms - 1)
    start, end = asked
    if not isinstance(buckets, CalendarBuckets):
        end = floor_to(end, SECOND_MS) + SECOND_MS
    if isinstance(buckets, FixedBuckets):
        start = floor_to(start, buckets.interval_ms)
        end = floor_to(end, buckets.interval_ms) + buckets.interval_ms - 1
    elif isinstance(buckets, CalendarBuckets):
        longest = 2 * duration_ms(buckets.count, buckets.unit) + 2 * DAY_MS
        edges = calendar_edges(buckets, asked, TimeRange(start, end + longest))
        start = int(edges[0])
        end = int(edges[np.searchsorted(edges, end, side="right")]) - 1
    return TimeRange(floor_to(start, HOUR_MS), floor_to(end, HOUR_MS) + HOUR_MS - 1)


def stamps(asked: TimeRange, buckets: Buckets, one_before: bool = False) -> NDArray[np.int64]:
    """The starts of all buckets that begin within `asked`, ascending; one_before: and of the one before them, if it is
    read whole (`scan_range`), as a rate counted from an emptier one would be made up. Raises Refused (rule
    "query-points") for too many."""
    if isinstance(buckets, OneBucket):
        return np.array([asked.start_ms], dtype=np.int64)
    if isinstance(buckets, CalendarBuckets):
        edges = calendar_edges(buckets, asked, TimeRange(asked.start_ms - one_before, asked.end_ms))
    else:
        first = (-(-asked.start_ms // buckets.interval_ms) - one_before) * buckets.interval_ms
        check_points((asked.end_ms - first) // buckets.interval_ms + 1)
        edges = np.arange(first, asked.end_ms + 1, buckets.interval_ms, dtype=np.int64)
    begins_ms = scan_range(asked, buckets).start_ms if one_before else asked.start_ms
    return edges[edges >= begins_ms]


def check_points(points: int) -> None:
    """Raises Refused (rule "query-points") when a query would hold more than limits.QUERY_POINTS_MAX points."""
    if points > QUERY_POINTS_MAX:
        raise Refused("query-points", f"the query would make {points} points, at most {QUERY_POINTS_MAX} are allowed")


def calendar_edges(buckets: CalendarBuckets, asked: TimeRange, over: TimeRange) -> NDArray[np.int64]:
    """The starts of all calendar buckets up to over.end_ms, from the last one not after over.start_ms.

    Hours and shorter units are counted from each local midnight. Several days, months or years are counted from the
    first day of the year that holds asked.start_ms, several weeks from the Sunday before it (OpenTSDB:
    DateTime.previousInterval, FillingDownsampler): so it matters where a question starts. Raises Refused: rule
    "query-points" for too many, "calendar" for one longer than limits.CALENDAR_BUCKET_MS_MAX.
    """
    count, unit, zone = buckets.count, buckets.unit, buckets.zone
    length_ms = duration_ms(count, unit)
    if length_ms > CALENDAR_BUCKET_MS_MAX:
        raise Refused("calendar", f"a calendar bucket may have at most a hundred years: {count} {unit}s")
    check_points((over.end_ms - over.start_ms) // length_ms)
    clocks = clock(zone, min(asked.start_ms, over.start_ms) - length_ms, over.end_ms + length_ms)
    if UNIT_MS[unit] < DAY_MS:
        edges = _within_days(clocks, _edges(clocks, 1, "day", asked, over), length_ms)
    else:
        edges = _edges(clocks, count, unit, asked, over)
    first = max(int(np.searchsorted(edges, over.start_ms, side="right")) - 1, 0)
    return edges[first : np.searchsorted(edges, over.end_ms, side="right")]


def _edges(clocks: Clock, count: int, unit: str, asked: TimeRange, over: TimeRange) -> NDArray[np.int64]:
    """Every `count` units from one at or before over.start_ms to the first after over.end_ms."""
    start, first, last = clocks.local(np.array([asked.start_ms, *over], dtype=np.int64)).tolist()
    since = _sunday(start) if unit == "week" else first_of(start, "year")
    reach = whole_units(since, np.array([first, last], dtype=np.int64), unit) // count
    steps = np.arange(reach[0] - 1, reach[1] + 2, dtype=np.int64) * count
    return clocks.instants(plus(np.full(len(steps), since, dtype=np.int64), steps, unit))


def _within_days(clocks: Clock, midnights: NDArray[np.int64], length_ms: int) -> NDArray[np.int64]:
    """From each midnight on, every length_ms until the next."""
    counts = -(-np.diff(midnights) // length_ms)
    check_points(int(counts.sum()))
    before = np.cumsum(counts) - counts
    first = np.repeat(midnights[:-1] - before * length_ms, counts)
    return first + np.arange(len(first), dtype=np.int64) * length_ms


def _sunday(local_ms: int) -> int:
    """The midnight before the Sunday on or before a local time (Java: Calendar.getFirstDayOfWeek)."""
    days = local_ms // DAY_MS
    return (days - (days + 4) % 7) * DAY_MS  # 1970 began on a Thursday
