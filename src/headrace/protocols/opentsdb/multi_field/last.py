"""/api/query/mlast: the latest value of each field."""

from __future__ import annotations

from typing import Any

import orjson
from starlette.types import Scope

from headrace.protocols.opentsdb.fields import Field, series_metric
from headrace.protocols.opentsdb.multi_field.query import ANY_FIELD, FieldQuery, Tags, fields_of
from headrace.protocols.opentsdb.reading.last import (
    LAST_QUERY,
    LastQuery,
    LastSubQuery,
    last_points,
    last_query,
    time_span,
    value_of,
)
from headrace.protocols.opentsdb.reading.wire import decode_json
from headrace.protocols.opentsdb.reply import Parameters, Reply
from headrace.query.pool import QueryPool, Reads
from headrace.store import Check, Snapshot

Moments = dict[int, dict[str, Any]]
"""The values of fields by name, by their time in ms."""


class MultiFieldLast:
    """Answers /api/query/mlast."""

    def __init__(self, store: Reads, pool: QueryPool) -> None:
        self._store = store
        self._pool = pool

    async def mlast(self, scope: Scope, parameters: Parameters, body: bytes, reply: Reply) -> None:
        """One element a metric and set of tags."""
        asked = await self._pool.read(len(body), lambda: last_query(decode_json(LAST_QUERY, body)))
        await reply.whole(await self._pool.run(lambda check: self._answer(asked, check), reply.client_leaves))

    def _answer(self, asked: LastQuery, check: Check) -> bytes:
        since, until = time_span(asked)
        latest = _Latest(since, until)
        with self._store.snapshot(check) as snapshot:
            for sub in asked.queries or ():
                wanted = [FieldQuery(name) for name in sub.fields or (ANY_FIELD,)]
                for field in fields_of(self._store, sub.metric, wanted):
                    latest.add(snapshot, sub, field.field or "")
        return orjson.dumps(latest.elements())


class _Latest:
    """What was found so far, between two times in ms."""

    def __init__(self, since_ms: int, until_ms: int) -> None:
        self._since_ms = since_ms
        self._until_ms = until_ms
        self._found: dict[tuple[str, Tags], Moments] = {}

    def add(self, snapshot: Snapshot, sub: LastSubQuery, field: str) -> None:
        """The latest points of one field. Raises Refused as last_points does."""
        metric = sub.metric or ""
        columns = last_points(snapshot, sub, series_metric(Field(metric, field)), self._until_ms)
        for row, (at, name) in enumerate(zip(columns.times.tolist(), snapshot.names(columns.series), strict=True)):
            if at >= self._since_ms:
                moments = self._found.setdefault((metric, name.tags), {})
                moments.setdefault(at, {})[field] = value_of(columns.values, row)

    def elements(self) -> list[dict[str, Any]]:
        """As mlast answers them."""
        return [_element(metric, tags, moments) for (metric, tags), moments in self._found.items()]


def _element(metric: str, tags: Tags, moments: Moments) -> dict[str, Any]:
    """The latest moment first."""
    names = sorted({name for values in moments.values() for name in values})
    rows = [[at, *(moments[at].get(name) for name in names)] for at in sorted(moments, reverse=True)]
    return {"metric": metric, "tags": dict(tags), "columns": ["timestamp", *names], "values": rows}
