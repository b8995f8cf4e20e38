"""The cases come again by their seed, and the judge sees what differs and nothing else."""

from __future__ import annotations

import copy
import json
from random import Random
from typing import Any

import pytest

from oracles.comparing.asking import Answer
from oracles.expressions import cases, judging
from oracles.expressions.wanted import EXPRESSIONS

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
