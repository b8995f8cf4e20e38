"""In what two answers of /api/query differ: the status, the words, the elements, their times, their values."""

from __future__ import annotations

import json
import math
from collections import defaultdict
from dataclasses import replace
from typing import Any

from oracles.comparing.asking import Answer
from oracles.comparing.differences import Difference
from oracles.opentsdb.servers import Answers

Element = dict[str, Any]

POINTS = ("values", "number kind", "times", "order of times", "elements", "empty element", "tsuids")
"""Kinds of difference that are about the elements, their members and their points."""

HIDDEN = ("tsuid", "time", "tsuids", "limit", "startIndex")
"""Members that no two servers can say alike, or that repeat the question."""

NOT_ECHOED = {
    *("filterTagKs", "histogramQuery", "percentiles", "preAggregate", "rateOptions", "rollupTable", "rollupUsage"),
    *("showHistogramBuckets", "useFuzzyFilter", "useMultiGets", "tsuids", "filters"),
}
"""Members of showQuery that tell of OpenTSDB's inside, or that no client reads."""


def refusals(answers: Answers) -> list[Difference] | None:
    """What differs in the statuses, or in the words if both refuse; None if both say 200."""
    real, ours = answers
    if real.status != ours.status:
        return [Difference("status", f"{_told(real)} | {_told(ours)}", real, ours)]
    if real.status == 200:
        return None
    said = [message(answer) for answer in answers]
    return [Difference("words", " | ".join(said), real, ours)] if said[0] != said[1] else []


def message(answer: Answer) -> str:
    said = answer.json()
    error = said.get("error") if isinstance(said, dict) else None
    return str(error.get("message")) if isinstance(error, dict) else ""


def queries(answers: Answers) -> list[Difference]:
    """All that differs; [] if the answers say the same."""
    if (refused := refusals(answers)) is not None:
        return refused
    real, ours = answers.real.json(), answers.ours.json()
    if not isinstance(real, list) or not isinstance(ours, list):
        return [Difference("shape", f"{str(real)[:200]} | {str(ours)[:200]}")]
    found = []
    extras = [sorted(name for one in said if "dps" not in one for name in one) for said in (real, ours)]
    if extras[0] != extras[1]:
        found.append(Difference("extras", f"{extras[0]} | {extras[1]}", *extras))
    return found + about_points(real, ours)


def about_points(real: list[Element], ours: list[Element]) -> list[Difference]:
    """What differs in the elements. Where it is about their points (POINTS), real and ours are all elements."""
    found: list[Difference] = []
    by_name = _by_name(real), _by_name(ours)
    for name in sorted(by_name[0].keys() | by_name[1].keys()):
        found += _group(name, by_name[0].get(name, []), by_name[1].get(name, []))
    return [replace(one, real=real, ours=ours) if one.kind in POINTS else one for one in found]


def _told(answer: Answer) -> str:
    return f"{answer.status} {message(answer)}".strip()


def _by_name(answer: list[Element]) -> dict[str, list[Element]]:
    """Elements of one name, which several sub-queries may give, in the order of the answer."""
    found = defaultdict(list)
    for one in answer:
        if "dps" in one:
            index = (one.get("query") or {}).get("index", one.get("index", 0))
            name = [index, one.get("metric"), one.get("tags"), sorted(one.get("aggregateTags") or [])]
            found[json.dumps(name, sort_keys=True)].append(one)
    return dict(found)


def _contents(element: Element) -> list[tuple[str, str]]:
    """By which elements of one name are told apart, whatever the kind of their numbers and the last digits."""
    return [(time, f"{value:.6g}" if isinstance(value, int | float) else str(value)) for time, value in pairs(element)]


def _group(name: str, real: list[Element], ours: list[Element]) -> list[Difference]:
    """Elements that only one has; else what differs in each. One without points counts as absent, and is told apart."""
    found = []
    if len(real) > len(ours):
        empty = [one for one in real if not one["dps"]][: len(real) - len(ours)]
        found += [Difference("empty element", f"only OpenTSDB has {name}") for one in empty]
        real = [one for one in real if not any(one is gone for gone in empty)]
    if len(real) != len(ours):
        return [*found, Difference("elements", f"{len(real)} | {len(ours)} of {name}")]
    pairings = [(real, ours), (sorted(real, key=_contents), sorted(ours, key=_contents))]
    return found + min((_pairs_differ(*pairing) for pairing in pairings), key=len)


def _pairs_differ(real: list[Element], ours: list[Element]) -> list[Difference]:
    return [found for one, other in zip(real, ours, strict=True) for found in _element(one, other)]


def _element(real: Element, ours: Element) -> list[Difference]:
    if real.keys() != ours.keys():
        return [Difference("members", f"{sorted(real)} | {sorted(ours)}", real, ours)]
    found = []
    if len(real.get("tsuids", ())) != len(ours.get("tsuids", ())):
        found.append(Difference("tsuids", f"{real['tsuids']} | {ours['tsuids']}"))
    for name in ("annotations", "globalAnnotations"):
        if len(real.get(name, ())) != len(ours.get(name, ())):
            found.append(Difference(name, f"{real[name]} | {ours[name]}"))
    if "query" in real:
        echoed = [_echo(one["query"], other["query"]) for one, other in ((real, ours), (ours, real))]
        if echoed[0] != echoed[1]:
            found.append(Difference("echo", f"{echoed[0]} | {echoed[1]}"))
    if isinstance(real["dps"], list) != isinstance(ours["dps"], list):
        return [*found, Difference("shape", "one in arrays, one in a map")]
    return found + _points(pairs(real), pairs(ours))


def _echo(query: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    """Of showQuery what the other says differently."""
    names = (query.keys() | other.keys()) - NOT_ECHOED
    return {name: query.get(name) for name in sorted(names) if query.get(name) != other.get(name)}


def pairs(element: Element) -> list[tuple[str, Any]]:
    """Times and values, of a map and of arrays."""
    dps = element["dps"]
    return list(dps.items()) if isinstance(dps, dict) else [(str(time), value) for time, value in dps]


def _points(real: list[tuple[str, Any]], ours: list[tuple[str, Any]]) -> list[Difference]:
    times, others = [time for time, _ in real], [time for time, _ in ours]
    if times != others:
        if sorted(times) == sorted(others):
            return [Difference("order of times", f"{times[:8]} | {others[:8]}")]
        only = [sorted(set(times) - set(others)), sorted(set(others) - set(times))]
        return [Difference("times", f"only OpenTSDB {only[0][:6]}, only headrace {only[1][:6]}")]
    unlike = [
        (time, value, other) for (time, value), (_, other) in zip(real, ours, strict=True) if not alike(value, other)
    ]
    if unlike:
        return [Difference("values", str(unlike[:6]))]
    kinds = [
        (time, value, other)
        for (time, value), (_, other) in zip(real, ours, strict=True)
        if type(value) is not type(other)
    ]
    return [Difference("number kind", str(kinds[:6]))] if kinds else []


def alike(value: Any, other: Any) -> bool:
    """Equal; doubles to 1e-9, since the order of additions is free."""
    if isinstance(value, int | float) and isinstance(other, int | float):
        return math.isclose(value, other, rel_tol=1e-9, abs_tol=1e-9)
    return bool(value == other)


def plain(said: Any) -> Any:
    """Without what is not compared, and lists in one order."""
    if isinstance(said, dict):
        return {name: plain(value) for name, value in said.items() if name not in HIDDEN}
    if isinstance(said, list):
        return sorted((plain(value) for value in said), key=lambda value: json.dumps(value, sort_keys=True))
    return said
