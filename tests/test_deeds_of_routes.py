"""Every route of every room declares what a request to it does: one without a rule, or a rule without a route, fails
here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from starlette.applications import Starlette

from headrace.access.authority import Authority
from headrace.access.deeds import Deed
from headrace.config import Settings
from headrace.metrics import Metrics
from headrace.operating import OPERATING_PREFIX
from headrace.protocols.kairosdb import routes as kairosdb
from headrace.protocols.opentsdb import routes as opentsdb
from headrace.query.pool import QueryPool
from headrace.serve import open_rooms
from headrace.store.embedded.store import open_store
from headrace.transport import Room

ROOMS = ("headrace", "opentsdb", "kairosdb", "apollo", "datazone")
METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE")


@pytest.fixture(scope="module")
def rooms(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Room]]:
    settings, metrics = Settings(data_dir=tmp_path_factory.mktemp("deeds")), Metrics()
    store = open_store(settings, metrics)
    with ThreadPoolExecutor(1) as threads:
        pool = QueryPool(threads, 1)
        opened = open_rooms(store, settings, metrics, pool, Authority([], lambda: 0))
        yield {room.name: room for room in opened}
    store.close()


def deed(room: Room, method: str, path: str, query: bytes = b"") -> Deed:
    scope: dict[str, Any] = {"method": method, "path": path, "query_string": query, "headers": []}
    return room.deed(scope)


def declared_apart(deeds: Mapping[str, object], routes: set[str]) -> set[str]:
    return deeds.keys() ^ routes


def test_all_rooms_are_looked_at(rooms: dict[str, Room]) -> None:
    assert tuple(rooms) == ROOMS


def test_opentsdb_declares_every_endpoint(rooms: dict[str, Room]) -> None:
    app = rooms["opentsdb"].app
    assert isinstance(app, opentsdb.OpenTSDBApp)
    assert declared_apart(opentsdb.DEEDS, {"put", *app.endpoints}) == set()
    # The old addresses have nothing that changes anything.
    assert set(app.old) <= set(opentsdb.OLD)


def test_kairosdb_declares_every_endpoint(rooms: dict[str, Room]) -> None:
    app = rooms["kairosdb"].app
    assert isinstance(app, kairosdb.KairosDBApp)
    assert declared_apart(kairosdb.DEEDS, {"datapoints", *app.paths}) == set()


def test_our_own_pages(rooms: dict[str, Room]) -> None:
    ours = rooms["headrace"]
    assert isinstance(ours.app, Starlette)
    found = {path: deed(ours, "GET", path) for route in ours.app.routes for path in [route.path]}  # type: ignore[attr-defined]
    assert {path for path, one in found.items() if one == "open"} == {"/", "/health"}
    assert {path for path, one in found.items() if one == "read"} == {"/metrics"}
    assert {path for path, one in found.items() if one == "admin"} == {
        path for path in found if path.startswith(OPERATING_PREFIX)
    }
    assert deed(ours, "POST", OPERATING_PREFIX.upper()) == "admin"


@pytest.mark.parametrize(
    ("room", "method", "path", "expected"),
    [
        ("opentsdb", "POST", "/api/put", "write"),
        ("opentsdb", "POST", "/API/v1/PUT/", "write"),
        ("opentsdb", "POST", "/api/mput", "write"),
        ("opentsdb", "GET", "/api/query", "read"),
        ("opentsdb", "POST", "/api/query", "read"),
        # It answers what it deletes, and asks for that later (guard.demand): test_permissions_across_rooms.py.
        ("opentsdb", "DELETE", "/api/v1/query/", "read"),
        ("opentsdb", "GET", "/api/annotation", "read"),
        ("opentsdb", "HEAD", "/api/annotation", "read"),
        ("opentsdb", "PUT", "/api/annotation", "write"),
        ("opentsdb", "DELETE", "/api/annotation/bulk", "delete"),
        ("opentsdb", "POST", "/api/uid/tsmeta", "write"),
        ("opentsdb", "POST", "/api/uid/assign", "read"),
        ("opentsdb", "POST", "/api/delete_meta", "delete"),
        ("opentsdb", "GET", "/api/ttl", "read"),
        ("opentsdb", "POST", "/api/ttl", "admin"),
        ("opentsdb", "GET", "/api/stats/query", "admin"),
        ("opentsdb", "GET", "/api/vip_health", "open"),
        ("opentsdb", "GET", "/q", "read"),
        ("opentsdb", "POST", "/nothing", "write"),
        ("opentsdb", "POST", "/api/nothing", "write"),
        ("kairosdb", "POST", "/api/v1/datapoints", "write"),
        ("kairosdb", "POST", "/api/v1/datapoints/", "write"),
        ("kairosdb", "POST", "/api/v1/datapoints/query", "read"),
        ("kairosdb", "POST", "/api/v1/datapoints/delete", "delete"),
        ("kairosdb", "DELETE", "/api/v1/metric/a/b", "delete"),
        ("kairosdb", "POST", "/api/v1/metadata/a/b/c", "write"),
        ("kairosdb", "DELETE", "/api/v1/metadata/a/b/c", "delete"),
        ("kairosdb", "POST", "/api/v1/rollups", "write"),
        ("kairosdb", "DELETE", "/api/v1/rollups/1", "write"),
        ("kairosdb", "GET", "/api/v1/rollups/status/1", "read"),
        ("kairosdb", "GET", "/api/v1/admin/runningqueries", "admin"),
        ("kairosdb", "GET", "/api/v1/health/check", "open"),
        ("apollo", "POST", "/apollo/devices/d/timeseries", "write"),
        ("apollo", "GET", "/apollo/devices/d/timeseries/samples", "read"),
        ("datazone", "POST", "/v2/domains/d/entities/ASSET/a/time-series-data-points", "write"),
        ("datazone", "DELETE", "/v2/domains/d/entities/ASSET/a/time-series-data-points", "delete"),
        ("datazone", "GET", "/v2/domains/d/form-types/t", "read"),
    ],
)
def test_what_requests_do(rooms: dict[str, Room], room: str, method: str, path: str, expected: str) -> None:
    assert deed(rooms[room], method, path) == expected


def test_the_method_that_counts_is_the_one_that_is_judged(rooms: dict[str, Room]) -> None:
    for method, expected in (("post", "write"), ("PUT", "write"), ("delete", "delete"), ("get", "read"), ("x", "read")):
        assert deed(rooms["opentsdb"], "GET", "/api/annotation", b"method_override=" + method.encode()) == expected
    # It overrides a GET alone.
    assert deed(rooms["opentsdb"], "DELETE", "/api/annotation", b"method_override=get") == "delete"
