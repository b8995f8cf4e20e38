"""The DataZone room over a real store in a folder, and requests to it as the transport's router would bring them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import numpy as np
from roomclient import Answered, ask

from headrace.access.authority import Authority
from headrace.access.principals import of_settings
from headrace.config import Settings
from headrace.metrics import Metrics
from headrace.model.points import Kind
from headrace.model.time import ALL_TIME
from headrace.protocols.datazone.room import open_room
from headrace.store.embedded.store import EmbeddedStore, open_store
from headrace.transport.routing import Router

NOW_MS = 1_704_164_645_000
"""2024-01-02T03:04:05Z."""

ASSET = "/v2/domains/dzd_abc123/entities/ASSET/asset01/time-series-data-points"
TYPE = "amazon.datazone.DataQualityResultFormType"
CONTENT = '{"passingPercentage":88.0,"evaluationsCount":8}'


def form(name: str = "dq", timestamp: Any = 1704164645.678, **members: Any) -> dict[str, Any]:
    return {"formName": name, "typeIdentifier": TYPE, "timestamp": timestamp, **members}


class Reply(Answered):
    @property
    def fault(self) -> tuple[int, str, str]:
        """Status, code and message; the code is the same wherever it stands."""
        assert self.headers["x-amzn-errortype"] == self.json["__type"]
        assert self.headers["content-type"] == "application/json"
        assert self.headers["x-amzn-requestid"]
        return self.status, self.json["__type"], self.json["message"]


class DataZone:
    """As its clients see it."""

    def __init__(self, store: EmbeddedStore, settings: Settings) -> None:
        self.store = store
        self.now_ms = NOW_MS
        self.metrics = Metrics()
        authority = Authority(of_settings(settings), lambda: self.now_ms)
        self.router = Router([open_room(store, settings, self.metrics, authority, lambda: self.now_ms)])

    async def ask(self, method: str, target: str, body: bytes = b"", headers: Mapping[str, str] | None = None) -> Reply:
        sent = {"host": "127.0.0.1:4242", **({"content-type": "application/json"} if body else {}), **(headers or {})}
        return Reply(*await ask(self.router, method, target, body, sent))

    async def post(self, *forms: Any, path: str = ASSET, **members: Any) -> Reply:
        return await self.ask("POST", path, json.dumps({"forms": list(forms), **members}).encode())

    async def listed(self, name: Any = "dq", path: Any = ASSET, **parameters: Any) -> Reply:
        return await self.ask("GET", f"{path}?{query(formName=name, **parameters)}")

    async def get(self, form_id: str, name: str = "dq", path: str = ASSET) -> Reply:
        return await self.ask("GET", f"{path}/{quote(form_id, safe='')}?{query(formName=name)}")

    async def delete(self, name: str = "dq", path: str = ASSET, **parameters: Any) -> Reply:
        return await self.ask("DELETE", f"{path}?{query(formName=name, **parameters)}")

    async def form_type(self, type_id: str = TYPE, domain: str = "dzd_abc123", **asked: str) -> Reply:
        target = f"/v2/domains/{domain}/form-types/{type_id}"
        return await self.ask("GET", target + (f"?{query(**asked)}" if asked else ""))

    async def ids(self, name: str = "dq", path: str = ASSET, **parameters: Any) -> list[str]:
        """Of all pages."""
        found: list[str] = []
        token: dict[str, str] = {}
        while True:
            reply = await self.listed(name, path, **parameters, **token)
            assert reply.status == 200, reply
            found += [item["id"] for item in reply.json["items"]]
            if "nextToken" not in reply.json:
                return found
            token = {"nextToken": reply.json["nextToken"]}

    def points(self, metric: str) -> dict[tuple[tuple[str, str], ...], dict[int, int | float]]:
        """The points of a metric, by tags and ms; integers and doubles as they are kept."""
        with self.store.snapshot() as snapshot:
            try:
                series = snapshot.find(metric, {})
            except KeyError:
                return {}
            columns = snapshot.select(series, *ALL_TIME)
            found = {}
            for at, name in enumerate(snapshot.names(columns.series)):
                rows = range(columns.starts[at], columns.starts[at + 1])
                found[name.tags] = {int(columns.times[row]): number(columns.values, row) for row in rows}
            return found

    def refused(self, rule: str) -> float:
        return self.metrics.points_refused.labels("datazone", rule)._value.get()  # type: ignore[no-any-return]


def number(values: Any, row: int) -> int | float:
    if values.kinds[row] == Kind.INT64:
        return int(values.bits[row])
    assert values.kinds[row] == Kind.DOUBLE
    return float(np.int64(values.bits[row]).view(np.float64))


def query(**parameters: Any) -> str:
    return urlencode({name: str(value) for name, value in parameters.items()}, quote_via=quote, safe="")


@contextmanager
def datazone_room(folder: Path, **settings: Any) -> Iterator[DataZone]:
    chosen = Settings(data_dir=folder, **settings)
    store = open_store(chosen, Metrics())
    try:
        yield DataZone(store, chosen)
    finally:
        store.close()
