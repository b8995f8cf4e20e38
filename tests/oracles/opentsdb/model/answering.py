"""What a server of some laws answers to a question of asked_points: elements as in the JSON, without what names it."""

from __future__ import annotations

from itertools import groupby
from typing import Any

from oracles.opentsdb.model import downsampling
from oracles.opentsdb.model.across import aggregated, is_nan, plain, rated
from oracles.opentsdb.model.downsampling import Downsampling
from oracles.opentsdb.model.functions import of_doubles
from oracles.opentsdb.model.laws import Laws
from oracles.opentsdb.model.series import Group, Points, Said, by_ids, by_tsuid, groups, named, points_of, tags
from oracles.opentsdb.worlds import milliseconds_of

Pairs = list[tuple[str, Any]]


class Element(dict[str, Any]):
    """index, metric, tags, aggregateTags, members (how many), dps as pairs."""


def elements(said: Said, laws: Laws) -> list[Element]:
    """All of an answer. Raises AssertionError for a question that is none of asked_points'."""
    found: list[Element] = []
    answered: list[Said] = []
    ignored = ("metric", "filters", "tags", "explicitTags") if by_tsuid(said) else ()
    for index, part in enumerate(said["query"]["queries"]):
        asked = {name: value for name, value in part.items() if name not in ignored}
        if laws.asked_twice and asked in answered:
            continue
        answered.append(asked)
        found += _of_part(said, index, part, laws)
    return found


def _of_part(said: Said, index: int, part: Said, laws: Laws) -> list[Element]:
    query = said["query"]
    down = downsampling.of(part, said, laws)
    over = downsampling.read(milliseconds_of(query["start"]), milliseconds_of(query["end"]), down, laws)
    series = named(said) if by_tsuid(said) else said["series"]
    present = [one for one in series if _read(one, over.reads)]
    if laws.by_order:
        present = by_ids(present, said["ids"])
    found = []
    for group in groups(said, part, present):
        common, others = tags(group)
        points = [
            (time, value)
            for time, value in _computed(group, part, down, over, laws)
            if over.start_ms <= time <= over.end_ms
        ]
        if points or laws.empty_element:
            pairs = _shown(points, said, part, down, laws)
            name = {"index": index, "metric": group[0]["metric"], "tags": common, "aggregateTags": others}
            found.append(Element(name, members=len(group), dps=pairs))
    return found


def _read(one: Said, reads: tuple[int, int]) -> Points:
    return [(time, value) for time, value in points_of(one) if reads[0] <= time < reads[1]]


def _computed(group: Group, part: Said, down: Downsampling | None, over: downsampling.Range, laws: Laws) -> Points:
    is_rate = bool(part.get("rate"))
    lines = []
    for one in group:
        points = _read(one, over.reads)
        if down is not None:
            points = downsampling.downsampled(points, down, over, laws, is_rate)
        reads_from = over.reads[0] if laws.edge_buckets else 0
        options = part.get("rateOptions") or {}
        lines.append(rated(points, reads_from, options, laws) if is_rate else plain(points, reads_from))
    return aggregated(lines, part["aggregator"], is_rate, laws)


def _shown(points: Points, said: Said, part: Said, down: Downsampling | None, laws: Laws) -> Pairs:
    """As they are written: NaN as a word or null, times in the unit asked for."""
    in_ms = bool(said["query"].get("msResolution"))
    if not in_ms and not said.get("arrays"):
        points = _one_a_second(points, part["aggregator"], laws)
    missing = None if down is not None and down.is_null else "NaN"
    return [(str(time if in_ms else time // 1000), missing if is_nan(value) else value) for time, value in points]


def _one_a_second(points: Points, aggregator: str, laws: Laws) -> Points:
    found: Points = []
    for _, several in groupby(points, lambda point: point[0] // 1000):
        second = list(several)
        time, value = second[-1]
        if len(second) > 1 and aggregator != "none" and not laws.within_a_second:
            value = of_doubles(aggregator, [float(each) for _, each in second if not is_nan(each)] or [float("nan")])
        found.append((time, value))
    return found
