"""The differences from OpenTSDB 2.4.1 that are known and stay, each with its reason."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection

from oracles.comparing.asking import Answer
from oracles.comparing.differences import Difference, Table, Wanted
from oracles.expressions.wanted import EXPRESSIONS
from oracles.opentsdb.broken import NOT_THERE
from oracles.opentsdb.mistakes import members, not_understood
from oracles.opentsdb.model.explaining import is_by
from oracles.opentsdb.noting.wanted import NOTING
from oracles.opentsdb.sorts import Case
from oracles.opentsdb.writing.wanted import WRITING


def table() -> Table[Case]:
    """A new one, with nothing met."""
    return Table([*QUERIES, *EXPRESSIONS, *WRITING, *NOTING])


def _is(*kinds: str) -> Callable[[Case, Difference], bool]:
    return lambda case, found: found.kind in kinds


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


def _own_words(case: Case, found: Difference) -> bool:
    """In OpenTSDB's shape, with the status, and without anything of Python's inside."""
    if found.kind != "words" or not isinstance(found.ours, Answer):
        return False
    said = found.ours.json()
    error = said.get("error") if isinstance(said, dict) else None
    if not isinstance(error, dict) or error.get("code") != found.ours.status:
        return False
    words = str(error.get("message") or "")
    return bool(words) and not any(trace in words for trace in ("Traceback", "Error(", "object at 0x"))


def _law(name: str) -> Callable[[Case, Difference], bool]:
    """All points of both answers are those that their laws give, and by this one they differ so."""
    return lambda case, found: case.sort.name == "query" and is_by(name, case.said, found)


def _start_is_end(case: Case, found: Difference) -> bool:
    return _status(found, [400], [200]) and "must be greater than the start time" in _message(found)


def _not_key(case: Case, found: Difference) -> bool:
    return "not_key" in json.dumps(case.said) and found.kind == "status"


def _unknown_tag(case: Case, found: Difference) -> bool:
    return _status(found, [400, 500], [200]) and "No such name for 'tag" in _message(found)


def _echo_of_wildcard(case: Case, found: Difference) -> bool:
    return found.kind == "echo" and "iwildcard" in found.words


def _fails(case: Case, found: Difference) -> bool:
    """headrace refuses it, or answers a lookup, or a value with "=" in it."""
    if _status(found, [500], [400, 404, 405]):
        return True
    answerable = case.said.get("what") == "lookup" or "host%3Da%3Db" in str(case.said.get("path"))
    return answerable and _status(found, [500], [200])


def _stricter(case: Case, found: Difference) -> bool:
    return (
        case.sort.name == "broken" and _status(found, [200, 204, 304, 404], [400]) and bool(not_understood(case.said))
    )


def _other_method(case: Case, found: Difference) -> bool:
    return case.said.get("method") != "GET" and _status(found, [200, 400, 404], [405])


def _not_there(case: Case, found: Difference) -> bool:
    asked = str(case.said.get("path")).removeprefix("/api/")
    there = found.kind == "status" and isinstance(found.ours, Answer) and found.ours.status == 501
    return there and asked in NOT_THERE


def _null_is_nothing(case: Case, found: Difference) -> bool:
    return _status(found, [400], [200]) and any(value is None for _, value in members(case.said))


def _no_downsampling(case: Case, found: Difference) -> bool:
    asked = [str(value).lower() for name, value in members(case.said) if name == "downsample"]
    return (
        _status(found, [400], [200]) and "none" in asked and "downsampling specifier 'none'" in _message(found).lower()
    )


def _unknown_member(case: Case, found: Difference) -> bool:
    return _status(found, [400], [200]) and "Unrecognized field" in _message(found)


def _serializers(case: Case, found: Difference) -> bool:
    return "/serializers" in str(case.said.get("path")) and _status(found, [404], [200])


def _scan_of_several(case: Case, found: Difference) -> bool:
    asked = case.said.get("asked", {})
    scanned = case.said.get("what") == "last" and asked.get("back_scan", "0") != "0"
    if not asked.get("tags") and "Tags cannot be null or empty" in _message(found):
        return scanned and _status(found, [400], [200])
    return scanned and len(asked.get("tags", {})) < 2 and found.kind == "body" and not found.real


def _value_of_any_key(case: Case, found: Difference) -> bool:
    """A lookup that names a value without a key beside a pair with one."""
    pairs = case.said.get("asked", {}).get("tags") if case.said.get("what") == "lookup" else None
    if not pairs or found.kind not in ("body", "status"):
        return False
    keyed = [key for key, _ in pairs if key not in ("", "*")]
    return bool(keyed) and any(key in ("", "*") and value not in ("", "*") for key, value in pairs)


QUERIES: list[Wanted[Case]] = [
    Wanted("words", "a refusal says in our own words what is wrong, and where", _own_words, in_short_run=True),
    Wanted(
        "empty element",
        "a group without points in the range is no element: clients take its first point",
        _law("empty_element"),
        in_short_run=True,
    ),
    Wanted(
        "kind of numbers",
        "integer or double is decided for a series, not anew at each moment",
        _law("kind_of_numbers"),
        in_short_run=True,
    ),
    Wanted("start is end", "a question about one moment is answered", _start_is_end, in_short_run=True),
    Wanted("not_key", "documented for 2.4, and unknown to 2.4.1", _not_key),
    Wanted("zone on GET", "timezone counts on GET as it does on POST", _law("zone_on_get")),
    Wanted(
        "first rates",
        "a series takes part once it has a rate; OpenTSDB draws a line from its first value at time zero",
        _law("first_rates"),
    ),
    Wanted(
        "swallowed rates",
        "dropResets drops falls between the points of the range; OpenTSDB sees one before a first value below zero, "
        "and fills behind the range",
        _law("swallowed_rates"),
    ),
    Wanted(
        "members of one bucket",
        "of 0all, a series without a point in the range is no member",
        _law("members_of_one_bucket"),
    ),
    Wanted(
        "several calendar units",
        "counted from the first of January whether or not gaps are filled",
        _law("several_calendar_units"),
    ),
    Wanted(
        "running bucket", "filling by the calendar includes the bucket in which the range ends", _law("running_bucket")
    ),
    Wanted(
        "edge buckets",
        "the calendar's buckets at both ends are read whole; OpenTSDB reads whole hours of UTC",
        _law("edge_buckets"),
    ),
    Wanted(
        "by order", "first, last and diff take series in the order in which they were first written", _law("by_order")
    ),
    Wanted(
        "OpenTSDB fails",
        "a mistake of the client's is a 400, never a 500; what can be answered is",
        _fails,
        in_short_run=True,
    ),
    Wanted("stricter", "what cannot be understood is a 400, not passed over", _stricter, in_short_run=True),
    Wanted("other method", "a method that an address does not know is 405", _other_method),
    Wanted("not there", "what is not implemented is an honest 501, and says what to do instead", _not_there),
    Wanted("null is nothing", "a member that is null is as if it were not there", _null_is_nothing),
    Wanted("no downsampling", "none, which Alibaba's SDK sends as downsample, is no downsampling", _no_downsampling),
    Wanted("unknown member", "a member that nobody knows says nothing", _unknown_member),
    Wanted(
        "within a second",
        "points of one second are one, by the aggregator, as documented; OpenTSDB writes the second several times",
        _law("within_a_second"),
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
    Wanted("asked twice", "two sub-queries that are alike are two answers", _law("asked_twice")),
    Wanted(
        "echo of a wildcard",
        "showQuery says iwildcard for a pattern that ignores case, so that it can be asked again",
        _echo_of_wildcard,
    ),
]
