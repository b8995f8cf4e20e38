"""The KairosDB room over a real store in a folder, and requests to it as the transport's router would bring them."""

from __future__ import annotations

import gzip
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager, contextmanager
from pathlib import Path
from typing import Any

from roomclient import Answered, as_bytes, ask

from headrace.config import Settings
from headrace.metrics import Metrics
from headrace.model.time import Clock, wall_clock
from headrace.protocols.kairosdb.room import open_room
from headrace.query.pool import QueryPool
from headrace.store.embedded.store import EmbeddedStore, open_store
from headrace.transport import Sender
from headrace.transport.routing import Router

ROOT = "/api/v1/"


class Reply(Answered):
    @property
    def errors(self) -> list[str]:
        assert self.headers["content-type"] == "application/json"
        (key,) = self.json
        assert key == "errors"
        texts: list[str] = self.json[key]
        return texts


class KairosDB:
    """As its clients see it."""

    def __init__(
        self, store: EmbeddedStore, settings: Settings, threads: ThreadPoolExecutor, clock: Clock = wall_clock
    ) -> None:
        self.store = store
        self.metrics = Metrics()
        self.room = open_room(store, settings, self.metrics, QueryPool(threads, settings.query_timeout_s), clock)
        self.router = Router([self.room])

    async def ask(
        self,
        path: str,
        body: Any = b"",
        *,
        method: str = "POST",
        headers: Mapping[str, str] | None = None,
        compress: bool = False,
    ) -> Reply:
        """A body that is neither text nor bytes is sent as JSON."""
        content = gzip.compress(as_bytes(body)) if compress else as_bytes(body)
        return Reply(*await ask(self.router, method, ROOT + path, content, headers or {}))

    def at_work(self) -> AbstractAsyncContextManager[None]:
        """What the room does besides answering is done within."""
        assert self.room.work is not None
        return self.room.work()

    async def get(self, path: str) -> Reply:
        return await self.ask(path, method="GET")

    async def refused(self, body: Any) -> list[str]:
        """The errors of a write."""
        reply = await self.ask("datapoints", body)
        assert reply.status == 400, reply
        return reply.errors

    async def stored(self, metric: str) -> dict[str, list[list[Any]]]:
        """The points of a metric by the group of their type."""
        question = {"start_absolute": -(10**15), "end_absolute": 10**15, "metrics": [{"name": metric}]}
        reply = await self.ask("datapoints/query", question)
        assert reply.status == 200, reply
        (answer,) = reply.json["queries"]
        return {one["group_by"][-1]["type"]: one["values"] for one in answer["results"] if "group_by" in one}

    async def lines(self, block: bytes | str) -> str:
        assert self.room.lines is not None
        reply = await self.room.lines(Sender("192.0.2.7")).feed(block.encode() if isinstance(block, str) else block, 1)
        return reply.data.decode()


@contextmanager
def kairosdb_room(folder: Path, clock: Clock = wall_clock, **settings: Any) -> Iterator[KairosDB]:
    """clock: of store and room."""
    chosen = Settings(data_dir=folder, **settings)
    store = open_store(chosen, Metrics(), clock)
    try:
        with ThreadPoolExecutor(2) as pool:
            yield KairosDB(store, chosen, pool, clock)
    finally:
        store.close()
