"""Where buckets begin: in fixed steps from the epoch, by a calendar, or one for the whole range."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from headrace.errors import Refused
from headrace.limits import QUERY_POINTS_MAX
from headrace.model.query import Buckets, CalendarBuckets, FixedBuckets, OneBucket
from headrace.model.time import DAY_MS, HOUR_MS, UNIT_MS, TimeRange, duration_ms, floor_to


def scan_range(asked: TimeRange, buckets: Buckets | None) -> TimeRange:
    """The range whose points take part in an answer about `asked`: whole buckets, and whole hours around them.

    Points up to an hour outside still feed interpolation, rates and the edge buckets, so that neither end of a chart
    sags (OpenTSDB: TsdbQuery scans whole rows). With one bucket for all, exactly its points: the end is excluded.
    """
    if isinstance(buckets, OneBucket):
        return TimeRange(asked.start_ms, asked.end_ms - 1)
    start, end = asked
    if isinstance(buckets, FixedBuckets):
        start = floor_to(start, buckets.interval_ms)
        end = floor_to(end, buckets.interval_ms) + buckets.interval_ms - 1
    elif isinstance(buckets, CalendarBuckets):
        longest = 2 * duration_ms(buckets.count, buckets.unit) + 2 * DAY_MS
        edges = calendar_edges(buckets, TimeRange(start, end + longest))
        start = int(edges[0])
        end = int(edges[np.searchsorted(edges, end, side="right")]) - 1
    return TimeRange(floor_to(start, HOUR_MS), floor_to(end, HOUR_MS) + HOUR_MS - 1)


def stamps(asked: TimeRange, buckets: Buckets) -> NDArray[np.int64]:
    """The starts of all buckets that begin within `asked`, ascending. Raises Refused (rule "query-points") for too
    many."""
    if isinstance(buckets, OneBucket):
        return np.array([asked.start_ms], dtype=np.int64)
    if isinstance(buckets, CalendarBuckets):
        edges = calendar_edges(buckets, asked)
        return edges[edges >= asked.start_ms]
    first = -(-asked.start_ms // buckets.interval_ms) * buckets.interval_ms
    check_points((asked.end_ms - first) // buckets.interval_ms + 1)
    return np.arange(first, asked.end_ms + 1, buckets.interval_ms, dtype=np.int64)


def check_points(points: int) -> None:
    """Raises Refused (rule "query-points") when a query would hold more than limits.QUERY_POINTS_MAX points."""
    if points > QUERY_POINTS_MAX:
        raise Refused("query-points", f"the query would make {points} points, at most {QUERY_POINTS_MAX} are allowed")


def calendar_edges(buckets: CalendarBuckets, over: TimeRange) -> NDArray[np.int64]:
    """The starts of all calendar buckets up to over.end_ms, from the last one not after over.start_ms.

    Days begin at local midnight, weeks on Sunday, months and years on their first day; hours and shorter units are
    counted from local midnight (OpenTSDB: DateTime.previousInterval). Raises Refused (rule "calendar") for several
    days, weeks, months or years at a time, whose beginning has no agreed rule.
    """
    if UNIT_MS[buckets.unit] >= DAY_MS and buckets.count != 1:
        raise Refused("calendar", f"calendar buckets of {buckets.count} {buckets.unit}s are not supported, only of 1")
    check_points((over.end_ms - over.start_ms) // duration_ms(buckets.count, buckets.unit))
    day = _first_day(datetime.fromtimestamp(over.start_ms // 1000, buckets.zone), buckets.unit)
    edges: list[int] = []
    while (midnight := _ms(day, buckets.zone)) <= over.end_ms:
        following = _following(day, buckets.unit)
        if UNIT_MS[buckets.unit] < DAY_MS:
            edges.extend(range(midnight, _ms(following, buckets.zone), duration_ms(buckets.count, buckets.unit)))
        else:
            edges.append(midnight)
        day = following
    all_edges = np.array(edges, dtype=np.int64)
    first = max(int(np.searchsorted(all_edges, over.start_ms, side="right")) - 1, 0)
    return all_edges[first : np.searchsorted(all_edges, over.end_ms, side="right")]


def _first_day(moment: datetime, unit: str) -> datetime:
    """Local midnight, without a zone, of the first day of the unit that holds `moment`."""
    day = moment.replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=None)
    if unit == "week":
        return day - timedelta(days=(day.weekday() + 1) % 7)
    if unit == "month":
        return day.replace(day=1)
    if unit == "year":
        return day.replace(month=1, day=1)
    return day


def _following(day: datetime, unit: str) -> datetime:
    if unit == "week":
        return day + timedelta(days=7)
    if unit == "month":
        return (day + timedelta(days=31)).replace(day=1)
    if unit == "year":
        return day.replace(year=day.year + 1)
    return day + timedelta(days=1)


def _ms(local: datetime, zone: ZoneInfo) -> int:
    return int(local.replace(tzinfo=zone).timestamp()) * 1000
