"""/api/stats/query: the questions to /api/query that run, and the last that have ended."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace
from http import HTTPStatus
from itertools import islice
from typing import Any

import msgspec
from starlette.types import Scope

from headrace import limits
from headrace.errors import Refused, Unavailable
from headrace.protocols.opentsdb.faults import shown
from headrace.protocols.opentsdb.reading.wire import query_of_body, query_of_parameters
from headrace.protocols.opentsdb.reply import STATUS_OF_RULE, Handler, Parameters, Reply


@dataclass(slots=True)
class Watched:
    """One question. asked: as it was sent, b"" for one that is too long to be kept.   status: 0 while it runs, and of
    one whose client has left.   ended_ms, exception: of one that has ended."""

    asked: bytes | Parameters
    began_ms: int
    status: int = 0
    ended_ms: int = 0
    exception: str = "null"


class QueryWatch:
    """What runs, and what ran. Headers and addresses are not kept: anybody may ask."""

    def __init__(self) -> None:
        self._running: dict[int, Watched] = {}
        self._completed: deque[Watched] = deque(maxlen=limits.OPENTSDB_QUERIES_REMEMBERED)

    def watching(self, handler: Handler) -> Handler:
        """The same handler, watched."""

        async def watched(scope: Scope, parameters: Parameters, body: bytes, reply: Reply) -> None:
            one = Watched(_kept(scope, parameters, body), _now_ms())
            self._running[id(one)] = one
            try:
                await handler(scope, parameters, body, reply)
                one.status = HTTPStatus.OK
            except Exception as error:
                one.status, one.exception = _status(error), shown(str(error))
                raise
            finally:
                del self._running[id(one)]
                one.ended_ms = _now_ms()
                self._completed.appendleft(one)

        return watched

    async def query(self, scope: Scope, parameters: Parameters, body: bytes, reply: Reply) -> None:
        """/api/stats/query (OpenTSDB: QueryStats.getRunningAndCompleteStats): the latest of what has ended first; of
        what runs, as many as may run or wait at once."""
        running = [replace(one) for one in islice(self._running.values(), limits.QUERIES_WAITING_MAX)]
        completed = list(self._completed)
        # Beside the event loop, as questions are read again, and not on the pool, which those that run may hold.
        await reply.whole(await asyncio.to_thread(_listed, completed, running))


def _kept(scope: Scope, parameters: Parameters, body: bytes) -> bytes | Parameters:
    size = len(body) or len(scope["query_string"])
    return b"" if size > limits.OPENTSDB_QUERY_REMEMBERED_BYTES_MAX else body or parameters


def _status(error: Exception) -> int:
    match error:
        case Refused():
            return STATUS_OF_RULE.get(error.rule, HTTPStatus.BAD_REQUEST)
        case Unavailable():
            return HTTPStatus.SERVICE_UNAVAILABLE
        case _:
            return HTTPStatus.INTERNAL_SERVER_ERROR


def _listed(completed: Sequence[Watched], running: Sequence[Watched]) -> bytes:
    """The answer. Any thread."""
    told = {"completed": list(map(_told, completed)), "running": list(map(_told, running))}
    return msgspec.json.encode(told)


def _told(one: Watched) -> dict[str, Any]:
    """As OpenTSDB documents it, as far as it is known here."""
    told = {
        "query": _question(one.asked),
        "exception": one.exception,
        "executed": 1,
        "user": None,
        "requestHeaders": {},
        "numRunningQueries": 0 if one.ended_ms else 1,
        "queryStartTimestamp": one.began_ms,
    }
    if not one.ended_ms:
        return told
    status = HTTPStatus(one.status) if one.status else None
    return {
        **told,
        "httpResponse": {"code": status.value, "reasonPhrase": status.phrase} if status else None,
        "queryCompletedTimestamp": one.ended_ms,
        "sentToClient": status == HTTPStatus.OK,
        "stats": {"totalTime": one.ended_ms - one.began_ms},
    }


def _question(asked: bytes | Parameters) -> Any:
    """None where it cannot be read, or is too long to have been kept."""
    try:
        said = query_of_body(asked) if isinstance(asked, bytes) else query_of_parameters(asked)
    except Refused:
        return None
    return msgspec.to_builtins(said, enc_hook=int)  # Whole is the one type that is not JSON's


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
