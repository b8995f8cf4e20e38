"""The gate: the one place that decides whether a point may live here, by a rule set that the room names.

Names are checked once per series and rule set, not once per point: a series remembers which rule sets it satisfies.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from headrace.errors import Refused
from headrace.model.points import Admitted, Points, Values
from headrace.model.series import UNKNOWN, SeriesName, SeriesTable


@dataclass(frozen=True, slots=True)
class RuleSet:
    """What a room asks of the names of a series. Data, not code.

    bit: this rule set's place in a series' memory, 0..7; unique among all rooms.
    characters: matches one character that metric names, tag keys and tag values may not hold; None: all are fine.
    tags_min, tags_max: number of tags.   name_bytes_max: UTF-8 bytes of a metric, a tag key or a tag value.
    """

    name: str
    bit: int
    illegal_character: re.Pattern[str] | None
    tags_min: int
    tags_max: int
    name_bytes_max: int

    def check(self, series: SeriesName) -> None:
        """Raises Refused with one of the rules metric-empty, tags-missing, tags-too-many, name-too-long,
        metric-character, tag-key-empty, tag-key-character, tag-value-empty, tag-value-character. Its detail is in plain
        words; a room that has its own words for the rule makes them of the name (faults.py)."""
        if not series.metric:
            raise Refused("metric-empty", "the metric name is empty")
        if len(series.tags) < self.tags_min:
            raise Refused("tags-missing", f"at least {self.tags_min} tag is needed")
        if len(series.tags) > self.tags_max:
            raise Refused("tags-too-many", f"{len(series.tags)} tags, at most {self.tags_max} are allowed")
        self._check_text("metric", series.metric)
        for key, value in series.tags:
            if not key:
                raise Refused("tag-key-empty", "a tag key is empty")
            self._check_text("tag-key", key)
            if not value:
                raise Refused("tag-value-empty", "a tag value is empty", key)
            self._check_text("tag-value", value, key)

    def _check_text(self, what: str, text: str, at: str = "") -> None:
        if len(text.encode()) > self.name_bytes_max:
            raise Refused("name-too-long", f"{what} is longer than {self.name_bytes_max} bytes", at)
        if self.illegal_character is not None and (bad := self.illegal_character.search(text)):
            raise Refused(f"{what}-character", f'illegal character "{bad.group()}" in {what} "{text}"', at)


@dataclass(frozen=True, slots=True)
class Admission:
    """What the gate says of a batch: the points that may pass, and a refusal for each other point, by its place."""

    admitted: Admitted
    refused: list[tuple[int, Refused, SeriesName]]
    """(place in the request, why, the offending name), in the order of the request."""


def admit(points: Points, rules: RuleSet, table: SeriesTable) -> Admission:
    """Look up every point's series, registering new ones that satisfy `rules`. Order of points is kept.

    A registered series is visible to queries only when a point of it has been committed (store.append).
    Raises Refused (rule "series-limit") only per point, never for the batch.
    """
    series, satisfied = table.lookup(points.keys)
    unchecked = np.flatnonzero((satisfied & (1 << rules.bit)) == 0)
    if not len(unchecked):
        return Admission(Admitted(series, points.times, points.values, points.expires), [])
    refusals: dict[tuple[int, int], tuple[Refused, SeriesName]] = {}
    for row, key in _first_rows(points.keys, unchecked):
        name = points.names.name(row)
        try:
            rules.check(name)
            table.register(key, name, rules.bit)
        except Refused as refusal:
            refusals[key] = (refusal, name)
    series, _ = table.lookup(points.keys)
    if not refusals:
        return Admission(Admitted(series, points.times, points.values, points.expires), [])
    refused = []
    keep = np.ones(len(points), dtype=np.bool_)
    for unkept in unchecked.tolist():
        key = (int(points.keys[unkept, 0]), int(points.keys[unkept, 1]))
        if key in refusals:
            keep[unkept] = False
            refused.append((int(points.places[unkept]), *refusals[key]))
    kept = np.flatnonzero(keep)
    assert not np.any(series[kept] == UNKNOWN), "every kept point has a series"
    return Admission(_take(series, points, kept), refused)


def _first_rows(keys: NDArray[np.uint64], rows: NDArray[np.int64]) -> Iterator[tuple[int, tuple[int, int]]]:
    """(row, key) for the first row of each distinct key among `rows`."""
    seen = set()
    for row in rows.tolist():
        key = (int(keys[row, 0]), int(keys[row, 1]))
        if key not in seen:
            seen.add(key)
            yield row, key


def _take(series: NDArray[np.uint32], points: Points, rows: NDArray[np.int64]) -> Admitted:
    values = Values(points.values.kinds[rows], points.values.bits[rows], points.values.heap)
    expires = None if points.expires is None else points.expires[rows]
    return Admitted(series[rows], points.times[rows], values, expires)
