"""POST /api/query/exp: formulas over named metrics, all read from one snapshot, and the answer in its own shape."""

from __future__ import annotations

import time
from collections.abc import Iterator

from starlette.types import Scope

from headrace.protocols.opentsdb.expressions.exp_answer import pieces
from headrace.protocols.opentsdb.expressions.plan import carried_out, plan_of
from headrace.protocols.opentsdb.expressions.request import ExpRequest, request_of_body
from headrace.protocols.opentsdb.reading.read import Notes, Reading, refuse_fields
from headrace.protocols.opentsdb.reply import Parameters, Reply
from headrace.query.pool import QueryPool, Reads
from headrace.store import Check
from headrace.transport.http.streaming import joined


class ExpQueries:
    """Answers /api/query/exp from snapshots of a store, on the threads of a pool."""

    def __init__(self, store: Reads, pool: QueryPool, annotations: Notes) -> None:
        self._store = store
        self._pool = pool
        self._annotations = annotations

    async def exp(self, scope: Scope, parameters: Parameters, body: bytes, reply: Reply) -> None:
        """/api/query/exp."""
        request = await self._pool.read(len(body), lambda: request_of_body(body))
        now_ms = time.time_ns() // 1_000_000
        answer = await self._pool.run(lambda check: self._answer(request, now_ms, check), reply.client_leaves)
        await reply.stream(answer, self._pool.next_of)

    def _answer(self, request: ExpRequest, now_ms: int, check: Check) -> tuple[bytes, Iterator[bytes]]:
        """Plan and do it all; the first chunk of the answer, and the others. On a thread of the pool."""
        plan = plan_of(request, now_ms)
        refuse_fields(plan.question)
        with self._store.snapshot(check) as snapshot:
            tables = carried_out(plan, Reading(snapshot, plan.question, self._annotations))
            outputs = [(name, alias, tables[name]) for name, alias in plan.outputs if name in tables]
            chunks = joined(pieces(outputs, request.echo()))
            snapshot.memory.keep_for(chunks)
        return next(chunks), chunks
