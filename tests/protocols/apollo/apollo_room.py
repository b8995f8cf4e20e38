"""The Apollo room over a real store in a folder, and requests to it as the transport's router would bring them."""

from __future__ import annotations

import gzip
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import numpy as np
from roomclient import Answered, as_bytes, ask

from headrace.access.authority import Authority
from headrace.access.principals import of_settings
from headrace.config import Settings
from headrace.metrics import Metrics
from headrace.model.time import ALL_TIME, Clock, wall_clock
from headrace.protocols.apollo.room import open_room
from headrace.query.pool import QueryPool
from headrace.store.embedded.store import EmbeddedStore, open_store
from headrace.transport.routing import Router


class Reply(Answered):
    @property
    def said(self) -> tuple[int, str]:
        """Status and words of a refusal, whichever way its members are spelled."""
        status = {name.lower(): text for name, text in self.json["status"].items()}
        assert status["code"] == str(self.status)
        assert self.json["data"] == {}
        return self.status, status["message"]


class Apollo:
    """As its clients see it."""

    def __init__(self, store: EmbeddedStore, settings: Settings, threads: ThreadPoolExecutor, clock: Clock) -> None:
        self.store = store
        self.metrics = Metrics()
        pool = QueryPool(threads, settings.query_timeout_s)
        authority = Authority(of_settings(settings), clock)
        self.room = open_room(store, settings, self.metrics, pool, authority, clock)
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
        content, sent = as_bytes(body), dict(headers or {})
        if compress:
            content = gzip.compress(content)
            sent["Content-Encoding"] = "gzip"
        return Reply(*await ask(self.router, method, path, content, sent))

    async def register(self, device: str, *points: tuple[str, str], **headers: str) -> list[str]:
        """The timeseriesIds of points, each an id and a pointType."""
        body = [{"id": point, "pointType": kind} for point, kind in points]
        reply = await self.ask(f"/apollo/devices/{quote(device, '')}/timeseries", body, headers=headers)
        assert reply.status == 202, reply
        return [entry["timeseriesId"] for entry in reply.json["data"]["relationships"]]

    async def post(self, device: str, samples: Any, **headers: str) -> Reply:
        return await self.ask(f"/apollo/devices/{quote(device, '')}/timeseries/samples", samples, headers=headers)

    async def store_samples(self, device: str, samples: Any) -> None:
        reply = await self.post(device, samples)
        assert reply.json == {"status": {"Message": "", "Code": "202"}, "data": {}}, reply

    async def get(self, device: str, *ids: str, token: str = "", **parameters: Any) -> Reply:
        query = urlencode([*(("timeseries_ids", one) for one in ids), *parameters.items()])
        path = f"/apollo/devices/{quote(device, '')}/timeseries/samples?{query}"
        return await self.ask(path, method="GET", headers={"ContinuationToken": token} if token else {})

    async def samples(self, device: str, *ids: str, **parameters: Any) -> list[dict[str, Any]]:
        reply = await self.get(device, *ids, **parameters)
        assert reply.status == 200, reply
        data: list[dict[str, Any]] = reply.json["data"]
        return data

    async def delete_all(self) -> None:
        """The samples of all series; registrations stay."""
        series = np.arange(len(self.store.table), dtype=np.uint32)
        if len(series):
            await self.store.delete(series, *ALL_TIME)


def sample(series_id: str, val: Any, timestamp: str = "2018-01-27T00:00:00+00:00", **others: Any) -> dict[str, Any]:
    return {"timeseriesId": series_id, "val": val, "timestamp": timestamp, **others}


@contextmanager
def apollo_room(folder: Path, clock: Clock = wall_clock, **settings: Any) -> Iterator[Apollo]:
    chosen = Settings(data_dir=folder, **settings)
    store = open_store(chosen, Metrics())
    try:
        with ThreadPoolExecutor(2) as pool:
            yield Apollo(store, chosen, pool, clock)
    finally:
        store.close()
