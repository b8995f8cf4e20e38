"""GET /api/annotations: the annotations that begin within a range of time, as a list."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import orjson
from starlette.types import Scope

from headrace.errors import Refused
from headrace.model.time import TimeRange
from headrace.protocols.opentsdb.managing.annotations import Annotations
from headrace.protocols.opentsdb.reading.times import UTC, time_ms
from headrace.protocols.opentsdb.reply import Parameters, Reply
from headrace.protocols.opentsdb.tsuids import keys_of
from headrace.query.pool import QueryPool
from headrace.transport.http.streaming import joined


class AnnotationLists:
    """Answers /api/annotations, which but for its GET is /api/annotation."""

    def __init__(self, annotations: Annotations, pool: QueryPool) -> None:
        self._annotations = annotations
        self._pool = pool

    async def annotations(self, scope: Scope, parameters: Parameters, body: bytes, reply: Reply) -> None:
        """A list of the global ones or, with `tsuid`, of those of a series, by time."""
        if scope["method"] != "GET":
            await self._annotations.annotation(scope, parameters, body, reply)
            return
        tsuids, asked = _asked(parameters)
        chunks = joined(_listed(self._annotations.pages(tsuids, asked)))
        first = await self._pool.look_up(lambda: next(chunks))
        await reply.stream((first, chunks), self._pool.next_of)


def _asked(given: Parameters) -> tuple[list[str], TimeRange]:
    start, end = (given.get(name, [""])[0] for name in ("start_time", "end_time"))
    if start in ("", "0"):
        raise Refused("start-missing", "Missing start time")
    now_ms = time.time_ns() // 1_000_000
    asked = TimeRange(time_ms(start, now_ms, UTC), time_ms(end, now_ms, UTC) if end else now_ms)
    if asked.end_ms < asked.start_ms:
        raise Refused("end", "The end timestamp cannot be less than the start timestamp")
    tsuids = [tsuid for tsuid in given.get("tsuid", ()) if tsuid]
    keys_of(tsuids)
    return [tsuid.upper() for tsuid in tsuids] or [""], asked


def _listed(pages: Iterator[list[dict[str, Any]]]) -> Iterator[bytes]:
    before = b"["
    for page in pages:
        yield before + orjson.dumps(page)[1:-1]
        before = b","
    yield b"[]" if before == b"[" else b"]"
