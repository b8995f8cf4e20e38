"""Ranges and aggregators of KairosDB, point by point in plain Python, from its documentation. Slow and simple.

Points are (ms, float) pairs, ascending by time, then value.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from fractions import Fraction
from typing import NamedTuple

Point = tuple[int, float]

FIXED_MS = {"ms": 1, "second": 1000, "minute": 60_000, "hour": 3_600_000}
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Asked(NamedTuple):
    start_ms: int
    every: int
    unit: str
    zone: tzinfo
    align_sampling: bool
    stamp: str = "POINT"


def local(ms: int, zone: tzinfo) -> datetime:
    return (EPOCH + timedelta(milliseconds=ms)).astimezone(zone).replace(tzinfo=None)


def instant(moment: datetime, zone: tzinfo) -> int:
    return (moment.replace(tzinfo=zone, fold=0) - EPOCH) // timedelta(milliseconds=1)


def anchor(asked: Asked) -> int:
    if not asked.align_sampling:
        return asked.start_ms
    if asked.unit == "ms":
        return asked.start_ms // 1000 * 1000
    day = local(asked.start_ms, asked.zone).replace(hour=0, minute=0, second=0, microsecond=0)
    if asked.unit == "week":
        day -= timedelta(days=day.weekday())
    elif asked.unit == "month":
        day = day.replace(day=1)
    elif asked.unit == "year":
        day = day.replace(month=1, day=1)
    return instant(day, asked.zone)


def months_later(moment: datetime, months: int) -> datetime:
    total = moment.year * 12 + moment.month - 1 + months
    for day in range(moment.day, 0, -1):
        try:
            return moment.replace(year=total // 12, month=total % 12 + 1, day=day)
        except ValueError:
            continue
    raise AssertionError("every month has a first")


def edge(asked: Asked, number: int) -> int:
    """Where range `number` begins."""
    begin, steps = anchor(asked), number * asked.every
    if asked.unit in FIXED_MS:
        return begin + steps * FIXED_MS[asked.unit]
    moment = local(begin, asked.zone)
    if asked.unit in ("day", "week"):
        moment += timedelta(days=steps * (7 if asked.unit == "week" else 1))
    else:
        moment = months_later(moment, steps * (12 if asked.unit == "year" else 1))
    return instant(moment, asked.zone)


def range_of(asked: Asked, ms: int) -> int:
    """The number of the range that holds a time, found by walking from a guess."""
    rough = FIXED_MS.get(asked.unit) or {"day": 1, "week": 7, "month": 30, "year": 365}[asked.unit] * 86_400_000
    number = (ms - anchor(asked)) // (rough * asked.every)
    while edge(asked, number) > ms:
        number -= 1
    while edge(asked, number + 1) <= ms:
        number += 1
    return number


def ranges(asked: Asked, points: Sequence[Point]) -> dict[int, list[Point]]:
    found: dict[int, list[Point]] = {}
    for point in points:
        found.setdefault(range_of(asked, point[0]), []).append(point)
    return found


def stamp(asked: Asked, number: int, points: Sequence[Point]) -> int:
    if asked.stamp == "START":
        return edge(asked, number)
    if asked.stamp == "END":
        return edge(asked, number + 1)
    return points[0][0]


def percentile(values: Sequence[float], p: float) -> float:
    ordered = sorted(values)
    position = p * (len(ordered) + 1)
    if position < 1:
        return ordered[0]
    if position >= len(ordered):
        return ordered[-1]
    below = math.floor(position)
    return ordered[below - 1] + (position - below) * (ordered[below] - ordered[below - 1])


def dev(values: Sequence[float]) -> float:
    return statistics.stdev(values) if len(values) > 1 else 0.0


def line(points: Sequence[Point]) -> list[Point]:
    if len(points) <= 2:
        return list(points)
    mean_time = Fraction(sum(t for t, _ in points), len(points))
    mean_value = sum(Fraction(v) for _, v in points) / len(points)
    spread = sum((t - mean_time) ** 2 for t, _ in points)
    across = sum((t - mean_time) * (Fraction(v) - mean_value) for t, v in points)
    slope = across / spread if spread else Fraction(0)
    return [(t, float(mean_value + slope * (t - mean_time))) for t in (points[0][0], points[-1][0])]


def aggregate(name: str, asked: Asked, points: Sequence[Point], p: float = 0.5) -> list[Point]:
    out: list[Point] = []
    for number, inside in ranges(asked, points).items():
        values = [value for _, value in inside]
        when = stamp(asked, number, inside)
        match name:
            case "avg":
                out.append((when, math.fsum(values) / len(values)))
            case "sum":
                out.append((when, math.fsum(values)))
            case "min":
                out.append((when, min(values)))
            case "max":
                out.append((when, max(values)))
            case "count":
                out.append((when, len(values)))
            case "dev":
                out.append((when, dev(values)))
            case "first":
                out.append((when, values[0]))
            case "last":
                out.append((when if asked.stamp != "POINT" else inside[-1][0], values[-1]))
            case "percentile":
                out.append((when, percentile(values, p)))
            case "least_squares":
                out += line(inside)
    return out


def gaps(asked: Asked, points: Sequence[Point], first_ms: int, last_ms: int) -> list[tuple[int, float | None]]:
    full = ranges(asked, points)
    empty = [n for n in range(range_of(asked, first_ms), range_of(asked, last_ms) + 1) if n not in full]
    marks: list[tuple[int, float | None]] = [(edge(asked, number), None) for number in empty]
    return sorted([*points, *marks], key=lambda point: (point[0], point[1] is None))
