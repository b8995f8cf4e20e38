"""datapoints/query and datapoints/query/tags: a question becomes queries of the engine, all on one snapshot, and their
results the answer."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, Protocol
from urllib.parse import parse_qs

from starlette.types import ASGIApp, Receive, Scope, Send

from headrace.errors import Refused
from headrace.gate import RuleSet
from headrace.model.points import Admitted
from headrace.protocols.kairosdb import faults
from headrace.protocols.kairosdb.reading.answer import Answered, Shown, pieces, shown, tags_of
from headrace.protocols.kairosdb.reading.running import Running, RunningQueries
from headrace.protocols.kairosdb.reading.save import saved_points, together
from headrace.protocols.kairosdb.reading.wire import MetricQuery, parse_query
from headrace.query import groups
from headrace.query.chain import engine as chained
from headrace.query.chain.engine import GroupOf
from headrace.query.chain.rows import Rows
from headrace.query.pool import QueryPool, Reads
from headrace.rules import Rule
from headrace.store import Check, Snapshot
from headrace.transport.guarding.guard import demand
from headrace.transport.http.body import read_question
from headrace.transport.http.streaming import Answer, Reply, joined

GZIP_TYPES = frozenset((b"application/gzip",))

BAD_REQUESTS: Final[tuple[Rule, ...]] = (
    # The request
    *("bad-compression", "body-incomplete", "json", "metadata-names", "query", "regexp", "rollups-too-many", "save-as"),
    # Names of series
    *("metric-character", "metric-empty", "name-too-long", "tag-key-character", "tag-key-empty"),
    *("tag-value-character", "tag-value-empty", "tags-missing", "tags-too-many"),
    *("request-names", "series-bytes", "series-limit", "series-rate"),
    # What is asked for
    *("calendar", "duration", "metric-unknown", "metrics-differ", "series-unknown"),
)
"""What is a 400 here."""

STATUS_OF_RULE: Final[Mapping[Rule, int]] = {
    **dict.fromkeys(BAD_REQUESTS, 400),
    "body-too-large": 413,
    "unsupported-encoding": 415,
    "query-points": 413,
    "query-groups": 413,
    "query-time": 413,
    "same-time": 500,
    "not-finite": 500,
    "read-only": 403,
    "web-page": 403,
    "permission-missing": 403,
}
"""HTTP status of a refused question, for each rule that this room can meet (tests/test_rules.py)."""

SAME_TIME: Final = (
    "The {0} aggregator cannot compute rate for data points with the same time stamp.  "
    "You must precede {0} with another aggregator."
)
"""{0}: which aggregator."""


class ReadsAndSaves(Reads, Protocol):
    """What reading needs of a store (store.Store): save_as writes."""

    async def append(self, points: Admitted) -> int:
        """As store.Store.append."""
        ...


@dataclass(frozen=True, slots=True)
class KairosDBQueries:
    """Answers questions from snapshots of a store, on the threads of a pool.

    group_of: the group of a custom type's values.   rules: for the names under which save_as stores.
    """

    store: ReadsAndSaves
    pool: QueryPool
    group_of: GroupOf
    rules: RuleSet
    running: RunningQueries = field(default_factory=RunningQueries)

    async def query(self, question: bytes | str, reply: Reply, before_saving: Callable[[], None]) -> None:
        """datapoints/query. What save_as makes is durable before the answer begins.   before_saving: raises Refused for
        who may not."""
        now_ms = time.time_ns() // 1_000_000
        asked = await self.pool.read(len(question), lambda: parse_query(question, now_ms))
        if any(one.saves for one in asked):
            before_saving()
        with self.running.noted(question) as running:
            answer, saved = await self.pool.run(
                lambda check: self._answer(asked, now_ms, running, check), reply.client_leaves
            )
            if saved is not None:
                await self.store.append(saved)
            await reply.stream(answer, self.pool.next_of)

    async def tags(self, question: bytes | str, reply: Reply) -> None:
        """datapoints/query/tags."""
        now_ms = time.time_ns() // 1_000_000
        asked = await self.pool.read(len(question), lambda: parse_query(question, now_ms))
        answer = await self.pool.run(lambda check: self._tags(asked, check), reply.client_leaves)
        await reply.whole(answer)

    def _answer(
        self, asked: list[MetricQuery], now_ms: int, running: Running, check: Check
    ) -> tuple[Answer, Admitted | None]:
        """The first chunk of the answer and the others; what is to be written. On a thread of the pool."""
        answered: list[Answered] = []
        saved: list[Admitted] = []
        with self.store.snapshot(check) as snapshot:
            for one in asked:
                running.metric = one.name
                size, results, _ = answer_to(snapshot, one, self.group_of)
                answered.append(
                    Answered(size, [shown(one, result, snapshot.names(result.series)) for result in results])
                )
                saved += saved_points(one, results, self.store.table, self.rules, now_ms)
            chunks = joined(pieces(answered))
            snapshot.memory.keep_for(chunks)
        return (next(chunks), chunks), together(saved)

    def _tags(self, asked: list[MetricQuery], check: Check) -> bytes:
        """All tags of the selected series, whatever the range: KairosDB's is coarse, and Grafana's plugin asks for all
        time. On a thread of the pool."""
        with self.store.snapshot(check) as snapshot:
            return b"".join(pieces([Answered(None, [_tag_result(snapshot, one)]) for one in asked]))


def answer_to(snapshot: Snapshot, asked: MetricQuery, group_of: GroupOf) -> chained.Answer:
    """The results of one metric. Raises Refused in the words of this dialect."""
    try:
        return chained.run(snapshot, asked.query, group_of)
    except Refused as refused:
        if refused.rule == "metric-unknown":
            return chained.nothing(asked.query)
        if refused.rule == "same-time":
            raise Refused(refused.rule, SAME_TIME.format(refused.detail)) from refused
        raise


def _tag_result(snapshot: Snapshot, asked: MetricQuery) -> Shown:
    try:
        names = snapshot.names(groups.find(snapshot, asked.query.selection))
    except Refused as refused:
        if refused.rule != "metric-unknown":
            raise
        names = []
    return Shown({"name": asked.name, "tags": tags_of(names)}, Rows.empty())


def read_endpoints(queries: KairosDBQueries, body_bytes_max: int) -> dict[str, ASGIApp]:
    """The reading endpoints by their paths below /api/v1/. They word Refused themselves; Unavailable and Corrupt go up
    to the transport."""

    async def query(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] not in ("GET", "POST"):
            await _send(send, faults.method_not_allowed("GET, POST"))
            return
        try:
            body: bytes | str = await read_question(scope, receive, body_bytes_max, GZIP_TYPES)
            if scope["method"] == "GET":
                parameters = parse_qs(scope["query_string"].decode("latin-1"), keep_blank_values=True)
                body = parameters.get("query", [""])[0]
            await queries.query(body, _reply(scope, receive, send), lambda: demand(scope, "write"))
        except Refused as refused:
            await _send(send, faults.refuse(STATUS_OF_RULE[refused.rule], refused))

    async def tags(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] != "POST":
            await _send(send, faults.method_not_allowed("POST"))
            return
        try:
            body = await read_question(scope, receive, body_bytes_max, GZIP_TYPES)
            await queries.tags(body, _reply(scope, receive, send))
        except Refused as refused:
            await _send(send, faults.refuse(STATUS_OF_RULE[refused.rule], refused))

    return {"datapoints/query": query, "datapoints/query/tags": tags}


def _reply(scope: Scope, receive: Receive, send: Send) -> Reply:
    _, headers, _ = faults.json_answer(b"")
    return Reply(scope, receive, send, headers)


async def _send(send: Send, answer: faults.Answer) -> None:
    status, headers, body = answer
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
