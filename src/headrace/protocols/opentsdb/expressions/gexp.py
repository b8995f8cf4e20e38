"""GET /api/query/gexp: Graphite's functions over queries, answered as /api/query answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final, NamedTuple

import numpy as np
from starlette.types import Scope

from headrace.errors import Refused
from headrace.limits import EXPRESSION_PARTS_MAX, EXPRESSION_SERIES_BYTES
from headrace.model.points import Kind
from headrace.model.time import TimeRange
from headrace.protocols.opentsdb.expressions.calls import Call, MetricQuery, call_of
from headrace.protocols.opentsdb.expressions.combining import check_count, combination
from headrace.protocols.opentsdb.expressions.formula import check_lengths
from headrace.protocols.opentsdb.expressions.functions import (
    Maker,
    Transform,
    absolute,
    alias,
    highest,
    highest_value,
    latest_value,
    length_ms,
    moving_average,
    of_each,
    scale,
)
from headrace.protocols.opentsdb.faults import shown
from headrace.protocols.opentsdb.reading.answer import Element
from headrace.protocols.opentsdb.reading.question import Question
from headrace.protocols.opentsdb.reading.read import OpenTSDBQueries, Reading
from headrace.protocols.opentsdb.reading.wire import query_of_parameters
from headrace.protocols.opentsdb.reply import Parameters, Reply
from headrace.store import Snapshot

COMBINATIONS: Final[Mapping[str, str]] = {
    **dict.fromkeys(("sum", "sumSeries"), "+"),
    **dict.fromkeys(("difference", "diffSeries"), "-"),
    **dict.fromkeys(("multiply", "multiplySeries"), "*"),
    **dict.fromkeys(("divide", "divideSeries"), "/"),
}

FUNCTIONS: Final[Mapping[str, Maker]] = {
    "absolute": absolute,
    "alias": alias,
    "highestCurrent": highest(latest_value),
    "highestMax": highest(highest_value),
    "movingAverage": moving_average,
    "scale": scale,
    **{name: combination(sign) for name, sign in COMBINATIONS.items()},
}

SHIFTS: Final = frozenset(("shift", "timeShift"))
"""Those whose arguments are read for an earlier time."""


class _Leaf(NamedTuple):
    """Query number `part` of the question."""

    part: int


class _Node(NamedTuple):
    """What `transform` makes of the children, which are read for a time that is earlier_ms before that of the node."""

    transform: Transform
    children: tuple[_Node | _Leaf, ...]
    earlier_ms: int = 0


class _Plan(NamedTuple):
    """trees: one for each expression.   texts: of the sub-queries of the question, as they were written."""

    trees: list[_Node]
    texts: list[str]
    asked: Question


class GexpQueries:
    """Answers /api/query/gexp."""

    def __init__(self, queries: OpenTSDBQueries) -> None:
        self._queries = queries

    async def gexp(self, scope: Scope, parameters: Parameters, body: bytes, reply: Reply) -> None:
        """/api/query/gexp. `m` and `tsuid` beside `exp` are read over, as OpenTSDB shows nothing of them."""
        plan = await self._queries.read_question(len(scope["query_string"]), lambda: self._plan(parameters))

        def combine(reading: Reading) -> list[Element]:
            evaluation = _Evaluation(plan.asked, plan.texts, reading)
            return [element for tree in plan.trees for element in evaluation.of(tree, 0)]

        await self._queries.answer(plan.asked, "arrays" in parameters, reply, combine)

    def _plan(self, parameters: Parameters) -> _Plan:
        """Raises Refused."""
        if not parameters.get("exp"):
            raise Refused("expression", "Missing parameter <code>exp</code>")
        check_lengths(parameters["exp"], "exp")
        texts: list[str] = []
        trees = [_planned(call_of(text), texts) for text in parameters["exp"]]
        return _Plan(trees, texts, self._queries.asked(query_of_parameters({**parameters, "m": texts, "tsuid": []})))


def _planned(call: Call, texts: list[str]) -> _Node:
    """What to do for a call; its queries are added to `texts`. Raises Refused (rule "expression")."""
    place = f"exp, character {call.at + 1}"
    if not call.arguments:
        raise Refused("expression", f"{shown(call.function)} needs a query or a function to work on", place)
    if call.function in COMBINATIONS:
        check_count(len(call.arguments), place)
    children = tuple(_child(argument, texts) for argument in call.arguments)
    if call.function in SHIFTS:
        if not call.parameters:
            raise Refused("expression", "Need amount of timeshift to perform timeshift", place)
        earlier_ms = length_ms(call.parameters[0], place)
        return _Node(_later(earlier_ms), children, earlier_ms)
    if call.function not in FUNCTIONS:
        known = ", ".join(sorted((*FUNCTIONS, *SHIFTS)))
        words = f"Function {shown(call.function)} has not been implemented; there are {known}"
        raise Refused("expression", words, place)
    return _Node(FUNCTIONS[call.function](call.parameters, place), children)


def _child(argument: Call | MetricQuery, texts: list[str]) -> _Node | _Leaf:
    if isinstance(argument, Call):
        return _planned(argument, texts)
    if len(texts) == EXPRESSION_PARTS_MAX:
        raise Refused("expression", f"more than {EXPRESSION_PARTS_MAX} queries", f"exp, character {argument.at + 1}")
    texts.append(argument.text)
    return _Leaf(len(texts) - 1)


def _later(by_ms: int) -> Transform:
    def moved(element: Element, snapshot: Snapshot) -> Element:
        snapshot.memory.hold(element.times.nbytes)
        return replace(element, times=element.times + by_ms)

    return of_each(moved)


class _Evaluation:
    """Of all expressions of one question. A query that several calls name is read once."""

    def __init__(self, asked: Question, texts: Sequence[str], reading: Reading) -> None:
        """texts: of the sub-queries of the question, as they were written."""
        self._asked = asked
        self._texts = texts
        self._reading = reading
        self._read: dict[tuple[str, int], list[Element]] = {}

    def of(self, node: _Node | _Leaf, earlier_ms: int) -> list[Element]:
        """The series of a node, for the asked time moved back so far. Raises Refused: "infinite", and what the engine
        raises."""
        if isinstance(node, _Leaf):
            return self._elements(node.part, earlier_ms)
        arguments = [self.of(child, earlier_ms + node.earlier_ms) for child in node.children]
        snapshot = self._reading.snapshot
        snapshot.memory.hold(EXPRESSION_SERIES_BYTES * sum(map(len, arguments)))
        return _finite(node.transform(arguments, snapshot))

    def _elements(self, number: int, earlier_ms: int) -> list[Element]:
        key = self._texts[number], earlier_ms
        if key not in self._read:
            part = self._asked.parts[number]
            start_ms, end_ms = part.query.range
            moved = TimeRange(start_ms - earlier_ms, end_ms - earlier_ms)
            if earlier_ms:
                part = replace(part, query=replace(part.query, range=moved), sightings=part.sightings.anew(moved))
            self._read[key] = self._reading.numbers(part)
        return self._read[key]


def _finite(elements: Sequence[Element]) -> list[Element]:
    for element in elements:
        infinite = np.isinf(element.values.doubles())
        if infinite.any() and (element.values.kinds[infinite] == Kind.DOUBLE).any():
            raise Refused("infinite", "Got Infinity: the values are too large for a double")
    return list(elements)
