"""Time: int64 milliseconds since 1970 UTC, spans of it, and the one place where units become milliseconds."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import NamedTuple

from headrace.errors import Refused

SECOND_MS = 1_000
MINUTE_MS = 60 * SECOND_MS
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS

UNIT_MS = {
    "ms": 1,
    "second": SECOND_MS,
    "minute": MINUTE_MS,
    "hour": HOUR_MS,
    "day": DAY_MS,
    "week": 7 * DAY_MS,
    "month": 30 * DAY_MS,
    "year": 365 * DAY_MS,
}
"""Lengths as durations: a month is 30 days and a year 365 (OpenTSDB: DateTime). Calendar months are made in
query/buckets.py."""

TIME_MS_MAX = 2**53
"""No time or duration may exceed this: far beyond any clock, and sums of two of them stay inside int64 and exact in a
double."""


Clock = Callable[[], int]
"""Tells the present in ms since 1970 UTC."""


def wall_clock() -> int:
    """The machine's Clock."""
    return time.time_ns() // 1_000_000


class TimeRange(NamedTuple):
    """From start_ms to end_ms, both included."""

    start_ms: int
    end_ms: int


ALL_TIME = TimeRange(-TIME_MS_MAX, TIME_MS_MAX)
"""Every time that a point may have."""


def duration_ms(count: int, unit: str) -> int:
    """`count` of a unit of UNIT_MS as milliseconds. Raises Refused (rule "duration") when that is not positive or too
    long."""
    length = count * UNIT_MS[unit]
    if not 0 < length <= TIME_MS_MAX:
        raise Refused("duration", f"a duration must be between 1 ms and {TIME_MS_MAX} ms: {count} {unit}")
    return length


def floor_to(time_ms: int, interval_ms: int) -> int:
    """The start of the interval, counted from the epoch, that holds `time_ms`."""
    return time_ms - time_ms % interval_ms
