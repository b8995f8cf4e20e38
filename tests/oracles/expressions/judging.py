"""In what two answers to an expression differ: the status, the series and their names, the times, the values."""

from __future__ import annotations

import json
import math
from collections import Counter
from typing import Any

from oracles.comparing.asking import Answer
from oracles.comparing.differences import Difference

STATUS, OUTPUTS, NAMES, VALUES, SERIES = (
    f"expression {what}" for what in ("status", "outputs", "names", "values", "series")
)
"""Kinds of difference."""

Column = tuple[str, dict[int, Any]]
"""What a series is called, and its points."""


def differences(real: Answer, ours: Answer) -> list[Difference]:
    """All that differs; two refusals are alike whatever they say."""
    if real.status >= 400 and ours.status == 400:
        return []
    if real.status != ours.status:
        return [Difference(STATUS, f"{message(real)} | {message(ours)}", real, ours)]
    one, other = columns(real.json()), columns(ours.json())
    if one.keys() != other.keys():
        return [Difference(OUTPUTS, f"{list(one)} | {list(other)}", one, other)]
    return [found for name in one for found in _output(name, one[name], other[name])]


def message(answer: Answer) -> str:
    said = answer.json()
    error = said.get("error") if isinstance(said, dict) else None
    return f"{answer.status} {error.get('message')}" if isinstance(error, dict) else str(answer.status)


def columns(said: Any) -> dict[str, list[Column]]:
    """Of each output its series. That of gexp has the name ""."""
    if isinstance(said, list):
        return {"": [_of_element(element) for element in _with_points(said)]}
    found = {}
    for number, output in enumerate(said["outputs"]):
        metas = output.get("meta", [])[1:]
        found[f"{number} {output['id']}"] = [
            (
                json.dumps([meta["commonTags"], sorted(meta["aggregatedTags"])], sort_keys=True),
                {row[0]: row[meta["index"]] for row in output["dps"]},
            )
            for meta in metas
        ]
    return found


def _with_points(said: list[Any]) -> list[Any]:
    """OpenTSDB also answers groups of which no point is left, headrace never does."""
    return [element for element in said if element["dps"]]


def _of_element(element: dict[str, Any]) -> Column:
    points = element["dps"]
    pairs = points.items() if isinstance(points, dict) else points
    name = json.dumps([element["metric"], element["tags"], sorted(element["aggregateTags"])], sort_keys=True)
    return name, {int(time): value for time, value in pairs}


def _output(name: str, real: list[Column], ours: list[Column]) -> list[Difference]:
    """A series is compared with that of its name. Where the tags differ, those that are called otherwise are told apart
    by their points."""
    found = []
    if sorted(each for each, _ in real) != sorted(each for each, _ in ours):
        found.append(
            Difference(NAMES, f"{name}: {sorted(n for n, _ in real)} | {sorted(n for n, _ in ours)}", real, ours)
        )
    often = Counter(each for each, _ in real), Counter(each for each, _ in ours)
    bound = {each for each in often[0] if often[0][each] == often[1][each]}
    left = list(ours)
    for called, points in real:
        match = next(
            (
                index
                for index, (name_of_it, each) in enumerate(left)
                if (name_of_it == called if called in bound else name_of_it not in bound) and alike(points, each)
            ),
            None,
        )
        if match is None:
            closest = dict(ours).get(called)
            found.append(Difference(VALUES, f"{name} {called}: {points} | {closest}", real, ours))
        else:
            left.pop(match)
    if len(real) != len(ours):
        found.append(Difference(SERIES, f"{name}: {len(real)} | {len(ours)}", real, ours))
    return found


def alike(one: dict[int, Any], other: dict[int, Any]) -> bool:
    """The same times, and values to the last digits."""
    return one.keys() == other.keys() and all(_close(one[time], other[time]) for time in one)


def _close(one: Any, other: Any) -> bool:
    if isinstance(one, str) or isinstance(other, str):
        return bool(one == other)
    return math.isclose(one, other, rel_tol=1e-9, abs_tol=1e-12)
