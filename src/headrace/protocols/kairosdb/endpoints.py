"""The small endpoints: names, version, health, delete."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractContextManager
from typing import Final, NamedTuple, Protocol
from urllib.parse import parse_qs, unquote

import msgspec
import numpy as np
from numpy.typing import NDArray
from starlette.types import Receive, Scope

from headrace import __version__, limits
from headrace.errors import Refused
from headrace.model.query import Selection
from headrace.model.time import ALL_TIME, TimeRange
from headrace.protocols.kairosdb import faults
from headrace.protocols.kairosdb.faults import Answer
from headrace.protocols.kairosdb.metadata import KeepsMetadata, Metadata, path_below
from headrace.protocols.kairosdb.reading.aggregators.table import AGGREGATORS
from headrace.protocols.kairosdb.reading.grouping import FEATURES as GROUPERS
from headrace.protocols.kairosdb.reading.wire import parse_query
from headrace.protocols.kairosdb.writing.write import clock_ms
from headrace.query import groups
from headrace.query.pool import QueryPool
from headrace.store import Check, Moment, Snapshot, go_on
from headrace.transport.guarding.guard import note
from headrace.transport.http.body import read_question

VERSION: Final = f"KairosDB 1.3.0-headrace-{__version__}"
"""Clients cut off the first word; what follows begins with the version whose behaviour this is."""

FEATURES: Final = {
    name: {"name": name, "label": label, "properties": [feature.described() for feature in features]}
    for name, label, features in (
        ("group_by", "Group By", list(GROUPERS.values())),
        ("aggregators", "Aggregators", [aggregator.feature for aggregator in AGGREGATORS.values()]),
    )
}
"""KairosDB: FeaturesResource."""

Handler = Callable[[Scope, Receive], Awaitable[Answer]]


class Endpoint(NamedTuple):
    """What a path answers, by method."""

    handlers: Mapping[str, Handler]

    async def answer(self, scope: Scope, receive: Receive) -> Answer:
        """Answer one request; a method that is not there is a 405."""
        handler = self.handlers.get("GET" if scope["method"] == "HEAD" else scope["method"])
        return await handler(scope, receive) if handler else faults.method_not_allowed(", ".join(self.handlers))


class ListsAndDeletes(KeepsMetadata, Protocol):
    """What the small endpoints need of a store (store.embedded.store.EmbeddedStore)."""

    @property
    def refusing(self) -> str | None:
        """Why no points are taken at present, None while they are."""
        ...

    async def delete(self, series: NDArray[np.uint32], start_ms: int, end_ms: int) -> int:
        """See store.Store."""
        ...

    async def forget(self, series: NDArray[np.uint32], unwritten_since: Moment) -> int:
        """See store.Store."""
        ...

    def without_points(self, series: NDArray[np.uint32]) -> tuple[NDArray[np.uint32], Moment]:
        """See store.Store."""
        ...

    def snapshot(self, check: Check = go_on) -> AbstractContextManager[Snapshot]:
        """See store.Store."""
        ...

    def suggest(self, role: str, prefix: str, limit: int) -> list[str]:
        """See store.Store."""
        ...


class SmallEndpoints:
    """One method an endpoint. pool: where the store is asked, as that may take a while."""

    def __init__(self, store: ListsAndDeletes, pool: QueryPool, body_bytes_max: int) -> None:
        self._store = store
        self._pool = pool
        self._body_bytes_max = body_bytes_max

    def by_path(self) -> dict[str, Endpoint]:
        """The endpoints by their path below /api/v1/. `metric/` and `metadata/` hold for all below them."""
        metadata = Metadata(self._store, self._pool)
        return {
            "version": Endpoint({"GET": self.version}),
            "health/check": Endpoint({"GET": self.health_check}),
            "health/status": Endpoint({"GET": self.health_status}),
            "metricnames": Endpoint({"GET": lambda scope, _: self.names(scope, "metrics")}),
            "tagnames": Endpoint({"GET": lambda scope, _: self.names(scope, "tagk")}),
            "tagvalues": Endpoint({"GET": lambda scope, _: self.names(scope, "tagv")}),
            "datapoints/delete": Endpoint({"POST": self.delete_points}),
            "metric/": Endpoint({"DELETE": self.delete_metric}),
            "features": Endpoint({"GET": self.features}),
            "features/": Endpoint({"GET": self.features}),
            "metadata/": Endpoint({"GET": metadata.get, "POST": metadata.post, "DELETE": metadata.delete}),
        }

    async def version(self, _scope: Scope, _receive: Receive) -> Answer:
        """Which server this is."""
        return faults.json_answer(msgspec.json.encode({"version": VERSION}))

    async def health_check(self, _scope: Scope, _receive: Receive) -> Answer:
        """204 while points are taken, else 500; no body."""
        status, headers, body = faults.done()
        return (status if self._store.refusing is None else 500), headers, body

    async def health_status(self, _scope: Scope, _receive: Receive) -> Answer:
        """The two checks that clients look up by name. We have no JVM whose threads could lock one another."""
        datastore = "OK" if self._store.refusing is None else "FAIL"
        return faults.json_answer(msgspec.json.encode(["JVM-Thread-Deadlock: OK", f"Datastore-Query: {datastore}"]))

    async def names(self, scope: Scope, role: str) -> Answer:
        """All names of a role (store.Store.suggest) that begin with the parameter `prefix`."""
        parameters = parse_qs(scope["query_string"].decode("latin-1"), keep_blank_values=True)
        prefix = parameters.get("prefix", [""])[-1]
        found = await self._pool.look_up(lambda: self._store.suggest(role, prefix, limits.KAIROSDB_NAMES_MAX))
        return faults.json_answer(msgspec.json.encode({"results": found}))

    async def delete_points(self, scope: Scope, receive: Receive) -> Answer:
        """Delete what a question would read."""
        body = await read_question(scope, receive, self._body_bytes_max)
        deleted, metrics = 0, []
        for question in await self._pool.read(len(body), lambda: parse_query(body, clock_ms())):
            selection, times = question.query.selection, question.query.range
            deleted += await self._delete(selection, times)
            metrics.append(faults.shown(selection.metric))
            note(scope, deleted=deleted, metrics=metrics[:10], start_ms=times.start_ms, end_ms=times.end_ms)
        return faults.done()

    async def delete_metric(self, scope: Scope, _receive: Receive) -> Answer:
        """Delete a metric with all of its points; an unknown one is gone already."""
        metric = unquote(path_below(scope))
        if not metric:
            return faults.not_found(scope["path"])
        note(scope, deleted=await self._delete(Selection(metric), ALL_TIME), metrics=[faults.shown(metric)])
        return faults.done()

    async def features(self, scope: Scope, _receive: Receive) -> Answer:
        """What a question may name: all kinds, or a bare list of those of one kind."""
        kind = scope["path"].removesuffix("/").partition("/features")[2].removeprefix("/")
        if kind and kind not in FEATURES:
            return faults.errors(404, [f"Unknown feature '{faults.shown(kind)}'"])
        described = FEATURES[kind]["properties"] if kind else list(FEATURES.values())
        return faults.json_answer(msgspec.json.encode(described))

    async def _delete(self, selection: Selection, times: TimeRange) -> int:
        """How many series had been found."""
        series = await self._pool.look_up(lambda: self._find(selection))
        if len(series):
            await self._store.delete(series, times.start_ms, times.end_ms)
            if times != ALL_TIME and len(series) <= limits.KAIROSDB_FORGOTTEN_SERIES_MAX:
                await self._forget_empty(series)
        return len(series)

    async def _forget_empty(self, series: NDArray[np.uint32]) -> None:
        """Names of which nothing is left go. The points are gone already, so what there is no memory to look through
        keeps its name."""
        try:
            empty, moment = await self._pool.look_up(lambda: self._store.without_points(series))
        except Refused as refused:
            if refused.rule != "query-points":
                raise
            return
        if len(empty):
            await self._store.forget(empty, moment)

    def _find(self, selection: Selection) -> NDArray[np.uint32]:
        """The selected series, none of an unknown metric."""
        with self._store.snapshot() as snapshot:
            try:
                return groups.find(snapshot, selection)
            except Refused as refused:
                if refused.rule != "metric-unknown":
                    raise
        return np.empty(0, dtype=np.uint32)
