"""A refusal is excused by what is wrong with the request: one that is about something else is not."""

from __future__ import annotations

import json
from collections.abc import Iterator
from random import Random
from typing import Any

import pytest

from oracles.comparing.asking import Answer
from oracles.comparing.pair import Answers
from oracles.comparing.sorts import Case, Said
from oracles.kairosdb import judging, mutating, wanted
from oracles.kairosdb.broken_requests import NEARLY
from oracles.kairosdb.wanted.mistakes import GONE, is_broken_text, mistake_of

TABLE = wanted.table()

AVG = {"metrics": [{"name": "m", "aggregators": [{"name": "avg", "sampling": {"value": 1, "unit": "days"}}]}]}
WRITE = [{"name": "m", "datapoints": [[1, 1], [2, 2]], "tags": {"h": "a"}}]

A = "query.metric[0].aggregators[0]"


class Named:
    """A sort of cases, of which the table only wants to know the name."""

    def __init__(self, name: str) -> None:
        self.name = name

    def some(self, random: Any) -> Iterator[Said]:
        raise NotImplementedError

    def differences(self, said: Said) -> list[Any]:
        raise NotImplementedError

    def shown(self, said: Said) -> str:
        raise NotImplementedError


def case_of(right: Any, text: str) -> Case:
    path = "datapoints" if right is WRITE else "datapoints/query"
    sort = Named("broken write" if right is WRITE else "broken question")
    return Case(sort, {"path": path, "text": text, NEARLY: json.dumps(right)})


def answer(status: int, error: str) -> Answer:
    return Answer(status, {}, json.dumps({"errors": [error]}).encode() if error else b"")


def explained(case: Case, real: Answer, ours: Answer) -> str | None:
    found = judging.plain(Answers(real, ours))
    assert len(found) == 1
    return TABLE.explanation(case, found[0])


def replaced(right: Any, path: tuple[str | int, ...], value: Any) -> str:
    copied = json.loads(json.dumps(right))
    inner = copied
    for step in path[:-1]:
        inner = inner[step]
    inner[path[-1]] = value
    return json.dumps(copied)


NAME = ("metrics", 0, "aggregators", 0, "name")
UNIT = ("metrics", 0, "aggregators", 0, "sampling", "unit")
VALUE = ("metrics", 0, "aggregators", 0, "sampling", "value")

FAULT, WORDS, LIST, ODD, TAKEN = (
    *("no fault of the server", "words of Java", "lists of one in writes", "odder than lenient", "taken here"),
)

REFUSALS = [
    # The request that was right, what is wrong with it, what KairosDB 1.3.0 says, what headrace says, the entry.
    (AVG, replaced(AVG, NAME, {}), (500, "JsonObject"), (400, f"{A}.name must be a string"), FAULT),
    (AVG, replaced(AVG, UNIT, {}), (500, "JsonObject"), (400, f"{A}.sampling.unit must be a string"), FAULT),
    (
        *(AVG, replaced(AVG, VALUE, True), (400, "java.lang.IllegalStateException: Expected NUMBER but was BOOLEAN")),
        *((400, f"{A}.sampling.value must be a number"), WORDS),
    ),
    (
        *(AVG, json.dumps(AVG)[:30], (400, "java.io.EOFException: End of input at line 1 column 31")),
        *((400, "Input data was truncated"), WORDS),
    ),
    (
        *(WRITE, replaced(WRITE, (0, "tags", "h"), {}), (400, "java.lang.IllegalStateException: Expected a string")),
        *((400, "metric[0](name=m).tag[h].value must be a string."), WORDS),
    ),
    (
        *(WRITE, replaced(WRITE, (0, "datapoints", 1), [None]), (500, "JsonNull")),
        *((400, "metric[0](name=m).datapoints[1].timestamp cannot be null or empty."), FAULT),
    ),
    (
        *(WRITE, replaced(WRITE, (0, "datapoints", 1, 1), [1]), (204, "")),
        *((400, "metric[0](name=m) value is an invalid type"), LIST),
    ),
]


@pytest.mark.parametrize(("right", "text", "real", "ours", "entry"), REFUSALS)
def test_a_refusal_of_what_is_wrong_is_excused(
    right: Any, text: str, real: tuple[int, str], ours: tuple[int, str], entry: str
) -> None:
    assert explained(case_of(right, text), answer(*real), answer(*ours)) == entry


ELSEWHERE = [
    "query.metric[0].name must be a string",
    "query.metric[1].aggregators[0].name must be a string",
    f"{A}.sampling must be a JSON object",
    f"{A}.sampling.values must be a number",
    "metric[0](name=m).name must be a string.",
    "metric[0](name=m).datapoints[0].timestamp cannot be null or empty.",
    "something is wrong",
]


@pytest.mark.parametrize(("right", "text", "real", "ours", "entry"), REFUSALS)
@pytest.mark.parametrize("error", ELSEWHERE)
def test_a_refusal_of_something_else_is_not(
    right: Any, text: str, real: tuple[int, str], ours: tuple[int, str], entry: str, error: str
) -> None:
    assert explained(case_of(right, text), answer(*real), answer(400, error)) is None


@pytest.mark.parametrize(("right", "text", "real", "ours", "entry"), REFUSALS)
def test_a_refusal_of_what_is_right_is_not(
    right: Any, text: str, real: tuple[int, str], ours: tuple[int, str], entry: str
) -> None:
    case = case_of(right, json.dumps(right))
    assert explained(case, answer(*real), answer(*ours)) is None


@pytest.mark.parametrize(
    ("value", "entry"),
    [(None, TAKEN), ({}, None), (5, None)],
)
def test_only_what_counts_as_left_out_is_taken(value: Any, entry: str | None) -> None:
    path = ("metrics", 0, "aggregators")
    real = answer(500, "This is not a JSON Array.")
    assert explained(case_of(AVG, replaced(AVG, path, value)), real, answer(200, "")) == entry


@pytest.mark.parametrize(
    ("text", "entry"), [(f"/* c */{json.dumps(WRITE)}", ODD), (replaced(WRITE, (0, "datapoints", 1, 0), "x"), None)]
)
def test_only_what_is_no_json_is_read_otherwise(text: str, entry: str | None) -> None:
    real = answer(400, "java.lang.IllegalStateException: Expected a long but was STRING at line 1 column 35")
    assert explained(case_of(WRITE, text), real, answer(204, "")) == entry


BREAK = "Invalid json in metric[0](name=m): JSON is malformed: invalid character (byte 56)."


@pytest.mark.parametrize(
    ("errors", "entry"),
    [
        ([BREAK, "metric[1] must be an object."], WORDS),
        (["metric[1] must be an object."], None),
        ([BREAK, "metric[1](name=m).value must be a number."], None),
    ],
)
def test_behind_a_break_only_pieces_are_refused(errors: list[str], entry: str | None) -> None:
    real = answer(400, "com.google.gson.stream.MalformedJsonException: Expected value at line 1 column 58")
    ours = Answer(400, {}, json.dumps({"errors": errors}).encode())
    assert explained(case_of(WRITE, json.dumps(WRITE).replace("]]", "}]")), real, ours) == entry


def test_a_zone_is_told_other_zones_only_where_it_is_wrong() -> None:
    said = {"time_zone": "UTC", **AVG}
    listed = (
        (400, "query.abc is not a valid time zone, must be one of [A]"),
        (400, "query.abc is not a valid time zone, must be one of [B]"),
    )
    other = (400, "query.abd is not a valid time zone, must be one of [B]")
    case = case_of(said, replaced(said, ("time_zone",), "abc"))
    assert explained(case, *(answer(*one) for one in listed)) == "list of zones"
    assert explained(case, answer(*listed[0]), answer(*other)) is None
    elsewhere = case_of(said, replaced(said, NAME, "abc"))
    assert explained(elsewhere, *(answer(*one) for one in listed)) is None


@pytest.mark.parametrize(
    ("wrong", "path", "value"),
    [
        ([], (), []),
        ([{**WRITE[0], "name": True}], (0, "name"), True),
        ([{**WRITE[0], "datapoints": [[1, 1], [2, 2.5]]}], (0, "datapoints", 1, 1), 2.5),
        ([{**WRITE[0], "datapoints": [[1, 1]]}], (0, "datapoints"), [[1, 1]]),
        ([{**WRITE[0], "tags": {}}], (0, "tags", "h"), GONE),
        ([{**WRITE[0], "ttl": None}], (0, "ttl"), None),
        ([{**WRITE[0], "name": 1, "ttl": 1}], (0,), {**WRITE[0], "name": 1, "ttl": 1}),
    ],
)
def test_the_mistake_is_the_innermost_place(wrong: Any, path: tuple[str | int, ...], value: Any) -> None:
    found = mistake_of(case_of(WRITE, json.dumps(wrong)))
    assert found is not None
    assert (found.path, found.value) == (path, value)


def test_every_request_that_is_nearly_right_has_one_mistake_or_is_no_json() -> None:
    random = Random(1)
    for _ in range(2000):
        right = random.choice([*mutating.WRITES, *mutating.QUESTIONS])
        text = mutating.mutated(random, right)
        case = case_of(right, text)
        is_same = not is_broken_text(case) and json.loads(text) == right
        assert is_same or is_broken_text(case) is (mistake_of(case) is None)
