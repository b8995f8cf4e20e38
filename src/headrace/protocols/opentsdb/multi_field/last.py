"""/api/query/mlast: the latest value of each field."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import Any

import numpy as np
import orjson
from starlette.types import Scope

from headrace.protocols.opentsdb.fields import Field, series_metric
from headrace.protocols.opentsdb.multi_field.query import ANY_FIELD, FieldQuery, Tags, fields_of
from headrace.protocols.opentsdb.reading.last import (
    LAST_QUERY,
    LastQuery,
    LastSubQuery,
    last_query,
    series_of,
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
                fields = [field.field or "" for field in fields_of(self._store, sub.metric, wanted)]
                latest.add(snapshot, sub, fields)
        return orjson.dumps(latest.elements())


class _Latest:
    """What was found so far, between two times in ms."""

    def __init__(self, since_ms: int, until_ms: int) -> None:
        self._since_ms = since_ms
        self._until_ms = until_ms
        self._found: dict[tuple[str, Tags], Moments] = {}

    def add(self, snapshot: Snapshot, sub: LastSubQuery, fields: Sequence[str]) -> None:
        """The latest points of some fields, which are read all together. Raises Refused as series_of does."""
        metric = sub.metric or ""
        by_field = [self._series(snapshot, sub, Field(metric, field)) for field in fields]
        asked = list(dict.fromkeys(chain.from_iterable(by_field)))
        columns = snapshot.last(np.array(asked, dtype=np.uint32), self._until_ms)
        rows = {series: row for row, series in enumerate(columns.series.tolist())}
        names, times = snapshot.names(columns.series), columns.times.tolist()
        for field, series in zip(fields, by_field, strict=True):
            for row in (rows[one] for one in series if one in rows):
                if times[row] >= self._since_ms:
                    moments = self._found.setdefault((metric, names[row].tags), {})
                    moments.setdefault(times[row], {})[field] = value_of(columns.values, row)

    def _series(self, snapshot: Snapshot, sub: LastSubQuery, field: Field) -> list[int]:
        snapshot.check()
        found: list[int] = series_of(snapshot, sub, series_metric(field)).tolist()
        return found

    def elements(self) -> list[dict[str, Any]]:
        """As mlast answers them."""
        return [_element(metric, tags, moments) for (metric, tags), moments in self._found.items()]


def _element(metric: str, tags: Tags, moments: Moments) -> dict[str, Any]:
    """The latest moment first."""
    names = sorted({name for values in moments.values() for name in values})
    rows = [[at, *(moments[at].get(name) for name in names)] for at in sorted(moments, reverse=True)]
    return {"metric": metric, "tags": dict(tags), "columns": ["timestamp", *names], "values": rows}
