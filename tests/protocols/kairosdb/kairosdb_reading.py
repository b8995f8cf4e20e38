"""The reading half of the KairosDB room over a store in memory, asked as the transport would."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, NamedTuple
from urllib.parse import quote

from memorystore import MemoryStore
from starlette.types import Message

from headrace.gate import RuleSet
from headrace.model.points import Admitted
from headrace.protocols.kairosdb.read import Queries, read_endpoints
from headrace.query.pool import QueryPool

RULES = RuleSet("kairosdb", 1, None, 1, 64, 4096)
GROUPS = {"complex-number": "complex"}


class Reply(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class SavingStore(MemoryStore):
    """Keeps what save_as appends."""

    def __init__(self) -> None:
        super().__init__()
        self.saved: list[Admitted] = []

    async def append(self, points: Admitted) -> int:
        self.saved.append(points)
        return len(self.saved)


class Reading:
    def __init__(self, store: SavingStore, threads: ThreadPoolExecutor) -> None:
        self.store = store
        queries = Queries(store, QueryPool(threads, 60), lambda name: GROUPS.get(name, name), RULES)
        self.apps = read_endpoints(queries, 1 << 20)

    async def ask(self, question: Any, path: str = "datapoints/query", method: str = "POST", **headers: str) -> Reply:
        body = question if isinstance(question, bytes) else json.dumps(question).encode()
        scope = {
            "type": "http",
            "method": method,
            "path": f"/api/v1/{path}",
            "query_string": b"query=" + quote(body).encode() if method == "GET" else b"",
            "headers": [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()],
        }
        waiting: list[Message] = [{"type": "http.request", "body": b"" if method == "GET" else body}]
        messages: list[Message] = []

        async def receive() -> Message:
            if waiting:
                return waiting.pop()
            await asyncio.Event().wait()
            raise AssertionError

        async def send(message: Message) -> None:
            messages.append(dict(message))

        await self.apps[path](scope, receive, send)
        start, *rest = messages
        answered = {name.decode(): value.decode() for name, value in start["headers"]}
        return Reply(start["status"], answered, b"".join(part.get("body", b"") for part in rest))

    async def metric(self, start: int = 0, end: int | None = None, **metric: Any) -> Any:
        """The parsed answer for one metric "m"."""
        question: dict[str, Any] = {"start_absolute": start, "metrics": [{"name": "m", **metric}]}
        if end is not None:
            question["end_absolute"] = end
        reply = await self.ask(question)
        assert reply.status == 200, reply.body
        [answer] = reply.json["queries"]
        return answer

    async def values(self, *aggregators: dict[str, Any], **parts: Any) -> Any:
        """The values of the only result."""
        [result] = (await self.metric(aggregators=list(aggregators), **parts))["results"]
        return result["values"]

    async def error(self, question: Any, status: int = 400) -> str:
        reply = await self.ask(question)
        assert reply.status == status, reply.body
        [message] = reply.json["errors"]
        assert isinstance(message, str)
        return message


@contextmanager
def reading() -> Iterator[Reading]:
    with ThreadPoolExecutor(1) as threads:
        yield Reading(SavingStore(), threads)
