"""The reading half of the KairosDB room over a store in memory, asked as the transport would."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote

from memorystore import MemoryStore
from roomclient import Answered, as_bytes, ask

from headrace.gate import RuleSet
from headrace.model.points import Admitted
from headrace.protocols.kairosdb.reading.read import KairosDBQueries, read_endpoints
from headrace.query.pool import QueryPool

RULES = RuleSet("kairosdb", 1, None, 1, 64, 4096)
GROUPS = {"complex-number": "complex"}


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
        queries = KairosDBQueries(store, QueryPool(threads, 60), lambda name: GROUPS.get(name, name), RULES)
        self.apps = read_endpoints(queries, 1 << 20)

    async def ask(
        self, question: Any, path: str = "datapoints/query", method: str = "POST", **headers: str
    ) -> Answered:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if method == "GET":
            return await ask(self.apps[path], method, f"/api/v1/{path}?query={quote(as_bytes(question))}", b"", sent)
        return await ask(self.apps[path], method, f"/api/v1/{path}", as_bytes(question), sent)

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
