"""What the entries about points excuse is what was recorded of both servers, and nothing that is falsified in it."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from oracles.comparing.asking import Answer
from oracles.comparing.sorts import Sort
from oracles.opentsdb import judging, wanted
from oracles.opentsdb.servers import Answers
from oracles.opentsdb.sorts import Case

Elements = list[dict[str, Any]]

RECORDED = json.loads((Path(__file__).parent / "recorded.json").read_text())
"""One true case of each entry: what was asked, and what OpenTSDB 2.4.1 and headrace answered."""

QUERY = cast(Sort, SimpleNamespace(name="query"))


def explanations(said: dict[str, Any], real: Elements, ours: Elements) -> list[str | None]:
    """Of all differences of two answers; None for one that no entry excuses."""
    table, case = wanted.table(), Case(QUERY, said)
    answers = Answers(*(Answer(200, {}, json.dumps(each).encode()) for each in (real, ours)))
    return [table.explanation(case, found) for found in judging.queries(answers)]


@pytest.mark.parametrize("one", RECORDED, ids=lambda one: str(one["entry"]))
def test_what_was_recorded_is_excused(one: dict[str, Any]) -> None:
    found = explanations(one["said"], one["real"], one["ours"])
    assert one["entry"] in found
    assert None not in found


@pytest.mark.parametrize("one", RECORDED, ids=lambda one: str(one["entry"]))
def test_what_is_falsified_is_not(one: dict[str, Any]) -> None:
    tried = 0
    for what, ours in falsified(one["ours"]):
        if ours == one["ours"] or judging.about_points(one["real"], ours) == []:
            # A map has a key once; and some have become what OpenTSDB answers.
            continue
        tried += 1
        assert None in explanations(one["said"], one["real"], ours), what
    assert tried >= 2


def falsified(answer: Elements) -> Iterator[tuple[str, Elements]]:
    """The answer with one thing in it that is wrong: what, and the whole."""
    numbers = [number for number, one in enumerate(answer) if "dps" in one]
    for number in numbers:
        points = judging.pairs(answer[number])
        for place in sorted({0, len(points) // 2, len(points) - 1} & set(range(len(points)))):
            for name, change in CHANGES.items():
                changed = copy.deepcopy(points)
                change(changed, place)
                yield f"{name} of point {place} of element {number}", _with(answer, number, changed)
        yield f"element {number} dropped", [*answer[:number], *answer[number + 1 :]]
        yield f"element {number} said twice", [*answer, answer[number]]
        yield f"element {number} of other tags", _renamed(answer, number)
    if not numbers:
        yield "an element of no series", [{"metric": "t0x.m0", "tags": {}, "aggregateTags": [], "dps": {"1": 1}}]
        yield "a series more", [{"metric": "t0x.m0", "tags": {"host": "x"}, "aggregateTags": [], "dps": {"1": 1}}]


Points = list[tuple[str, Any]]


def _value(points: Points, place: int) -> None:
    time, value = points[place]
    points[place] = (time, value * 1.001 + 1 if isinstance(value, int | float) else 5.0)


def _time(points: Points, place: int) -> None:
    time, value = points[place]
    points[place] = (str(int(time) + 1), value)


def _one_more(points: Points, place: int) -> None:
    time, value = points[place]
    points.insert(place + 1, (str(int(time) + 1), value))


def _one_less(points: Points, place: int) -> None:
    del points[place]


CHANGES: dict[str, Callable[[Points, int], None]] = {
    "value": _value,
    "time": _time,
    "one behind": _one_more,
    "no point in place": _one_less,
}


def _with(answer: Elements, number: int, points: Points) -> Elements:
    in_map = isinstance(answer[number]["dps"], dict)
    dps = dict(points) if in_map else [[int(time), value] for time, value in points]
    changed = {**answer[number], "dps": dps}
    return [*answer[:number], changed, *answer[number + 1 :]]


def _renamed(answer: Elements, number: int) -> Elements:
    changed = {**answer[number], "tags": {**answer[number]["tags"], "host": "falsified"}}
    return [*answer[:number], changed, *answer[number + 1 :]]
