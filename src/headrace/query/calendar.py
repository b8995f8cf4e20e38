"""Calendar arithmetic on columns of local times (query.clock): whole days, weeks, months and years."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from headrace.model.time import DAY_MS

CALENDAR_UNITS = ("day", "week", "month", "year")
"""Units of model.time.UNIT_MS whose length the calendar decides; the shorter ones have one length always."""

_MONTHS = {"month": 1, "year": 12}
_DAYS = {"day": 1, "week": 7}


def plus(local: NDArray[np.int64], count: NDArray[np.int64], unit: str) -> NDArray[np.int64]:
    """Each local time moved by `count` of a calendar unit; the 31st becomes the last day of a shorter month."""
    if unit in _DAYS:
        return local + count * (_DAYS[unit] * DAY_MS)
    days = local // DAY_MS
    month = _month_of(days)
    day_of_month = days - _first_day(month)
    month = month + count * _MONTHS[unit]
    last_day = _first_day(month + 1) - _first_day(month) - 1
    moved: NDArray[np.int64] = (_first_day(month) + np.minimum(day_of_month, last_day)) * DAY_MS + local % DAY_MS
    return moved


def whole_units(since: int, local: NDArray[np.int64], unit: str) -> NDArray[np.int64]:
    """How many whole units lie between the local time `since` and each of `local`: the greatest n for which since plus
    n units is not later."""
    if unit in _DAYS:
        return (local - since) // (_DAYS[unit] * DAY_MS)
    origin = np.full(len(local), since, dtype=np.int64)
    months = _month_of(local // DAY_MS) - _month_of(origin // DAY_MS)
    count = months // _MONTHS[unit]
    return count - (plus(origin, count, unit) > local)


def first_of(local_ms: int, unit: str) -> int:
    """The local midnight with which the day, Monday week, month or year that holds `local_ms` begins."""
    days = np.array([local_ms // DAY_MS], dtype=np.int64)
    if unit == "week":
        days -= (days + 3) % 7  # 1970 began on a Thursday
    elif unit in _MONTHS:
        month = _month_of(days)
        days = _first_day(month - month % _MONTHS[unit])
    return int(days[0]) * DAY_MS


def _month_of(days: NDArray[np.int64]) -> NDArray[np.int64]:
    """Months since January 1970."""
    return days.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)


def _first_day(months: NDArray[np.int64]) -> NDArray[np.int64]:
    """Days since 1970 of the first of each month."""
    return months.astype("datetime64[M]").astype("datetime64[D]").astype(np.int64)
