"""How the ranges of a roll-up are computed, a stretch of them at a time, so that each has the value that the query
gives for it when it is asked of all time at once.

Ranges are counted from where the roll-up began, whichever stretch is asked for. Their values are stamped with the
beginning of the range, or its end where the query says so: KairosDB stamps them with their first point, so that a point
that comes late makes a second value of a range instead of another.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import msgspec
import numpy as np

from headrace import limits
from headrace.model.time import HOUR_MS, UNIT_MS
from headrace.protocols.kairosdb.reading import fields
from headrace.protocols.kairosdb.reading.aggregators.aggregator import Asked
from headrace.protocols.kairosdb.reading.aggregators.over_ranges import sampling_of
from headrace.protocols.kairosdb.reading.aggregators.table import AGGREGATORS
from headrace.protocols.kairosdb.reading.fields import refuse
from headrace.protocols.kairosdb.reading.wire import MetricQuery, read_metrics
from headrace.query.calendar import CALENDAR_UNITS
from headrace.query.chain.ranges import Ranges, Span

LOOK_BACK_BY_ONE: Final = ("diff", "rate", "sampler")
"""Aggregators that compare a value with the one before it."""

OF_POINTS: Final = ("gaps", "least_squares")
"""Aggregators over ranges whose values have times of points, however ranges are stamped."""

_MONTH_MS, _YEAR_MS = 31 * UNIT_MS["day"], 366 * UNIT_MS["day"]
_LONGEST_MS: Final = {
    **UNIT_MS,
    **{unit: UNIT_MS[unit] + HOUR_MS for unit in ("day", "week")},
    "month": _MONTH_MS + HOUR_MS,
    "year": _YEAR_MS + HOUR_MS,
}
"""The longest that a unit is by any calendar: clocks are set back by an hour."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Of one queried metric.

    metric: the queried metric as JSON, with its zone.   ranges: of the last aggregator that makes some.
    before_ms, after_ms: how much more than a stretch its values depend on.
    ends: for each save_as of the chain, whether its values are stamped with the ends of ranges.
    ranges_max: how many may be computed at once.
    """

    metric: bytes
    zone: str
    ranges: Ranges
    before_ms: int
    after_ms: int
    ends: tuple[bool, ...]
    ranges_max: int

    def question(self, first_ms: int, end_ms: int, now_ms: int) -> MetricQuery:
        """What to ask for the ranges from first_ms up to end_ms, where one ends."""
        said = {
            "start_absolute": first_ms - self.before_ms,
            "end_absolute": end_ms + self.after_ms - 1,
            "time_zone": self.zone,
            "metrics": [msgspec.json.decode(self.metric)],
        }
        [asked] = read_metrics(said, now_ms)
        return asked

    def floor(self, time_ms: int) -> int:
        """Where the range begins that holds a time."""
        return int(self.ranges.edges(time_ms, time_ms)[-1])

    @property
    def step_ms(self) -> int:
        """How long a range is, by the usual length of its unit."""
        return self.ranges.span.count * UNIT_MS[self.ranges.span.unit]

    def range_of(self, time_ms: int) -> tuple[int, int]:
        """Where the range that holds a time begins and ends."""
        first = self.floor(time_ms)
        return first, self._end(first)

    def ceiling(self, time_ms: int) -> int:
        """The first time from time_ms on at which a range begins."""
        first = self.floor(time_ms)
        return first if first == time_ms else self._end(first)

    def reach(self, first_ms: int, count: int, end_ms: int) -> int:
        """Where about `count` ranges from first_ms on end, at least one and none after end_ms, where one ends."""
        span = self.ranges.span
        is_exact = span.unit not in CALENDAR_UNITS
        reached = first_ms + (count if is_exact else count + 1) * span.count * UNIT_MS[span.unit]
        return max(self.floor(min(reached, end_ms)), self._end(first_ms))

    def _end(self, first_ms: int) -> int:
        return int(self.ranges.ends(np.array([first_ms], dtype=np.int64))[0])


def plan_of_metric(metric: Mapping[str, Any], zone: str, save_as: str, begin_ms: int, at: tuple[int, int]) -> Plan:
    """metric, zone: of a question that wire.read_metrics has found good.   begin_ms: where the roll-up begins.   at:
    which roll-up of the task and which metric of its query this is. Raises Refused (rule "query") for what no roll-up
    can be."""
    place = f"rollup[{at[0]}].query.metric[{at[1]}]"
    for number, group in enumerate(metric.get("group_by") or ()):
        if fields.text(fields.alone(group["name"]), place) != "tag":
            refuse(f"{place}.group_by[{number}]", "must be tag: other groups of a roll-up would replace one another")
    asked = Asked(begin_ms, begin_ms, fields.zone(zone, "query"))
    chain = _Chain(asked, place)
    for one in (*(metric.get("aggregators") or ()), {"name": "save_as", "metric_name": save_as}):
        chain.add(one)
    if not chain.spans:
        refuse(f"rollup[{at[0]}].query[{at[1]}].aggregator", "At least one aggregator must be a range aggregator")
    prepared = msgspec.json.encode({**metric, "aggregators": chain.aggregators})
    ranges = chain.ranges
    assert ranges is not None, "there is a span"
    if fields.integer(fields.alone(metric.get("limit")) or 0, f"{place}.limit") > 0:
        # So many points of each range, as in KairosDB, which asks for one range at a time.
        return Plan(prepared, zone, ranges, 0, 0, tuple(chain.ends), 1)
    inner = sum(chain.spans[:-1])
    most = limits.ROLLUP_STEP_GAPS_MAX if chain.marks_gaps else limits.ROLLUP_STEP_RANGES_MAX
    before_ms = inner + chain.values_back * max(chain.spans)
    return Plan(prepared, zone, ranges, before_ms, inner, tuple(chain.ends), most)


class _Chain:
    """The aggregators of a roll-up, one after the other.

    spans: the longest that each of those over ranges looks at, in ms.   values_back: how many values before its own
    others look at.
    """

    def __init__(self, asked: Asked, place: str) -> None:
        self.aggregators: list[dict[str, Any]] = []
        self.spans: list[int] = []
        self.ranges: Ranges | None = None
        self.ends: list[bool] = []
        self.values_back = 0
        self.marks_gaps = False
        self._asked = asked
        self._place = place
        self._last: dict[str, Any] | None = None

    def add(self, said: Mapping[str, Any]) -> None:
        """The next one. Raises Refused."""
        place = f"{self._place}.aggregators[{len(self.aggregators)}]"
        one = {**said, "name": fields.text(fields.alone(said["name"]), place)}
        feature = AGGREGATORS[one["name"]].feature
        if "align_sampling" in feature.properties and one["name"] != "movingWindow":
            if one.get("start_time") is None:
                one["start_time"] = self._asked.start_ms
            self.ranges = sampling_of(feature.read(one, place), self._asked).ranges
            self.spans.append(_longest_ms(self.ranges.span))
            self.marks_gaps |= one["name"] == "gaps"
            self._last = one
        elif one["name"] in LOOK_BACK_BY_ONE:
            self.values_back += 2
        elif one["name"] == "sma":
            size = int(feature.read(one, place)["size"])
            if size > limits.ROLLUP_LOOK_BACK_MAX:
                refuse(f"{place}.size", f"must be less than or equal to {limits.ROLLUP_LOOK_BACK_MAX} in a roll-up")
            self.values_back += size + 1
        elif one["name"] == "movingWindow":
            refuse(place, "cannot be movingWindow: its windows overlap, and a roll-up computes ranges side by side")
        elif one["name"] == "trim":
            refuse(place, "cannot be trim: a roll-up computes whole ranges alone, of which none is to be trimmed")
        elif one["name"] == "save_as":
            self.ends.append(_stamp(self._last) if self._last is not None else False)
        self.aggregators.append(one)


def _stamp(aggregator: dict[str, Any]) -> bool:
    """Stamp its values with the beginnings of ranges if they would get times of points. Returns whether they get the
    ends of ranges."""
    if fields.boolean(aggregator.get("align_start_time") or False, ""):
        return False
    if fields.boolean(aggregator.get("align_end_time") or False, ""):
        return aggregator["name"] not in OF_POINTS
    aggregator["align_start_time"] = True
    return False


def _longest_ms(span: Span) -> int:
    return span.count * _LONGEST_MS[span.unit]
