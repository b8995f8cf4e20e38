"""/q: the address of the 1.x graphs, with `ascii` (points as lines) and `json` (what there would be to plot)."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import Final

import orjson
from starlette.types import Scope

from headrace.errors import Refused
from headrace.protocols.opentsdb.old.lines import lines
from headrace.protocols.opentsdb.reading.answer import Element
from headrace.protocols.opentsdb.reading.question import Question, question
from headrace.protocols.opentsdb.reading.read import OpenTSDBQueries
from headrace.protocols.opentsdb.reading.wire import query_of_parameters
from headrace.protocols.opentsdb.reply import Parameters, Reply

NO_PLOTS: Final = "Plots are not implemented: ask with ascii or json, or /api/query"


class Graph:
    """Answers /q from what /api/query would."""

    def __init__(self, queries: OpenTSDBQueries) -> None:
        self._queries = queries

    async def q(self, scope: Scope, parameters: Parameters, body: bytes, reply: Reply) -> None:
        """/q. `nagios`, `nocache`, `o` and all else that says how a plot looks have no effect."""
        began = time.perf_counter()
        asked = await self._queries.read_question(len(scope["query_string"]), lambda: _asked(parameters))

        def described(elements: Sequence[Element], _summary: object) -> Iterator[bytes]:
            yield description(elements, len(asked.parts), time.perf_counter() - began)

        if "ascii" in parameters:
            await self._queries.stream(asked, lambda elements, _: lines(elements), reply.plain())
        elif "json" in parameters:
            await self._queries.stream(asked, described, reply)
        else:
            raise Refused("not-implemented", NO_PLOTS)


def _asked(parameters: Parameters) -> Question:
    said = query_of_parameters(parameters)
    said.timezone = parameters.get("tz", [None])[0]
    said.show_query = True
    return question(said, time.time_ns() // 1_000_000)


def description(elements: Sequence[Element], parts: int, seconds: float) -> bytes:
    """What the 1.x page shows beside its plot (OpenTSDB: GraphHandler.RunGnuplot). parts: as many `m` were asked; for
    each, `etags` has the aggregated tags of its last element. How many stored points were read for the answer is not
    known here: `points` is what was plotted."""
    tags: list[list[str]] = [[] for _ in range(parts)]
    for element in elements:
        tags[element.head["query"]["index"]] = element.head["aggregateTags"]
    plotted = sum(len(element.times) for element in elements)
    return orjson.dumps({"plotted": plotted, "points": plotted, "etags": tags, "timing": round(seconds * 1000)})
