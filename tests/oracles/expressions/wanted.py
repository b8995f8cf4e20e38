"""The differences from OpenTSDB 2.4.1 in expressions that are known and stay, each with its reason."""

from __future__ import annotations

import json
import re
from collections import Counter
from typing import Any

from oracles.comparing.asking import Answer
from oracles.comparing.differences import Difference, Wanted
from oracles.expressions.cases import COMBINATIONS, Said
from oracles.expressions.judging import NAMES, SERIES, STATUS, VALUES, Column, alike, message
from oracles.opentsdb.sorts import Case

BUCKET_S = 60
"""The longest that a case asks for."""

_COMBINATION = re.compile(rf"\b(?:{'|'.join(COMBINATIONS)})\(")
_QUERY = re.compile(r"(?:sum|max|avg):[^,(){}]*(?:\{[^}]*\})?")
_SPELLING = re.compile(r"(?:sum|max|avg):((?:[^:,(){}]*:)*)m[0-9]")


def _refused(found: Difference, *words: str) -> bool:
    """OpenTSDB refuses with one of these words, and headrace answers."""
    return _answered(found) and any(each in _said(found.real) for each in words)


def _answered(found: Difference) -> bool:
    return found.kind == STATUS and isinstance(found.ours, Answer) and found.ours.status == 200


def _said(answer: object) -> str:
    return message(answer) if isinstance(answer, Answer) else ""


def _calls(case: Case) -> str:
    return " ".join(case.said["gexp"]["exp"]) if "gexp" in case.said else ""


def _combines(case: Case) -> bool:
    return bool(_COMBINATION.search(_calls(case)))


def _expressions(case: Case) -> list[dict[str, Any]]:
    return list(case.said["exp"]["expressions"]) if "exp" in case.said else []


def _nested(case: Case) -> list[dict[str, Any]]:
    return [each for each in _expressions(case) if re.search(r"\be[0-9]", each["expr"])]


def _even(case: Case) -> bool:
    """All series have the same times."""
    return len({tuple(time for time, _ in series["points"]) for series in case.said["series"]}) == 1


def _same_series(case: Case) -> bool:
    """All metrics have series with the same tags, and all are aggregated or none is."""
    asked = case.said.get("exp", {})
    aggregators = [metric.get("aggregator", asked["time"].get("aggregator")) for metric in asked.get("metrics", ())]
    if len({name == "none" for name in aggregators}) > 1:
        return False
    tags: dict[str, set[str]] = {}
    for series in case.said["series"]:
        tags.setdefault(series["metric"], set()).add(json.dumps(series["tags"], sort_keys=True))
    return len({frozenset(each) for each in tags.values()}) == 1


def _takes_several_for_one(join: Said) -> bool:
    return bool(join.get("useQueryTags")) or join.get("includeAggTags") is False


def _same_times(case: Case) -> bool:
    """What the calls combine has the same times, and no NaN."""
    spellings = set(_SPELLING.findall(_calls(case)))
    return _even(case) and len(spellings) == 1 and "nan" not in spellings.pop()


def _with_rates(case: Case) -> bool:
    return bool(case.said.get("exp", {}).get("time", {}).get("rate")) or "rate:" in _calls(case)


def _loses_itself(case: Case, found: Difference) -> bool:
    """In a nested expression of other times or series, or one that is joined by the tags of filters."""
    if not _nested(case):
        return False
    if any(_takes_several_for_one(each.get("join", {})) for each in _nested(case)):
        return True
    none_left = found.kind == STATUS and "No intersections found" in _said(found.ours)
    return not (_even(case) and _same_series(case)) and (
        none_left or found.kind in (VALUES, SERIES) or _refused(found, "No more data", "No intersections found")
    )


def _names_what_is_there(case: Case, found: Difference) -> bool:
    """The tags that both give to what is joined, and the keys that they call aggregated, are those of series."""
    tags = [series["tags"] for series in case.said["series"]]
    pairs = {pair for each in tags for pair in each.items()}
    names = [json.loads(name) for columns in (found.real, found.ours) for name, _ in _columns(columns)]
    return all(set(name[-2].items()) <= pairs and set(name[-1]) <= set().union(*tags) for name in names)


def _chooses_at_last(case: Case) -> bool:
    """Each call shows some of the series below it as they are."""
    return all(call.startswith("highest") and not _COMBINATION.search(call) for call in case.said["gexp"]["exp"])


def _renames_at_last(case: Case) -> bool:
    """Each call gives another name to what is below it, of which it shows all."""
    return all(
        call.startswith("alias(") and not re.search("highest|movingAverage", call) and not _COMBINATION.search(call)
        for call in case.said["gexp"]["exp"]
    )


def _is_of_the_same(found: Difference, signs: bool = True) -> bool:
    """A series that both show, and no other has its name, has the same values; or, without signs, the same but for
    those."""
    real, ours = (_by_name(columns) for columns in (found.real, found.ours))
    return all(alike(_bare(real[name], signs), _bare(ours[name], signs)) for name in real.keys() & ours.keys())


def _bare(points: dict[int, Any], signs: bool) -> dict[int, Any]:
    return {time: value if signs or isinstance(value, str) else abs(value) for time, value in points.items()}


def _differs_at_first(case: Case, found: Difference) -> bool:
    """Not once all series have a rate, and a bucket is over in which one may have begun."""
    begun = max(series["points"][min(1, len(series["points"]) - 1)][0] for series in case.said["series"]) + BUCKET_S
    real, ours = (_by_name(columns) for columns in (found.real, found.ours))
    return all(
        alike(*({time: value for time, value in each[name].items() if time // 1000 > begun} for each in (real, ours)))
        for name in real.keys() & ours.keys()
    )


def _by_name(columns: object) -> dict[str, dict[int, Any]]:
    """The series whose names no other has."""
    often = Counter(name for name, _ in _columns(columns))
    return {name: points for name, points in _columns(columns) if often[name] == 1}


def _columns(said: object) -> list[Column]:
    return said if isinstance(said, list) else []


EXPRESSIONS = [
    Wanted[Case](
        "tags of what is joined",
        "OpenTSDB gives the tags of one of the series, or none, by the order of a hash; headrace those that all have",
        lambda case, found: (
            found.kind == NAMES and (_combines(case) or bool(_expressions(case))) and _names_what_is_there(case, found)
        ),
    ),
    Wanted[Case](
        "nested expressions",
        "OpenTSDB advances them without regard to time, and forgets tags and filters that the next join needs",
        _loses_itself,
    ),
    Wanted[Case](
        "null pointers",
        "OpenTSDB forgets the fill policy of a nested expression, and fails where a series has no point in the range, "
        "or has one and the aggregator is none",
        lambda case, found: _refused(found, "NumericFillPolicy", '" is null', "dps[i]", "null pointer"),
    ),
    Wanted[Case](
        "several series with one key",
        "of those that a join takes for one the last counts: OpenTSDB orders them by its ids",
        lambda case, found: (
            found.kind == VALUES and any(_takes_several_for_one(each.get("join", {})) for each in _expressions(case))
        ),
    ),
    Wanted[Case](
        "the same query twice in an expression",
        "OpenTSDB reads it once and loses count of the others",
        lambda case, found: (
            len(set(_QUERY.findall(_calls(case)))) < len(_QUERY.findall(_calls(case)))
            and (_refused(found, "out of bounds") or found.kind in (VALUES, NAMES, SERIES))
        ),
    ),
    Wanted[Case](
        "the sign under an alias",
        "OpenTSDB takes it from all values that are given another name",
        lambda case, found: (
            "alias(" in _calls(case)
            and found.kind in (VALUES, NAMES, SERIES)
            and (not _renames_at_last(case) or _is_of_the_same(found, signs=False))
        ),
    ),
    Wanted[Case](
        "an alias and a combination",
        "OpenTSDB cannot combine what has an alias, nor give one to what was combined",
        lambda case, found: "alias(" in _calls(case) and _refused(found, "Wrong id.length", "400 -1"),
    ),
    Wanted[Case](
        "combinations of other times or series",
        "OpenTSDB combines first with first and second with second, fails when one is shorter, and forgets tags that "
        "the next combination needs",
        lambda case, found: (
            _combines(case)
            and not (_same_times(case) and len(_COMBINATION.findall(_calls(case))) == 1)
            and (_refused(found, "No more elements") or found.kind in (VALUES, SERIES))
        ),
    ),
    Wanted[Case](
        "the highest of other times, or below zero",
        "OpenTSDB mixes up series that do not all have the same times, and takes doubles below zero for equal",
        lambda case, found: (
            "highest" in _calls(case)
            and (
                _refused(found, "compareTo")
                or (found.kind in (VALUES, NAMES, SERIES) and (not _chooses_at_last(case) or _is_of_the_same(found)))
            )
        ),
    ),
    Wanted[Case](
        "rates in expressions",
        "as at /api/query: OpenTSDB counts the first rate of a series from time zero",
        lambda case, found: (
            _with_rates(case)
            and found.kind in (VALUES, SERIES)
            and ("gexp" in case.said or _differs_at_first(case, found))
        ),
    ),
]
