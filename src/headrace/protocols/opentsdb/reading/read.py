"""/api/query: a question becomes queries of the engine, all on one snapshot, and their results the answer."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol

from starlette.types import Scope

from headrace.config import OpenTSDBTimes
from headrace.errors import Refused
from headrace.model.query import Fill
from headrace.model.time import TimeRange
from headrace.protocols.opentsdb.faults import shown
from headrace.protocols.opentsdb.fields import SEPARATOR
from headrace.protocols.opentsdb.reading.answer import Element, pieces
from headrace.protocols.opentsdb.reading.question import Asked, Question, question
from headrace.protocols.opentsdb.reading.wire import query_of_body, query_of_parameters
from headrace.protocols.opentsdb.reply import Parameters, Reply
from headrace.protocols.opentsdb.tsuids import tsuids_of, unknown_tsuid
from headrace.query.aggregation import engine
from headrace.query.pool import QueryPool, Reads
from headrace.store import Check, Snapshot
from headrace.transport.http import streaming
from headrace.transport.http.streaming import joined

Write = Callable[[Sequence[Element], dict[str, Any] | None], Iterator[bytes]]
"""Makes the answer of its elements and, where it is asked for, its summary, piece by piece."""


class Notes(Protocol):
    """What a query shows beside its points (managing.annotations)."""

    def any_at_all(self) -> bool:
        """Whether there is any note at all."""
        ...

    def within(self, tsuids: Sequence[str], asked: TimeRange) -> list[dict[str, Any]]:
        """Those of these series that begin within the range, as an answer shows them."""
        ...


class OpenTSDBQueries:
    """Answers questions from snapshots of a store, on the threads of a pool."""

    def __init__(self, store: Reads, pool: QueryPool, annotations: Notes, told: OpenTSDBTimes = "seconds") -> None:
        """told: the unit of times unless a question says one."""
        self._told: OpenTSDBTimes = told
        self._annotations = annotations
        self._store = store
        self._pool = pool

    async def query(self, scope: Scope, parameters: Parameters, body: bytes, reply: Reply) -> None:
        """/api/query."""
        said = query_of_body(body) if scope["method"] == "POST" else query_of_parameters(parameters)
        asked = question(said, time.time_ns() // 1_000_000, self._told)
        in_arrays = "arrays" in parameters
        await self.stream(asked, lambda elements, summary: pieces(elements, asked.in_ms, in_arrays, summary), reply)

    async def stream(self, asked: Question, write: Write, reply: streaming.Reply) -> None:
        """Answer a question as `write` puts its elements. Raises Refused."""
        for part in asked.parts:
            if not part.tsuids and SEPARATOR in part.echo["metric"]:
                raise _in_our_words(Refused("metric-unknown", part.echo["metric"]), part)
        answer = await self._pool.run(lambda check: self._answer(asked, write, check), reply.client_leaves)
        await reply.stream(answer, self._pool.next_of)

    def _answer(self, asked: Question, write: Write, check: Check) -> tuple[bytes, Iterator[bytes]]:
        """Run all sub-queries; the first chunk of the answer, and the others. On a thread of the pool."""
        began = time.perf_counter()
        elements: list[Element] = []
        annotated = asked.annotations and self._annotations.any_at_all()
        with self._store.snapshot(check) as snapshot:
            for part in asked.parts:
                try:
                    results = part.narrowing.of(engine.run(snapshot, part.query, part.sightings))
                    elements += [self._element(result, part, asked, snapshot, annotated) for result in results]
                except Refused as refused:
                    raise _in_our_words(refused, part) from refused
            summary = None
            if asked.show_summary:
                points = sum(len(element.times) for element in elements)
                summary = {"emittedDPs": points, "totalTime": round((time.perf_counter() - began) * 1000, 3)}
            chunks = joined(write(elements, summary))
            snapshot.memory.keep_for(chunks)
        return next(chunks, b""), chunks

    def _element(
        self, result: engine.Result, part: Asked, asked: Question, snapshot: Snapshot, annotated: bool
    ) -> Element:
        [first] = snapshot.names(result.series[:1])
        tags, differing = snapshot.common_tags(result.series)
        head: dict[str, Any] = {"metric": first.metric, "tags": tags, "aggregateTags": differing}
        if asked.show_query:
            head["query"] = part.echo
        tsuids = tsuids_of(snapshot.keys(result.series)) if asked.show_tsuids or annotated else []
        if asked.show_tsuids:
            head["tsuids"] = tsuids
        if annotated:
            self._annotate(head, tsuids, part, asked)
        fill = part.query.downsampling.fill if part.query.downsampling is not None else Fill.NONE
        in_ms = part.sightings.between_seconds
        return Element(head, result.times, result.values, fill, part.query.aggregator, in_ms)

    def _annotate(self, head: dict[str, Any], tsuids: list[str], part: Asked, asked: Question) -> None:
        """Only those that exist: an element without annotations has no such member."""
        for member, of in (("annotations", tsuids), ("globalAnnotations", [""] * asked.global_annotations)):
            if found := self._annotations.within(of, part.query.range):
                head[member] = found


def _in_our_words(refused: Refused, part: Asked) -> Refused:
    match refused.rule:
        case "metric-unknown":
            return Refused(refused.rule, f"No such name for 'metrics': '{shown(refused.detail)}'")
        case "series-unknown":
            return unknown_tsuid(part.tsuids[int(refused.detail)])
        case "metrics-differ":
            return Refused(refused.rule, "One or more TSUIDs did not share the same metric")
        case _:
            return refused
