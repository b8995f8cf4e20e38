"""Java's calendar, as far as buckets need it. All instants are ms; zones by name."""

from __future__ import annotations

import bisect
import itertools
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

ELAPSED_MS = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000}
"""Units that are added as elapsed time; the others move the date of the wall clock."""

UNIT_MS = {**ELAPSED_MS, "d": 86_400_000, "w": 604_800_000, "n": 30 * 86_400_000, "y": 365 * 86_400_000}

_PER_PARENT = {"ms": 1000, "s": 60, "m": 60, "h": 24}


def local(at_ms: int, zone: str) -> datetime:
    """The wall clock, without its zone."""
    return datetime.fromtimestamp(at_ms // 1000, ZoneInfo(zone)).replace(tzinfo=None)


def instant(wall: datetime, zone: str) -> int:
    """A time that the clock leaves out is as far behind the gap as it was in it."""
    return int(wall.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC).timestamp()) * 1000


def plus(at_ms: int, count: int, unit: str, zone: str) -> int:
    """`count` units later."""
    if unit in ELAPSED_MS:
        return at_ms + count * ELAPSED_MS[unit]
    wall = local(at_ms, zone)
    if unit in ("d", "w"):
        return instant(wall + timedelta(days=count * (7 if unit == "w" else 1)), zone)
    months = wall.year * 12 + wall.month - 1 + count * (12 if unit == "y" else 1)
    return instant(wall.replace(year=months // 12, month=months % 12 + 1), zone)


def bucket_before(at_ms: int, count: int, unit: str, zone: str) -> int:
    """Where OpenTSDB lets the bucket begin that holds a moment (DateTime.previousInterval)."""
    edge = _origin(at_ms, count, unit, zone)
    step = 1 if unit == "w" else count
    following = plus(edge, step, unit, zone)
    while following <= at_ms:
        edge, following = following, plus(following, step, unit, zone)
    return edge


def edges(asked_start_ms: int, over: tuple[int, int], count: int, unit: str, zone: str) -> list[int]:
    """Where headrace lets all buckets begin, from one at or before over[0] to the first behind over[1].

    Shorter units are counted from each midnight, several days, months and years from the first of January of the year
    in which the question starts, weeks from the Sunday before it.
    """
    if unit in ELAPSED_MS:
        midnights = edges(asked_start_ms, over, 1, "d", zone)
        step = count * ELAPSED_MS[unit]
        found = [edge for day, end in itertools.pairwise(midnights) for edge in range(day, end, step)]
        first = max(bisect.bisect_right(found, over[0]) - 1, 0)
        return found[first : bisect.bisect_right(found, over[1]) + 1]
    wall = local(asked_start_ms, zone).replace(hour=0, minute=0, second=0)
    since = wall - timedelta(days=(wall.weekday() + 1) % 7) if unit == "w" else wall.replace(month=1, day=1)
    origin = instant(since, zone)
    number = (over[0] - origin) // (UNIT_MS[unit] * count) - 2
    while plus(origin, (number + 1) * count, unit, zone) <= over[0]:
        number += 1
    found = [plus(origin, number * count, unit, zone)]
    while found[-1] <= over[1]:
        number += 1
        found.append(plus(origin, number * count, unit, zone))
    return found


def _origin(at_ms: int, count: int, unit: str, zone: str) -> int:
    """The round time from which OpenTSDB counts."""
    wall = local(at_ms, zone)
    midnight = wall.replace(hour=0, minute=0, second=0)
    if unit in ("n", "y") or (unit == "d" and count > 1):
        return instant(midnight.replace(month=1, day=1), zone)
    if unit == "d":
        return instant(midnight.replace(day=1), zone)
    if unit == "w":
        day = midnight if 2 % count == 0 else midnight.replace(month=1)
        return instant(day - timedelta(days=(day.weekday() + 1) % 7), zone)
    whole = _PER_PARENT[unit] % count == 0
    round_times = {
        "ms": wall if whole else wall.replace(second=0),
        "s": wall.replace(second=0) if whole else wall.replace(second=0, minute=0),
        "m": wall.replace(second=0, minute=0) if whole else midnight,
        "h": midnight if whole else midnight.replace(day=1),
    }
    return instant(round_times[unit], zone)
