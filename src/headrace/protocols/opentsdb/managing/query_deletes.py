"""/api/query that deletes what it answers: DELETE, and POST with `delete`. Only where the operator allows it."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray
from starlette.types import Scope

from headrace.errors import Refused
from headrace.model.query import ChosenSeries
from headrace.protocols.opentsdb.faults import shown
from headrace.protocols.opentsdb.managing.deletes import Deletes
from headrace.protocols.opentsdb.reading.answer import Element
from headrace.protocols.opentsdb.reading.narrowing import NO_NARROWING
from headrace.protocols.opentsdb.reading.question import Question
from headrace.protocols.opentsdb.reading.read import OpenTSDBQueries, Reading, shape
from headrace.protocols.opentsdb.reading.wire import Query, query_of_body, query_of_parameters
from headrace.protocols.opentsdb.reply import Parameters, Reply
from headrace.query import groups
from headrace.query.pool import QueryPool
from headrace.store import Snapshot
from headrace.transport.guarding.guard import demand, note

QUERY_METHODS: Final = ("GET", "POST", "DELETE")


class QueryDeletes:
    """Answers /api/query, with `allowed` (the setting opentsdb_delete) also when it is to delete."""

    def __init__(self, queries: OpenTSDBQueries, store: Deletes, pool: QueryPool, allowed: bool) -> None:
        self._queries = queries
        self._store = store
        self._pool = pool
        self._allowed = allowed

    async def query(self, scope: Scope, parameters: Parameters, body: bytes, reply: Reply) -> None:
        """/api/query. Raises Refused."""
        size = len(body) + len(scope["query_string"])
        deletes, asked = await self._pool.read(size, lambda: self._asked(scope, parameters, body))
        in_arrays = "arrays" in parameters
        if deletes:
            await self._delete(asked, in_arrays, reply, scope)
        else:
            await self._queries.answer(asked, in_arrays, reply)

    def _asked(self, scope: Scope, parameters: Parameters, body: bytes) -> tuple[bool, Question]:
        """Whether it is to delete, and what. Raises Refused."""
        said = _said(scope, parameters, body)
        deletes = bool(said.delete)
        if deletes:
            if not self._allowed:
                raise Refused("delete", "Deleting data is not enabled", "the setting opentsdb_delete allows it")
            demand(scope, "delete")
            said.delete = False
        return deletes, self._queries.asked(said)

    async def _delete(self, asked: Question, in_arrays: bool, reply: Reply, scope: Scope) -> None:
        """Delete every point between start and end of the series that the sub-queries find, whatever they make of them;
        answered, when that is durable, is what there was to see before (OpenTSDB: TsdbQuery.deleteData). Points that
        are written to them in between are deleted unseen."""
        if any(part.narrowing != NO_NARROWING or part.query.where for part in asked.parts):
            raise Refused("delete", "limit, offset, globalLimit, dpValue and preDpValue do not go with deleting")
        series: list[NDArray[np.uint32]] = []

        def combine(reading: Reading) -> list[Element]:
            found = reading.in_turn()
            series.append(_series(reading.snapshot, asked))
            return found

        answer = await self._queries.prepared(asked, shape(asked, in_arrays), reply, combine)
        if len(series[0]):
            range_ = asked.parts[0].query.range
            await self._store.delete(series[0], *range_)
            metrics = sorted({shown(part.echo["metric"] or "by tsuid") for part in asked.parts})[:10]
            note(scope, deleted=len(series[0]), metrics=metrics, start_ms=range_.start_ms, end_ms=range_.end_ms)
        await reply.stream(answer, self._pool.next_of)


def _said(scope: Scope, parameters: Parameters, body: bytes) -> Query:
    """A DELETE may say its question either way."""
    method = scope["method"]
    said = query_of_body(body) if method == "POST" or (method == "DELETE" and body) else query_of_parameters(parameters)
    said.delete = said.delete or method == "DELETE"
    return said


def _series(snapshot: Snapshot, asked: Question) -> NDArray[np.uint32]:
    """Ordinals of all series that the sub-queries find, ascending."""
    selections = (part.query.selection for part in asked.parts)
    found = [
        groups.chosen(snapshot, one) if isinstance(one, ChosenSeries) else groups.find(snapshot, one)
        for one in selections
    ]
    return np.unique(np.concatenate(found))
