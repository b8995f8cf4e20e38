"""/api/query: a question becomes queries of the engine, all on one snapshot, and their results the answer."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any, Protocol, TypeVar

from headrace.config import OpenTSDBTimes
from headrace.errors import Refused
from headrace.model.points import Kind
from headrace.model.query import Fill
from headrace.model.series import FIELD_SEPARATOR
from headrace.model.time import TimeRange
from headrace.protocols.opentsdb.faults import shown
from headrace.protocols.opentsdb.reading.answer import Element, pieces
from headrace.protocols.opentsdb.reading.question import Asked, Question, question
from headrace.protocols.opentsdb.reading.wire import Query
from headrace.protocols.opentsdb.tsuids import tsuids_of, unknown_tsuid
from headrace.query.aggregation import engine
from headrace.query.alignment import only_numbers
from headrace.query.pool import QueryPool, Reads
from headrace.store import Check, Snapshot
from headrace.transport.http import streaming
from headrace.transport.http.streaming import joined

T = TypeVar("T")

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


class Reading:
    """The sub-queries of one question, each answered from the same snapshot."""

    def __init__(self, snapshot: Snapshot, asked: Question, annotations: Notes) -> None:
        self.snapshot = snapshot
        self._asked = asked
        self._annotations = annotations
        self._annotated = asked.annotations and annotations.any_at_all()

    def in_turn(self) -> list[Element]:
        """What all sub-queries find. Raises as `elements`."""
        return [element for part in self._asked.parts for element in self.elements(part)]

    def elements(self, part: Asked) -> list[Element]:
        """What the sub-query finds. Raises Refused, in the words of this dialect."""
        try:
            results = part.narrowing.of(engine.run(self.snapshot, part.query, part.sightings))
            return [self._element(result, part) for result in results]
        except Refused as refused:
            raise _in_our_words(refused, part) from refused

    def numbers(self, part: Asked) -> list[Element]:
        """As `elements`, but numbers alone: other values are passed over. Raises Refused (rule "value-kind") when there
        are only others."""
        found = self.elements(part)
        numbers = []
        for element in found:
            times, values = only_numbers(element.times, element.values)
            if len(times):
                numbers.append(replace(element, times=times, values=values))
        if found and not numbers:
            kind = Kind(int(found[0].values.kinds[0])).name.lower()
            raise Refused("value-kind", f"the series hold {kind} values: numbers cannot be computed from them")
        return numbers

    def _element(self, result: engine.Result, part: Asked) -> Element:
        asked = self._asked
        [first] = self.snapshot.names(result.series[:1])
        tags, differing = self.snapshot.common_tags(result.series)
        head: dict[str, Any] = {"metric": first.metric, "tags": tags, "aggregateTags": differing}
        if asked.show_query:
            head["query"] = part.echo
        tsuids = tsuids_of(self.snapshot.keys(result.series)) if asked.show_tsuids or self._annotated else []
        if asked.show_tsuids:
            head["tsuids"] = tsuids
        if self._annotated:
            self._annotate(head, tsuids, part)
        fill = part.query.downsampling.fill if part.query.downsampling is not None else Fill.NONE
        in_ms = part.sightings.between_seconds
        return Element(head, result.times, result.values, fill, part.query.aggregator, in_ms)

    def _annotate(self, head: dict[str, Any], tsuids: list[str], part: Asked) -> None:
        """Only those that exist: an element without annotations has no such member."""
        for member, of in (("annotations", tsuids), ("globalAnnotations", [""] * self._asked.global_annotations)):
            if found := self._annotations.within(of, part.query.range):
                head[member] = found


Combine = Callable[[Reading], list[Element]]
"""Makes what is answered of what the sub-queries find."""


class OpenTSDBQueries:
    """Answers questions from snapshots of a store, on the threads of a pool."""

    def __init__(self, store: Reads, pool: QueryPool, annotations: Notes, told: OpenTSDBTimes = "seconds") -> None:
        """told: the unit of times unless a question says one."""
        self._told: OpenTSDBTimes = told
        self._annotations = annotations
        self._store = store
        self._pool = pool

    def asked(self, said: Query) -> Question:
        """The question as it is asked now. Raises Refused."""
        return question(said, time.time_ns() // 1_000_000, self._told)

    async def read_question(self, size: int, work: Callable[[], T]) -> T:
        """See QueryPool.read."""
        return await self._pool.read(size, work)

    async def answer(
        self, asked: Question, in_arrays: bool, reply: streaming.Reply, combine: Combine = Reading.in_turn
    ) -> None:
        """Answer a question in the shape of /api/query. Raises Refused."""
        await self.stream(asked, shape(asked, in_arrays), reply, combine)

    async def stream(
        self, asked: Question, write: Write, reply: streaming.Reply, combine: Combine = Reading.in_turn
    ) -> None:
        """Answer a question as `write` puts what `combine` makes of it. Raises Refused."""
        await reply.stream(await self.prepared(asked, write, reply, combine), self._pool.next_of)

    async def prepared(
        self, asked: Question, write: Write, reply: streaming.Reply, combine: Combine = Reading.in_turn
    ) -> streaming.Answer:
        """An answer that has been found, and of which nothing is sent yet. reply: where it will be. Raises Refused."""
        refuse_fields(asked)
        return await self._pool.run(lambda check: self._answer(asked, write, combine, check), reply.client_leaves)

    def _answer(self, asked: Question, write: Write, combine: Combine, check: Check) -> streaming.Answer:
        """Run all sub-queries; the first chunk of the answer, and the others. On a thread of the pool."""
        began = time.perf_counter()
        with self._store.snapshot(check) as snapshot:
            elements = combine(Reading(snapshot, asked, self._annotations))
            summary = None
            if asked.show_summary:
                points = sum(len(element.times) for element in elements)
                summary = {"emittedDPs": points, "totalTime": round((time.perf_counter() - began) * 1000, 3)}
            chunks = joined(write(elements, summary))
            snapshot.memory.keep_for(chunks)
        return next(chunks, b""), chunks


def shape(asked: Question, in_arrays: bool) -> Write:
    """How /api/query writes its answers."""
    return lambda elements, summary: pieces(elements, asked.in_ms, in_arrays, summary)


def refuse_fields(asked: Question) -> None:
    """A metric with the separator of multi-field points is none that may be asked for. Raises Refused."""
    for part in asked.parts:
        if not part.tsuids and FIELD_SEPARATOR in part.echo["metric"]:
            raise _in_our_words(Refused("metric-unknown", part.echo["metric"]), part)


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
