"""Alibaba's /api/delete_data and /api/delete_meta."""

from __future__ import annotations

import time
from typing import Protocol

import msgspec
import numpy as np
from numpy.typing import NDArray
from starlette.types import Scope

from headrace.errors import Refused
from headrace.model.time import ALL_TIME, TimeRange
from headrace.protocols.opentsdb import times
from headrace.protocols.opentsdb.faults import shown
from headrace.protocols.opentsdb.fields import Field, series_metric
from headrace.protocols.opentsdb.integers import Whole, whole_member
from headrace.protocols.opentsdb.reading.filters import short_form
from headrace.protocols.opentsdb.reading.question import selection_of
from headrace.protocols.opentsdb.reading.wire import decode_json
from headrace.protocols.opentsdb.reply import Parameters, Reply
from headrace.query import groups
from headrace.query.pool import QueryPool, Reads
from headrace.store import Check
from headrace.transport.guarding.guard import note


class Timeline(msgspec.Struct, rename="camel"):
    """Which series, and when (aliyun-tsdb-java-sdk: DeleteDataRequest, DeleteMetaRequest)."""

    metric: str | None = None
    tags: dict[str, str] | None = None
    fields: list[str] | None = None
    start: Whole | None = None
    end: Whole | None = None
    delete_data: bool | None = None


_TIMELINE = msgspec.json.Decoder(Timeline, strict=False, dec_hook=whole_member)


class Deletes(Reads, Protocol):
    """What deleting needs of a store (store.Store)."""

    async def delete(self, series: NDArray[np.uint32], start_ms: int, end_ms: int) -> int:
        """Durable and visible on return; raises Unavailable."""
        ...


class DeleteService:
    """Answers the two endpoints: 200 without a body."""

    def __init__(self, store: Deletes, pool: QueryPool) -> None:
        self._store = store
        self._pool = pool

    async def delete_data(self, scope: Scope, parameters: Parameters, body: bytes, reply: Reply) -> None:
        """Delete the points of the series between start and end, both included."""
        asked = await self._pool.read(len(body), lambda: decode_json(_TIMELINE, body))
        if asked.start is None:
            raise Refused("start-missing", "Missing start time")
        end = time.time_ns() // 1_000_000 if asked.end is None else _ms(asked.end)
        await self._delete(asked, TimeRange(_ms(asked.start), end), scope, reply)

    async def delete_meta(self, scope: Scope, parameters: Parameters, body: bytes, reply: Reply) -> None:
        """Delete the series with all their points; a name without a point shows no more."""
        asked = await self._pool.read(len(body), lambda: decode_json(_TIMELINE, body))
        if asked.delete_data is False:
            raise Refused("not-implemented", "delete_meta without its data is not implemented")
        await self._delete(asked, ALL_TIME, scope, reply)

    async def _delete(self, asked: Timeline, range_: TimeRange, scope: Scope, reply: Reply) -> None:
        if range_.end_ms < range_.start_ms:
            raise Refused("end", f"End time [{range_.end_ms}] must be greater than the start time [{range_.start_ms}]")
        series = await self._pool.run(lambda check: self._find(asked, check), reply.client_leaves)
        note(
            scope,
            deleted=len(series),
            metrics=[shown(asked.metric or "")],
            start_ms=range_.start_ms,
            end_ms=range_.end_ms,
        )
        if len(series):
            await self._store.delete(series, *range_)
        await reply.empty(200)

    def _find(self, asked: Timeline, check: Check) -> NDArray[np.uint32]:
        """Ordinals of the series meant. Raises Refused for an unknown metric."""
        said = [short_form(key, value, group_by=False) for key, value in (asked.tags or {}).items()]
        metrics = [asked.metric]
        if asked.fields and asked.metric:
            metrics = [series_metric(Field(asked.metric, field)) for field in asked.fields]
        with self._store.snapshot(check) as snapshot:
            try:
                found = [groups.find(snapshot, selection_of(metric, said)) for metric in metrics]
            except Refused as refused:
                if refused.rule != "metric-unknown":
                    raise
                raise Refused(refused.rule, f"No such name for 'metrics': '{shown(asked.metric or '')}'") from refused
        return np.concatenate(found)


def _ms(stamp: int) -> int:
    if not times.is_legal(stamp):
        raise Refused("time", f"Invalid time: {stamp}")
    return times.to_ms(stamp)
