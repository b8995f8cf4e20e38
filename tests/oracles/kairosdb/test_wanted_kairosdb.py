"""No wanted difference excuses more than it says: true answers, of which one thing is falsified."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from oracles.comparing.asking import Answer
from oracles.comparing.differences import Difference
from oracles.comparing.pair import Answers
from oracles.comparing.sorts import Case, Said
from oracles.kairosdb import judging, wanted
from oracles.kairosdb.left import as_left
from oracles.kairosdb.wanted.told import greatest

RECORDED: list[Said] = json.loads(
    (Path(__file__).parent / "recorded.json").read_text(),
    parse_int=judging.Number,
    parse_float=judging.Number,
)
"""Differences as KairosDB 1.3.0 and headrace showed them: the entry, the case, the metric that was asked for, both
answers about it. The smallest of some thousand cases."""

TABLE = wanted.table()


class Named:
    """A sort of cases, of which the table only wants to know the name."""

    def __init__(self, name: str) -> None:
        self.name = name

    def some(self, random: Any) -> Iterator[Said]:
        raise NotImplementedError

    def differences(self, said: Said) -> list[Difference]:
        raise NotImplementedError

    def shown(self, said: Said) -> str:
        raise NotImplementedError


def plain(said: Any) -> Any:
    """As a case is said: with numbers."""
    if isinstance(said, dict):
        return {name: plain(inner) for name, inner in said.items()}
    if isinstance(said, list):
        return [plain(inner) for inner in said]
    return said.value if isinstance(said, judging.Number) else said


def spelled(said: Any) -> str:
    """The JSON, with numbers as they were spelled."""
    if isinstance(said, dict):
        return "{" + ",".join(f"{json.dumps(name)}:{spelled(inner)}" for name, inner in said.items()) + "}"
    if isinstance(said, list):
        return "[" + ",".join(map(spelled, said)) + "]"
    return str(said) if isinstance(said, judging.Number) else json.dumps(said)


def explanations(recorded: Said, ours: Said) -> set[str | None]:
    """Of all differences between KairosDB's answer and this one."""
    bodies = [Answer(200, {}, f'{{"queries":[{spelled(one)}]}}'.encode()) for one in (recorded["real"], ours)]
    found = judging.queries(Answers(*bodies), {"metrics": [plain(recorded["metric"])]})
    case = Case(Named(recorded["sort"]), plain(recorded["said"]))
    return {TABLE.explanation(case, as_left(one) if recorded["left"] else one) for one in found}


def falsified(recorded: Said) -> Iterator[tuple[str, Said]]:
    """Our answer with one thing that is wrong. A spelling only where KairosDB has one value at a time; of what an entry
    bounds, more than the bound."""
    answer, real = recorded["ours"], recorded["real"]
    size = greatest(Case(Named(recorded["sort"]), plain(recorded["said"])))
    all_points = [point for result in real["results"] for point in result["values"]]
    times = [time_ms for time_ms, _ in all_points]
    known = [point for point in all_points if times.count(point[0]) == 1]
    for at, result in enumerate(answer["results"]):
        others = answer["results"][:at], answer["results"][at + 1 :]

        def with_points(points: list[Any], here: Said = result, others: Any = others) -> Said:
            return {**answer, "results": [*others[0], {**here, "values": points}, *others[1]]}

        points = result["values"]
        if points:
            yield f"result {at} dropped", {**answer, "results": [*others[0], *others[1]]}
        for nth, (time_ms, value) in enumerate(points):
            before, after = points[:nth], points[nth + 1 :]
            more = 0 if points[nth] in all_points else size / 1000
            later = judging.Number(int(time_ms) + 1)
            yield f"point {at}.{nth} dropped", with_points([*before, *after])
            yield f"point {at}.{nth} twice", with_points([*before, points[nth], points[nth], *after])
            yield f"point {at}.{nth} moved", with_points([*before, [later, value], *after])
            yield (
                f"point {at}.{nth} changed",
                with_points([*before, [time_ms, _other(value, more)], *after]),
            )
            if isinstance(value, judging.Number) and [time_ms, value] in known:
                yield f"point {at}.{nth} spelled", with_points([*before, [time_ms, _spelled_out(value)], *after])


def _other(value: Any, more: float) -> Any:
    if isinstance(value, judging.Number):
        return judging.Number(value.value + max(1, abs(value.value) / 4) + more)
    return "something else"


def _spelled_out(value: judging.Number) -> judging.Number:
    """The same number with a digit too many."""
    if "E" in value:
        return judging.Number(value.replace("E", "0E"))
    return judging.Number(f"{value}.0" if value.is_integer else f"{value}0")


@pytest.mark.parametrize("recorded", RECORDED, ids=lambda one: one["entry"])
def test_true_answers_are_explained(recorded: Said) -> None:
    found = explanations(recorded, recorded["ours"])
    assert recorded["entry"] in found
    assert None not in found


@pytest.mark.parametrize("recorded", RECORDED, ids=lambda one: one["entry"])
def test_false_answers_are_not(recorded: Said) -> None:
    false = [(words, ours) for words, ours in falsified(recorded) if ours != recorded["real"]]
    found = [(words, explanations(recorded, ours)) for words, ours in false]
    excused = [words for words, names in found if recorded["entry"] in names and None not in names]
    assert not excused, f"{recorded['entry']} excuses: {excused}"


GREAT = 2**60


@pytest.mark.parametrize(
    ("real", "ours", "chain", "excused"),
    [
        ([(0, GREAT + 29), (0, GREAT + 27)], [(0, GREAT + 27), (0, GREAT + 29)], (), True),
        ([(0, GREAT + 29), (0, GREAT + 27)], [(0, GREAT + 27), (0, GREAT + 29)], ("max",), False),
        ([(0, GREAT + 29), (0, GREAT + 27)], [(0, GREAT + 27), (0, GREAT + 28)], (), False),
        ([(0, GREAT + 29), (0, GREAT + 27)], [(0, GREAT + 27), (0, GREAT + 27)], (), False),
        ([(0, GREAT + 2000), (0, GREAT + 27)], [(0, GREAT + 27), (0, GREAT + 2000)], (), False),
        ([(0, GREAT + 29), (1, GREAT + 27)], [(0, GREAT + 27), (1, GREAT + 29)], (), False),
    ],
)
def test_only_integers_that_are_equal_as_doubles_may_change_places(
    real: list[tuple[int, int]], ours: list[tuple[int, int]], chain: tuple[str, ...], excused: bool
) -> None:
    """KairosDB 1.3.0 answers such integers of one time in one order and the other, when it is asked again and again."""
    metric = {"aggregators": [{"name": one} for one in chain]}
    found = Difference("values", "", *(judging.Seen(metric, _result(said)) for said in (real, ours)))
    explained = TABLE.explanation(Case(Named("query"), {"series": []}), found)
    assert (explained == "integers equal as doubles") is excused


def _result(points: list[tuple[int, int]]) -> Said:
    return {
        "group_by": [{"name": "type", "type": "number"}],
        "values": [[judging.Number(at), judging.Number(value)] for at, value in points],
    }


def test_what_is_recorded_has_points_to_falsify() -> None:
    """Of an answer without points nothing can be falsified; where ours has none, nothing may be added."""
    empty = {one["entry"] for one in RECORDED if not list(falsified(one))}
    assert empty <= {"unsaved"}
