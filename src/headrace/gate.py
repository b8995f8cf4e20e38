"""The gate: the one place that decides whether a point may live here, by a rule set that the room names.

Names are checked once per series and rule set, not once per point: a series remembers which rule sets it satisfies.
"""

from __future__ import annotations

import functools
import re
from array import array
from collections import Counter
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from headrace import limits
from headrace.errors import Refused
from headrace.kernels.series import names as kernel
from headrace.model.points import Admitted, PartedNames, Points, Values, take_optional
from headrace.model.series import UNKNOWN, Key, Registry, SeriesName
from headrace.model.series_limits import NamesOfRequest
from headrace.rules import Rule

RULE_SETS_MAX = 8
"""Bits of the byte in which a series remembers the rule sets that it satisfies."""


@dataclass(frozen=True, slots=True)
class RuleSet:
    """What a room asks of the names of a series. Data, not code.

    bit: this rule set's place in a series' memory, 0 to 7. No other rule set may have it, or names that only the other
    has checked would pass unchecked (tests/test_rule_sets.py). It is not on disk: after a start all names are new.
    illegal_character: matches one character that metric names, tag keys and tag values may not hold; None: all are
    fine.
    tags_min, tags_max: number of tags.   name_bytes_max: UTF-8 bytes of a metric, a tag key or a tag value.
    """

    name: str
    bit: int
    illegal_character: re.Pattern[str] | None
    tags_min: int
    tags_max: int
    name_bytes_max: int

    def __post_init__(self) -> None:
        assert 0 <= self.bit < RULE_SETS_MAX, f"a series remembers {RULE_SETS_MAX} rule sets"

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
        self._check_text("metric", "metric-character", series.metric)
        for key, value in series.tags:
            if not key:
                raise Refused("tag-key-empty", "a tag key is empty")
            self._check_text("tag-key", "tag-key-character", key)
            if not value:
                raise Refused("tag-value-empty", "a tag value is empty", key)
            self._check_text("tag-value", "tag-value-character", value, key)

    def _check_text(self, what: str, character_rule: Rule, text: str, at: str = "") -> None:
        if len(text.encode()) > self.name_bytes_max:
            raise Refused("name-too-long", f"{what} is longer than {self.name_bytes_max} bytes", at)
        if self.illegal_character is not None and (bad := self.illegal_character.search(text)):
            raise Refused(character_rule, f'illegal character "{bad.group()}" in {what} "{text}"', at)


@dataclass(frozen=True, slots=True)
class Admission:
    """What the gate says of a batch: the points that may pass, and what became of the others."""

    admitted: Admitted
    refused: list[tuple[int, Refused, SeriesName]]
    """(place in the request, why, the offending name) of the first keys that were refused, at most
    limits.REFUSALS_WORDED_MAX, in the order of the request."""
    left_out: NDArray[np.int64]
    """int64[r], the rows of all keys that were refused."""
    by_rule: Counter[str]
    """All of these, by the broken rule, in the order in which it was first broken."""
    lost: int
    """Points that these keys stand for."""


def admit(points: Points, rules: RuleSet, table: Registry) -> Admission:
    """Look up every point's series, registering new ones that satisfy `rules`. Order of points is kept.

    A registered series is visible to queries only when a point of it has been committed (store.append). Any thread.
    Series that are too many, or whose names are too large, are refused per point, never the batch.
    Raises Unavailable when too many new names wait for the disk.
    """
    series, unchecked = _look_up(points, rules, table)
    request = NamesOfRequest()
    if len(unchecked) and isinstance(points.names, PartedNames):
        _register_plain(points.keys, points.names, unchecked, rules, table, request)
        series, unchecked = _look_up(points, rules, table)
    if not len(unchecked):
        return Admission(_whole(series, points), [], unchecked, Counter(), 0)
    refusals = _register_each(points, unchecked, rules, table, request)
    series, left_out = _look_up(points, rules, table)
    if not len(left_out):
        return Admission(_whole(series, points), [], left_out, Counter(), 0)
    keep = np.ones(len(points.keys), dtype=np.bool_)
    keep[left_out] = False
    assert not np.any(series[keep] == UNKNOWN), "every kept point has a series"
    admitted = _take(series, points, keep)
    return Admission(
        admitted,
        [(int(points.places[row]), *refusals.worded[key]) for row, key in _first(points, left_out, refusals)],
        left_out,
        refusals.by_rule(points.keys[left_out]),
        len(points) - len(admitted),
    )


def _first(points: Points, left_out: NDArray[np.int64], refusals: _Refusals) -> list[tuple[int, Key]]:
    rows: list[int] = left_out[: limits.REFUSALS_WORDED_MAX].tolist()
    keys = [(row, _key(points, row)) for row in rows]
    # Where others have registered some of the refused meanwhile, the first that are left may be beyond the worded.
    return [(row, key) for row, key in keys if key in refusals.worded]


def _key(points: Points, row: int) -> Key:
    return int(points.keys[row, 0]), int(points.keys[row, 1])


class _Refusals:
    """Of the keys of a batch: why and under which name, for the first limits.REFUSALS_WORDED_MAX; only by which rule,
    for all."""

    def __init__(self) -> None:
        self.worded: dict[Key, tuple[Refused, SeriesName]] = {}
        self._keys = array("Q")
        self._rules = bytearray()
        self._codes: dict[str, int] = {}

    def add(self, key: Key, refusal: Refused, name: SeriesName) -> None:
        """A key that has not been added yet."""
        if len(self.worded) < limits.REFUSALS_WORDED_MAX:
            self.worded[key] = (refusal, name)
        self._keys.append(key[0])
        self._rules.append(self._codes.setdefault(refusal.rule, len(self._codes)))

    def by_rule(self, keys: NDArray[np.uint64]) -> Counter[str]:
        """How many of the keys, each of which has been added, break which rule."""
        # Half a key tells them apart well enough to be counted.
        known = np.frombuffer(self._keys, dtype=np.uint64)
        order = np.argsort(known)
        codes = np.frombuffer(self._rules, dtype=np.uint8)[order[np.searchsorted(known[order], keys[:, 0])]]
        counts = np.bincount(codes, minlength=len(self._codes)).tolist()
        return +Counter(dict(zip(self._codes, counts, strict=True)))


def _look_up(points: Points, rules: RuleSet, table: Registry) -> tuple[NDArray[np.uint32], NDArray[np.int64]]:
    """The points' ordinals, and the rows whose names are not known to satisfy `rules`."""
    series, satisfied = table.lookup(points.keys)
    [unchecked] = ((satisfied & (1 << rules.bit)) == 0).nonzero()
    return series, unchecked


def _register_each(
    points: Points, unchecked: NDArray[np.int64], rules: RuleSet, table: Registry, request: NamesOfRequest
) -> _Refusals:
    """Check the names of rows `unchecked` one by one, each once, and register the good ones. Returns the others."""
    refusals = _Refusals()
    for row in _first_rows(points.keys, unchecked).tolist():
        key = _key(points, row)
        name = points.names.name(row)
        try:
            rules.check(name)
            table.register(key, name, rules.bit, request)
        except Refused as refusal:
            # Its traceback would keep what each check had in its hands, long names in several forms.
            refusals.add(key, refusal.with_traceback(None), name)
    return refusals


def _register_plain(
    keys: NDArray[np.uint64],
    names: PartedNames,
    unchecked: NDArray[np.int64],
    rules: RuleSet,
    table: Registry,
    request: NamesOfRequest,
) -> None:
    """Register, of the names of rows `unchecked`, those whose bytes alone show that they satisfy `rules`, by kernels.

    Whatever else there is, one too many included, is left to the check of each name, which words the refusals.
    """
    rows = _first_rows(keys, unchecked)
    order = np.empty(rules.tags_max, dtype=np.int64)
    for start in range(0, len(rows), limits.PLAIN_NAMES_AT_ONCE):
        chunk = rows[start : start + limits.PLAIN_NAMES_AT_ONCE]
        parts = names.parts(chunk)
        count = int(parts.name_ends[-1])
        room = int((parts.ends[:count] - parts.begins[:count]).sum()) + _LENGTH_BYTES_MAX * count
        heap = np.empty(room, dtype=np.uint8)
        lengths = np.empty(len(chunk), dtype=np.uint32)
        plain = _plain_characters(rules.illegal_character)
        sizes = (rules.tags_min, rules.tags_max, rules.name_bytes_max)
        used = kernel.write_plain(*parts, plain, *sizes, order, lengths, heap)
        good = np.flatnonzero(lengths)
        table.register_many(keys[chunk[good]], lengths[good], heap[:used], rules.bit, request)


_LENGTH_BYTES_MAX = 5
"""Of a part's length in canonical form: enough for 2^35 - 1."""


@functools.cache
def _plain_characters(illegal: re.Pattern[str] | None) -> NDArray[np.uint8]:
    """uint8[256]: 1 for each byte that is an ASCII character which `illegal` does not match."""
    plain = np.zeros(256, dtype=np.uint8)
    for byte in range(128):
        plain[byte] = illegal is None or illegal.search(chr(byte)) is None
    return plain


def _first_rows(keys: NDArray[np.uint64], rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """The first row of each distinct key among `rows`, in their order."""
    slots = np.full(1 << (2 * len(rows)).bit_length(), -1, dtype=np.int64)
    found = np.empty(len(rows), dtype=np.int64)
    return found[: kernel.first_rows(keys, rows, slots, found)]


def _whole(series: NDArray[np.uint32], points: Points) -> Admitted:
    """All points. series: of each key."""
    if points.runs is not None:
        series = np.repeat(series, points.runs)
    return Admitted(series, points.times, points.values, points.expires, points.arrivals)


def _take(series: NDArray[np.uint32], points: Points, keep: NDArray[np.bool_]) -> Admitted:
    """The points of the keys that `keep` marks."""
    admitted = _whole(series, points)
    rows = np.flatnonzero(keep if points.runs is None else np.repeat(keep, points.runs))
    values = Values(points.values.kinds[rows], points.values.bits[rows], points.values.heap)
    expires, arrivals = take_optional(points.expires, rows), take_optional(points.arrivals, rows)
    return Admitted(admitted.series[rows], points.times[rows], values, expires, arrivals)
