"""A question is read on the event loop, a long one on a thread of the queries."""

from __future__ import annotations

from headrace import limits
from headrace.protocols.kairosdb.reading.wire import MetricQuery, parse_query
from headrace.query.pool import QueryPool


async def asked_of(body: bytes | str, now_ms: int, pool: QueryPool) -> list[MetricQuery]:
    """See parse_query. Raises Refused, Unavailable."""
    if len(body) > limits.KAIROSDB_QUESTION_ON_LOOP_BYTES_MAX:
        return await pool.look_up(lambda: parse_query(body, now_ms))
    return parse_query(body, now_ms)
