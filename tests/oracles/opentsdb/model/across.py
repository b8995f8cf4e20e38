"""Rates of a series, and one series made of a group's, by OpenTSDB's laws (RateSpan, AggregationIterator) or ours."""

from __future__ import annotations

import math
from bisect import bisect_right
from dataclasses import dataclass
from functools import cached_property
from typing import cast

from oracles.opentsdb.model import functions
from oracles.opentsdb.model.functions import BETWEEN, LINE, NOT_ITSELF, NOTHING, PREVIOUS, Number
from oracles.opentsdb.model.laws import Laws
from oracles.opentsdb.model.series import Points, Said

_LONG_MAX = 2**63 - 1


@dataclass(frozen=True)
class Line:
    """A series as its group sees it.   shown: its points.   before: what it gives before them; None for nothing."""

    shown: Points
    before: Number | None = None

    @cached_property
    def times(self) -> list[int]:
        return [time for time, _ in self.shown]


def plain(points: Points, reads_from: int) -> Line:
    """Of values."""
    return Line([(time, value) for time, value in points if time >= reads_from])


def rated(points: Points, reads_from: int, options: Said, laws: Laws) -> Line:
    """Of rates: that from 0 at the time 0 comes first, and is never shown."""
    drops = bool(options.get("counter") and options.get("dropResets"))
    found: Points = []
    time, value = 0, cast(Number, 0)
    for number, (later, other) in enumerate(points):
        seconds = (later - time) / 1000
        change: Number = other - value
        passed_over = drops and change < 0 and (number > 0 or laws.swallowed_rates)
        if not passed_over:
            found.append((later, _rate(change, value, other, seconds, options)))
        time, value = later, other
    found = [(time, value) for time, value in found if time >= reads_from]
    if len(found) < 2:
        return Line([])
    return Line(found[1:], found[0][1] if laws.first_rates else None)


def _rate(change: Number, value: Number, other: Number, seconds: float, options: Said) -> float:
    if options.get("counter") and change < 0 and not options.get("dropResets"):
        change = int(options.get("counterMax", _LONG_MAX)) - value + other
        reset = int(options.get("resetValue", 0))
        if reset > 0 and change / seconds > reset:
            return 0.0
    return change / seconds


def aggregated(lines: list[Line], name: str, is_rate: bool, laws: Laws) -> Points:
    """At each moment at which one of them has a point."""
    lines = [line for line in lines if line.shown]
    if len(lines) == 1 and name not in NOT_ITSELF and not laws.kind_of_numbers:
        return lines[0].shown
    all_integers = all(isinstance(value, int) for line in lines for _, value in line.shown)
    between = PREVIOUS if is_rate else BETWEEN.get(name, LINE)
    found: Points = []
    for moment in sorted({time for line in lines for time, _ in line.shown}):
        seen = [line for line in lines if line.shown[-1][0] >= moment and _has_begun(line, moment)]
        if laws.kind_of_numbers and not is_rate:
            integers = all(_is_integer_around(line, moment) for line in lines if line.shown[-1][0] >= moment)
        else:
            integers = all_integers
        given = [_given(line, moment, between, integers) for line in seen]
        values = [value for value in given if value is not None]
        if integers:
            found.append((moment, functions.of_integers(name, [int(value) for value in values])))
        else:
            found.append((moment, functions.of_doubles(name, [float(value) for value in values])))
    return found


def _has_begun(line: Line, moment: int) -> bool:
    return line.before is not None or line.shown[0][0] <= moment


def _is_integer_around(line: Line, moment: int) -> bool:
    """Its last point up to now, and its next."""
    behind = bisect_right(line.times, moment)
    return all(isinstance(value, int) for _, value in line.shown[max(behind - 1, 0) : behind + 1])


def _given(line: Line, moment: int, between: str, integers: bool) -> Number | None:
    """None for nothing."""
    behind = bisect_right(line.times, moment)
    if not behind:
        return line.before
    time, value = line.shown[behind - 1]
    if time == moment or between == PREVIOUS:
        return value
    if between == NOTHING:
        return None
    if between != LINE:
        return 0
    later, other = line.shown[behind]
    if integers:
        return int(value) + functions.cut((moment - time) * int(other - value), later - time)
    return value + (moment - time) * (other - value) / (later - time)


def is_nan(value: Number) -> bool:
    return isinstance(value, float) and math.isnan(value)
