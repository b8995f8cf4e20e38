"""A question is read on the event loop, or on a thread where much of it is to be mended first."""

from __future__ import annotations

from headrace.model.odd_json.lenient import TooLongForTheLoop
from headrace.protocols.kairosdb.reading.wire import MetricQuery, parse_query
from headrace.query.pool import QueryPool


async def asked_of(body: bytes | str, now_ms: int, pool: QueryPool) -> list[MetricQuery]:
    """See parse_query. Raises Refused, Unavailable."""
    try:
        return parse_query(body, now_ms)
    except TooLongForTheLoop:
        return await pool.look_up(lambda: parse_query(body, now_ms))
