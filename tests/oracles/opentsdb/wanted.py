"""The differences from OpenTSDB 2.4.1 that are known and stay, each with its reason."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection
from typing import Any

from oracles.comparing.asking import NO_ANSWER, Answer
from oracles.comparing.differences import Difference, Table, Wanted
from oracles.expressions.wanted import EXPRESSIONS
from oracles.opentsdb.judging import alike
from oracles.opentsdb.sorts import Case
from oracles.opentsdb.worlds import milliseconds_of
from oracles.opentsdb.writing.wanted import WRITING

POINTS = ("values", "times", "elements", "empty element", "order of times")
"""Kinds of difference that are about points."""

HOUR_MS = 3_600_000

CALENDAR = re.compile(r"([0-9]+)(ms|[smhdwny])c-")


def table() -> Table[Case]:
    """A new one, with nothing met."""
    return Table([*QUERIES, *EXPRESSIONS, *WRITING])


def _is(*kinds: str) -> Callable[[Case, Difference], bool]:
    return lambda case, found: found.kind in kinds


def _asks(part: dict[str, Any], query: dict[str, Any]) -> tuple[int, str] | None:
    """Count and unit of a part that downsamples by the calendar."""
    text = str(part.get("downsample", ""))
    found = CALENDAR.match(text) or (query.get("useCalendar") and re.match(r"([0-9]+)(ms|[smhdwny])-", text))
    return (int(found[1]), found[2]) if found else None


def _by_calendar(case: Case) -> bool:
    return any(_asks(part, case.query) for part in case.parts)


def _status(found: Difference, real: Collection[int], ours: Collection[int]) -> bool:
    return (
        found.kind == "status"
        and isinstance(found.real, Answer)
        and isinstance(found.ours, Answer)
        and found.real.status in real
        and found.ours.status in ours
    )


def _message(found: Difference) -> str:
    """What OpenTSDB said."""
    return found.real.body.decode(errors="replace") if isinstance(found.real, Answer) else ""


def _in_doubles(case: Case, found: Difference) -> bool:
    """OpenTSDB says an integer at each moment that differs, and headrace a double, of series that have both kinds."""
    if found.kind == "number kind":
        return True
    values = _values(case)
    mixed = any(isinstance(value, int) for value in values) and any(isinstance(value, float) for value in values)
    return (
        mixed
        and found.kind == "values"
        and all(isinstance(value, int) and isinstance(other, float) for _, value, other in _unlike(found))
    )


def _values(case: Case) -> list[Any]:
    """All that were written."""
    return [value for one in case.said.get("series", ()) for _, value in one["points"] + one.get("again", [])]


def _unlike(found: Difference) -> list[tuple[str, Any, Any]]:
    """(time, OpenTSDB's value, headrace's) where they differ, of a difference in values."""
    real, ours = found.real, found.ours
    assert isinstance(real, list)
    assert isinstance(ours, list)
    return [
        (time, value, other) for (time, value), (_, other) in zip(real, ours, strict=True) if not alike(value, other)
    ]


def _start_is_end(case: Case, found: Difference) -> bool:
    return _status(found, [400], [200]) and "must be greater than the start time" in _message(found)


def _not_key(case: Case, found: Difference) -> bool:
    return "not_key" in json.dumps(case.said) and found.kind == "status"


def _zone_on_get(case: Case, found: Difference) -> bool:
    return (
        bool(case.said.get("get"))
        and case.query.get("timezone", "UTC") != "UTC"
        and _by_calendar(case)
        and found.kind in POINTS
    )


def _first_rates(case: Case, found: Difference) -> bool:
    """Values before every series of the group has given its first rate."""
    rated = [part for part in case.parts if part.get("rate") and part["aggregator"] != "none"]
    if not rated or found.kind != "values":
        return False
    if any(part.get("downsample") or (part.get("rateOptions") or {}).get("dropResets") for part in rated):
        return True
    read_from = milliseconds_of(int(case.query["start"])) // HOUR_MS * HOUR_MS
    read = [[time for time in _times(one) if time >= read_from] for one in case.said["series"]]
    latest = max((times[:2][-1] for times in read if times), default=0)
    return all(milliseconds_of(int(time)) <= latest for time, _, _ in _unlike(found))


def _times(series: dict[str, Any]) -> list[int]:
    """Of its points, in ms."""
    return sorted(milliseconds_of(time) for time, _ in series["points"] + series.get("again", []))


def _edge_buckets(case: Case, found: Difference) -> bool:
    return _by_calendar(case) and found.kind in ("times", "tsuids", "elements", "values")


def _swallowed_rates(case: Case, found: Difference) -> bool:
    """With dropResets, OpenTSDB takes a first value below zero for a fall from the zero of time zero."""
    dropping = any((part.get("rateOptions") or {}).get("dropResets") for part in case.parts)
    return dropping and found.kind in POINTS and any(value < 0 for value in _values(case))


def _members(case: Case, found: Difference) -> bool:
    """Elements with other tags, or more tsuids; and, as they pair otherwise for it, other times."""
    one_bucket = any(str(part.get("downsample", "")).startswith("0all") for part in case.parts)
    return one_bucket and found.kind in ("elements", "tsuids", "times")


def _running_bucket(case: Case, found: Difference) -> bool:
    filling = any(_asks(part, case.query) and part["downsample"].count("-") == 2 for part in case.parts)
    return filling and found.kind in ("times", "elements", "values")


def _by_order(case: Case, found: Difference) -> bool:
    return found.kind == "values" and any(part["aggregator"] in ("first", "last", "diff") for part in case.parts)


def _several_units(case: Case, found: Difference) -> bool:
    asked = [_asks(part, case.query) for part in case.parts]
    return any(one and one[0] > 1 for one in asked) and found.kind in POINTS


def _unknown_tag(case: Case, found: Difference) -> bool:
    return _status(found, [400, 500], [200]) and "No such name for 'tag" in _message(found)


def _asked_twice(case: Case, found: Difference) -> bool:
    ignored = ("metric", "filters", "tags", "explicitTags") if case.said.get("by_tsuid") else ()
    asked = [{name: value for name, value in part.items() if name not in ignored} for part in case.parts]
    texts = [json.dumps(part, sort_keys=True) for part in asked]
    return len(set(texts)) < len(texts) and found.kind == "elements"


def _echo_of_wildcard(case: Case, found: Difference) -> bool:
    return found.kind == "echo" and "iwildcard" in found.words


def _echo_of_one_key(case: Case, found: Difference) -> bool:
    keys = [[one["tagk"] for one in part.get("filters", [])] for part in case.parts]
    return found.kind == "echo" and any(len(set(some)) < len(some) for some in keys)


def _fails(case: Case, found: Difference) -> bool:
    return _status(found, [500, NO_ANSWER], [200, 204, 400, 404, 405])


def _stricter(case: Case, found: Difference) -> bool:
    return case.sort.name == "broken" and _status(found, [200, 204, 304, 404], [400])


def _other_method(case: Case, found: Difference) -> bool:
    return _status(found, [200, 400, 404], [405])


def _null_is_nothing(case: Case, found: Difference) -> bool:
    return "null" in str(case.said.get("body")) and _status(found, [400], [200])


def _no_downsampling(case: Case, found: Difference) -> bool:
    return _status(found, [400], [200]) and "none" in str(case.said.get("body")).lower()


def _unknown_member(case: Case, found: Difference) -> bool:
    return _status(found, [400], [200]) and "Unrecognized field" in _message(found)


def _within_a_second(case: Case, found: Difference) -> bool:
    between = any(time > 10**11 and time % 1000 for one in case.said.get("series", ()) for time, _ in one["points"])
    fine = between or any("ms" in str(part.get("downsample")) for part in case.parts)
    return fine and found.kind in ("values", "number kind") and not case.query.get("msResolution")


def _serializers(case: Case, found: Difference) -> bool:
    return "/serializers" in str(case.said.get("path")) and _status(found, [404], [200])


def _scan_of_several(case: Case, found: Difference) -> bool:
    asked = case.said.get("asked", {})
    scanned = case.said.get("what") == "last" and asked.get("back_scan", "0") != "0"
    return scanned and len(asked.get("tags", {})) < 2 and found.kind == "body" and not found.real


def _value_of_any_key(case: Case, found: Difference) -> bool:
    """A lookup that names a value without a key beside a pair with one."""
    pairs = case.said.get("asked", {}).get("tags") if case.said.get("what") == "lookup" else None
    if not pairs or found.kind not in ("body", "status"):
        return False
    keyed = [key for key, _ in pairs if key not in ("", "*")]
    return bool(keyed) and any(key in ("", "*") and value not in ("", "*") for key, value in pairs)


QUERIES: list[Wanted[Case]] = [
    Wanted("words", "a refusal says in our own words what is wrong, and where", _is("words"), in_short_run=True),
    Wanted(
        "empty element",
        "a group without points in the range is no element: clients take its first point",
        _is("empty element"),
        in_short_run=True,
    ),
    Wanted(
        "kind of numbers",
        "integer or double is decided for a series, not anew at each moment",
        _in_doubles,
        in_short_run=True,
    ),
    Wanted("start is end", "a question about one moment is answered", _start_is_end, in_short_run=True),
    Wanted("not_key", "documented for 2.4, and unknown to 2.4.1", _not_key),
    Wanted("zone on GET", "timezone counts on GET as it does on POST", _zone_on_get),
    Wanted(
        "first rates",
        "a series takes part once it has a rate; OpenTSDB draws a line from its first value at time zero",
        _first_rates,
    ),
    Wanted(
        "swallowed rates",
        "dropResets drops falls between points alone; OpenTSDB sees one before a first value below zero",
        _swallowed_rates,
    ),
    Wanted("members of one bucket", "of 0all, a series without a point in the range is no member", _members),
    Wanted(
        "several calendar units", "counted from the first of January whether or not gaps are filled", _several_units
    ),
    Wanted("running bucket", "filling by the calendar includes the bucket in which the range ends", _running_bucket),
    Wanted(
        "edge buckets",
        "the calendar's buckets at both ends are read whole; OpenTSDB reads whole hours of UTC",
        _edge_buckets,
    ),
    Wanted("by order", "first, last and diff take series in the order in which they were first written", _by_order),
    Wanted(
        "OpenTSDB fails",
        "a mistake of the client's is a 400, never a 500; what can be answered is",
        _fails,
        in_short_run=True,
    ),
    Wanted("stricter", "what cannot be understood is a 400, not passed over", _stricter, in_short_run=True),
    Wanted("other method", "a method that an address does not know is 405", _other_method),
    Wanted("null is nothing", "a member that is null is as if it were not there", _null_is_nothing),
    Wanted("no downsampling", "none, which Alibaba's SDK sends as downsample, is no downsampling", _no_downsampling),
    Wanted("unknown member", "a member that nobody knows says nothing", _unknown_member),
    Wanted(
        "within a second",
        "points of one second are one, by the aggregator, as documented; OpenTSDB writes the second several times",
        _within_a_second,
    ),
    Wanted("serializers", "documented for 2.x, and unknown to 2.4.1", _serializers),
    Wanted(
        "scan of several",
        "last with back_scan answers each series that has the tags; OpenTSDB only one that has no others",
        _scan_of_several,
    ),
    Wanted(
        "value of any key",
        "beside pairs with keys, a lookup's value without a key must hold too; OpenTSDB passes over it",
        _value_of_any_key,
    ),
    Wanted("unknown tag", "a tag that nobody has matches nothing, which is no mistake", _unknown_tag),
    Wanted("asked twice", "two sub-queries that are alike are two answers", _asked_twice),
    Wanted(
        "echo of a wildcard",
        "showQuery says iwildcard for a pattern that ignores case, so that it can be asked again",
        _echo_of_wildcard,
    ),
    Wanted(
        "echo of one key",
        "of several filters of one tag, showQuery's map shows the one that groups; OpenTSDB the last",
        _echo_of_one_key,
    ),
]
