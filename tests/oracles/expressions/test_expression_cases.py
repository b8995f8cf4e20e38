"""The cases come again by their seed, and the judge sees what differs and nothing else."""

from __future__ import annotations

import copy
import json
from random import Random
from typing import Any

import pytest

from oracles.comparing.asking import Answer
from oracles.comparing.differences import Difference, Table
from oracles.expressions import cases, judging
from oracles.expressions.sort import Expressions
from oracles.expressions.wanted import EXPRESSIONS
from oracles.opentsdb.servers import Servers
from oracles.opentsdb.sorts import Case

EXP = {
    "outputs": [
        {
            "id": "e",
            "dps": [[0, 1.0, "NaN"], [10, 2.0, 3.5]],
            "meta": [
                {"index": 0, "metrics": ["timestamp"]},
                {"index": 1, "metrics": ["m"], "commonTags": {"host": "x"}, "aggregatedTags": []},
                {"index": 2, "metrics": ["m"], "commonTags": {"host": "y"}, "aggregatedTags": ["dc", "os"]},
            ],
        }
    ]
}
GEXP = [{"metric": "m", "tags": {"host": "x"}, "aggregateTags": [], "dps": {"0": 1, "10": 2.5}}]


def answer(said: Any, status: int = 200) -> Answer:
    return Answer(status, {}, json.dumps(said).encode())


def test_cases_come_again() -> None:
    for make in (cases.world, cases.exp, cases.gexp):
        assert [make(random) for random in (Random(7),) for _ in range(50)] == [
            make(random) for random in (Random(7),) for _ in range(50)
        ]
    assert len({entry.name for entry in EXPRESSIONS}) == len(EXPRESSIONS)


@pytest.mark.parametrize("said", [EXP, GEXP])
def test_the_same_is_no_difference(said: Any) -> None:
    assert judging.differences(answer(said), answer(said)) == []
    refused = {"error": {"message": "no"}}
    assert judging.differences(answer(refused, 500), answer({"error": {"message": "bad"}}, 400)) == []
    [found] = judging.differences(answer(said), answer(refused, 400))
    assert found.kind == judging.STATUS


def test_what_differs_is_seen() -> None:
    def kinds(change: Any) -> list[str]:
        changed = copy.deepcopy(EXP)
        change(changed["outputs"][0])
        return [found.kind for found in judging.differences(answer(EXP), answer(changed))]

    assert kinds(lambda output: output["meta"][2]["aggregatedTags"].reverse()) == []
    assert kinds(lambda output: output["meta"][2]["commonTags"].clear()) == [judging.NAMES]
    assert kinds(lambda output: output["dps"][1].__setitem__(2, 3.5000001)) == [judging.VALUES]
    assert kinds(lambda output: output["dps"][0].__setitem__(2, 0.0)) == [judging.VALUES]
    assert kinds(lambda output: output["meta"].pop()) == [judging.NAMES, judging.VALUES, judging.SERIES]
    assert kinds(lambda output: output.update(id="f")) == [judging.OUTPUTS]
    swapped = [[0, "NaN", 1.0], [10, 3.5, 2.0]]
    assert kinds(lambda output: output.update(dps=swapped)) == [judging.VALUES, judging.VALUES]
    moved = [{**GEXP[0], "dps": {"0": 1, "11": 2.5}}]
    assert [found.kind for found in judging.differences(answer(GEXP), answer(moved))] == [judging.VALUES]
    empty = [*GEXP, {"metric": "m", "tags": {}, "aggregateTags": [], "dps": {}}]
    assert judging.differences(answer(empty), answer(GEXP)) == []


SERIES = [
    {"metric": "m0", "tags": {"host": host}, "points": [[cases.T, 1], [cases.T + 10, -2], [cases.T + 900, 3]]}
    for host in ("web01", "web02")
]
NAMED = '["m", {"host": "web01"}, []]'
OF_WEB01 = [(NAMED, {1: 1.0, 2: -2.0})]


@pytest.mark.parametrize(
    ("call", "kind", "real", "name"),
    [
        ("highestMax(m0,1)", judging.VALUES, ('["m", {}, []]', {1: 5.0}), "the highest of other times, or below zero"),
        ("highestMax(m0,1)", judging.VALUES, (NAMED, {1: 1.0, 2: -2.5}), None),
        ("alias(m0,x)", judging.VALUES, (NAMED, {1: 1.0, 2: 2.0}), "the sign under an alias"),
        ("alias(m0,x)", judging.VALUES, (NAMED, {1: 1.0, 2: 2.5}), None),
        ("sum(m0,m1)", judging.NAMES, ('["m", {}, ["host"]]', {}), "tags of what is joined"),
        ("sum(m0,m1)", judging.NAMES, ('["m", {"host": "x"}, []]', {}), None),
        ("sum(m0,m1)", judging.NAMES, ('["m", {}, ["os"]]', {}), None),
    ],
)
def test_what_calls_excuse(call: str, kind: str, real: Any, name: str | None) -> None:
    said = {"series": SERIES, "gexp": {"exp": [call]}}
    assert explanation(said, Difference(kind, "", [real], OF_WEB01)) == name


@pytest.mark.parametrize(("second", "name"), [(5, "rates in expressions"), (2000, None)], ids=["at first", "later"])
def test_what_rates_excuse(second: int, name: str | None) -> None:
    expressions = [{"id": "e", "expr": "a * 2"}]
    said = {"series": SERIES, "exp": {"time": {"rate": True}, "expressions": expressions}}
    at = 1000 * (cases.T + second)
    real, ours = ([("n", {at: value, 1000 * (cases.T + 2500): 7.0})] for value in (1.0, 2.0))
    assert explanation(said, Difference(judging.VALUES, "", real, ours)) == name


def explanation(said: dict[str, Any], found: Difference) -> str | None:
    sort = Expressions(Servers.__new__(Servers))
    return Table(EXPRESSIONS).explanation(Case(sort, said), found)


@pytest.mark.parametrize(("aggregator", "name"), [("none", "nested expressions"), ("sum", None)])
def test_nested_expressions_of_other_series_are_excused(aggregator: str, name: str | None) -> None:
    """Of which some are aggregated and others not; else all have the same series here."""
    said = {
        "series": SERIES,
        "exp": {
            "time": {"aggregator": aggregator},
            "metrics": [{"id": "a", "metric": "m0", "aggregator": "count"}, {"id": "b", "metric": "m0"}],
            "expressions": [{"id": "e0", "expr": "a + b"}, {"id": "e1", "expr": "e0 + b"}],
        },
    }
    assert explanation(said, Difference(judging.VALUES, "", [(NAMED, {1: 5.0})], OF_WEB01)) == name
