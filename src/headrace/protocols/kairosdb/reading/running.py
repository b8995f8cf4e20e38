"""/api/v1/admin/runningqueries: the questions that are being answered at present."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import msgspec
from starlette.types import Receive, Scope

from headrace import limits
from headrace.protocols.kairosdb import faults
from headrace.protocols.kairosdb.faults import Answer
from headrace.protocols.kairosdb.reading.wire import read_members


@dataclass(eq=False)
class Running:
    """A question. body: as it came, None where it is too long to be shown.   metric: the name of the one that is read
    at present, None while it waits for a thread."""

    body: bytes | str | None
    metric: str | None = None


class RunningQueries:
    """Noted on the event loop; their threads tell which metric they read."""

    def __init__(self) -> None:
        self._running: dict[Running, None] = {}

    @contextmanager
    def noted(self, body: bytes | str) -> Iterator[Running]:
        """A question, which can be read, is listed within."""
        running = Running(body if len(body) <= limits.KAIROSDB_LISTED_QUERY_BYTES_MAX else None)
        self._running[running] = None
        try:
            yield running
        finally:
            del self._running[running]

    async def listed(self, _scope: Scope, _receive: Receive) -> Answer:
        """As AdminResource of KairosDB 1.3.0: of each question the metric that is read at present."""
        begun = [(running.metric, running.body) for running in self._running if running.metric is not None]
        waiting = len(self._running) - len(begun)

        def described() -> bytes:
            queries = [_described(metric, body) for metric, body in begun]
            return msgspec.json.encode({"queries": queries, "queries waiting": waiting})

        return faults.json_answer(await asyncio.to_thread(described))


def _described(metric: str, body: bytes | str | None) -> dict[str, Any]:
    """The hash is the same for the same question."""
    said = None if body is None else read_members(body)
    whole = msgspec.json.encode([metric, said])
    found = hashlib.md5(whole, usedforsecurity=False).hexdigest()
    return {"query hash": found, "metric name": metric, "query JSON": said}
