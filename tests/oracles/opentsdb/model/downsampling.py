"""One value per bucket of a series, by OpenTSDB's laws (Downsampler, FillingDownsampler) or headrace's."""

from __future__ import annotations

import bisect
import math
import re
from dataclasses import dataclass

from oracles.opentsdb.model import calendars
from oracles.opentsdb.model.functions import Number, of_doubles
from oracles.opentsdb.model.laws import Laws
from oracles.opentsdb.model.series import Points, Said

HOUR_MS = 3_600_000
_SPELLING = re.compile(r"(?:0all|([0-9]+)(ms|[smhdwny])(c?))-([A-Za-z0-9]+)(?:-([a-z]+))?")


@dataclass(frozen=True)
class Range:
    """start_ms, end_ms: as asked, both included.   reads: the first instant that is read, and the first behind."""

    start_ms: int
    end_ms: int
    reads: tuple[int, int]


@dataclass(frozen=True)
class Downsampling:
    """count: 0 for one bucket.   fill: of an empty bucket, or None.   zone: "" for buckets of fixed length."""

    count: int
    unit: str
    zone: str
    function: str
    fill: float | None
    is_null: bool

    @property
    def length_ms(self) -> int:
        return self.count * calendars.UNIT_MS[self.unit] if self.count else 0


def of(part: Said, said: Said, laws: Laws) -> Downsampling | None:
    """None for a part that does not downsample."""
    if "downsample" not in part:
        return None
    found = _SPELLING.fullmatch(part["downsample"])
    assert found, part["downsample"]
    count, unit, by_calendar, function, fill = found.groups()
    query = said["query"]
    zone = ""
    if count and (by_calendar or query.get("useCalendar")):
        zone = "UTC" if said.get("get") and laws.zone_on_get else query.get("timezone", "UTC")
    filled = {None: None, "none": None, "zero": 0.0}.get(fill, math.nan)
    return Downsampling(int(count or 0), unit or "", zone, function, filled, fill == "null")


def read(start_ms: int, end_ms: int, down: Downsampling | None, laws: Laws) -> Range:
    """What is read for a question: rows of whole hours (TsdbQuery), or what headrace reads in their place."""
    if down and not down.count and not laws.members_of_one_bucket:
        return Range(start_ms, end_ms, (start_ms, end_ms))
    if down and down.zone and not laws.edge_buckets:
        longest = 2 * down.length_ms + 2 * 86_400_000
        edges = calendars.edges(start_ms, (start_ms, end_ms + longest), down.count, down.unit, down.zone)
        first, behind = edges[0], edges[bisect.bisect_right(edges, end_ms)]
        return Range(start_ms, end_ms, (first // HOUR_MS * HOUR_MS, -(-behind // HOUR_MS) * HOUR_MS))
    start, end = start_ms // 1000, end_ms // 1000 + 1
    if down and down.count:
        length = down.length_ms
        start -= (1000 * start % length) // 1000
        end += (length - 1000 * end % length) // 1000
        behind = -(-end // 3600) * 3600
    else:
        behind = end // 3600 * 3600 + 3600
    return Range(start_ms, end_ms, (start // 3600 * 3_600_000, behind * 1000))


def downsampled(points: Points, down: Downsampling, over: Range, laws: Laws, rate: bool) -> Points:
    """The buckets of one series."""
    if not down.count:
        inside = [value for time, value in points if over.start_ms <= time < over.end_ms]
        return [(over.start_ms, _value(down, inside))] if inside else []
    if not down.zone:
        return _fixed(points, down, over, laws, rate)
    if laws.several_calendar_units or laws.edge_buckets or laws.running_bucket:
        return _by_javas_calendar(points, down, over, laws, rate)
    return _by_edges(points, down, over, rate)


def _value(down: Downsampling, values: list[Number]) -> float:
    return of_doubles(down.function, [float(value) for value in values])


def _fixed(points: Points, down: Downsampling, over: Range, laws: Laws, rate: bool) -> Points:
    length = down.length_ms
    first = -(-over.reads[0] // length) * length
    found: dict[int, list[Number]] = {}
    for time, value in points:
        if time >= first:
            found.setdefault(time // length * length, []).append(value)
    reduced = {start: _value(down, values) for start, values in found.items()}
    if down.fill is None:
        return list(reduced.items())
    begin = (-(-over.start_ms // length) - rate) * length
    begin = over.reads[0] // length * length if laws.swallowed_rates else max(begin, first)
    end = over.reads[1] // length * length if laws.swallowed_rates else over.end_ms + 1
    return [(start, reduced.get(start, down.fill)) for start in range(begin, end, length)]


def _by_edges(points: Points, down: Downsampling, over: Range, rate: bool) -> Points:
    edges = calendars.edges(over.start_ms, over.reads, down.count, down.unit, down.zone)
    found: dict[int, list[Number]] = {}
    for time, value in points:
        found.setdefault(edges[bisect.bisect_right(edges, time) - 1], []).append(value)
    reduced = {start: _value(down, values) for start, values in found.items()}
    if down.fill is None:
        return list(reduced.items())
    begin = max(bisect.bisect_left(edges, over.start_ms) - rate, bisect.bisect_left(edges, over.reads[0]))
    shown = [edge for edge in edges[begin:] if edge <= over.end_ms]
    return [(start, reduced.get(start, down.fill)) for start in shown]


def _by_javas_calendar(points: Points, down: Downsampling, over: Range, laws: Laws, rate: bool) -> Points:
    """Counted from the first point that is read; a fill counts from the start of what is read, and where the two do not
    meet, values are passed over."""
    first, behind = over.reads
    skipped_to = calendars.bucket_before(first, down.count, down.unit, down.zone)
    if skipped_to < first:
        skipped_to = _next(skipped_to, down)
    reduced = _from_first([(time, value) for time, value in points if time >= skipped_to], down)
    if down.fill is None:
        return reduced
    grid = calendars.bucket_before(first, down.count, down.unit, down.zone)
    end = calendars.bucket_before(behind, down.count, down.unit, down.zone)
    if end == grid or not laws.running_bucket:
        end = _next(end, down)
    values = dict(reduced)
    filled = []
    while grid < end:
        filled.append((grid, values.get(grid, down.fill)))
        grid = _next(grid, down)
    return filled


def _from_first(points: Points, down: Downsampling) -> Points:
    reduced: Points = []
    if not points:
        return reduced
    start = calendars.bucket_before(points[0][0], down.count, down.unit, down.zone)
    following = _next(start, down)
    inside: list[Number] = []
    for time, value in points:
        if time >= following:
            reduced.append((start, _value(down, inside)))
            inside = []
            while time >= following:
                start, following = following, _next(following, down)
        inside.append(value)
    return [*reduced, (start, _value(down, inside))]


def _next(edge: int, down: Downsampling) -> int:
    return calendars.plus(edge, down.count, down.unit, down.zone)
