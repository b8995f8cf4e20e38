"""The room over a real store in a folder, closed and opened again as a server is."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from room_fixture import OpenTSDB
from roomclient import Answered

from headrace.config import Settings
from headrace.metrics import Metrics
from headrace.protocols.opentsdb.room import open_room
from headrace.query.pool import QueryPool
from headrace.store.embedded.store import EmbeddedStore, open_store
from headrace.transport.routing import Router


class RealRoom(OpenTSDB):
    """As its clients see it."""

    def __init__(
        self, opened: EmbeddedStore, settings: Settings, threads: ThreadPoolExecutor, store_metrics: Metrics
    ) -> None:
        """store_metrics: with which the store was opened."""
        self.opened = opened
        self.store_metrics = store_metrics
        self.metrics = Metrics()
        self.room = open_room(opened, settings, self.metrics, QueryPool(threads, settings.query_timeout_s))
        self.router = Router([self.room])

    async def put(self, *points: tuple[str, int, Any, dict[str, str]]) -> None:
        """Each point is metric, time, value, tags."""
        keys = ("metric", "timestamp", "value", "tags")
        body = json.dumps([dict(zip(keys, point, strict=True)) for point in points])
        assert (await self.ask("/api/put", body)).status == 204

    async def get(self, target: str, **headers: str) -> Answered:
        return await self.ask(f"/api/{target}", method="GET", headers=headers)

    async def post(self, target: str, body: Any, method: str = "POST") -> Answered:
        return await self.ask(f"/api/{target}", body if isinstance(body, str) else json.dumps(body), method=method)


@contextmanager
def real_room(folder: Path, **settings: Any) -> Iterator[RealRoom]:
    chosen = Settings(data_dir=folder, **settings)
    store_metrics = Metrics()
    opened = open_store(chosen, store_metrics)
    try:
        with ThreadPoolExecutor(2) as pool:
            yield RealRoom(opened, chosen, pool, store_metrics)
    finally:
        opened.close()


def answered(reply: Answered) -> Any:
    assert reply.status == 200, reply.body
    assert reply.headers["content-type"] == "application/json; charset=UTF-8"
    return json.loads(reply.body)


def error(reply: Answered) -> tuple[int, str]:
    said = json.loads(reply.body)["error"]
    assert said["code"] == reply.status
    return reply.status, said["message"]
