"""Principals x methods x every path that a room's table of routes has: whoever is not granted what the table says is
refused, before anything else is looked at."""

from __future__ import annotations

import http.client
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

import pytest
from serverprocess import ServerProcess, running
from test_permissions_across_rooms import DEEDS, FORMS, NAMES, SAMPLES, config, grants_of, token, words

from headrace.access.authority import Authority
from headrace.access.deeds import Deeds
from headrace.config import Settings
from headrace.metrics import Metrics
from headrace.operating import OPERATING_PREFIX
from headrace.protocols.kairosdb import routes as kairosdb
from headrace.protocols.opentsdb import routes as opentsdb
from headrace.query.pool import QueryPool
from headrace.serve import open_rooms
from headrace.store.embedded.store import open_store
from headrace.transport import Room

METHODS: Final = ("GET", "HEAD", "POST", "PUT", "DELETE", "PATCH")


def below(root: str, table: Deeds) -> list[str]:
    """Every path of the table; of what ends with a slash, one below it."""
    return [root + path + ("x" if path.endswith("/") else "") for path in table]


PATHS: Final = {
    "opentsdb": [*below("/api/", opentsdb.DEEDS), *(f"/{path}" for path in opentsdb.OLD), "/api/v1/put", "/api/x"],
    "kairosdb": below(kairosdb.ROOT, kairosdb.DEEDS),
    "apollo": ["/apollo/devices/d/timeseries", SAMPLES, "/apollo/devices/d/timeseries/s", "/apollo/collections"],
    "datazone": [FORMS, f"{FORMS}/f", "/v2/domains/d/form-types/t"],
    "headrace": ["/metrics", *(f"{OPERATING_PREFIX}v1/{path}" for path in ("backup", "seal", "verify", "segments"))],
}


@pytest.fixture(scope="module")
def rooms(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Room]]:
    settings, metrics = Settings(data_dir=tmp_path_factory.mktemp("rooms")), Metrics()
    store = open_store(settings, metrics)
    with ThreadPoolExecutor(1) as threads:
        opened = open_rooms(store, settings, metrics, QueryPool(threads, 1), Authority([], lambda: 0))
        yield {room.name: room for room in opened}
    store.close()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    folder: Path = tmp_path_factory.mktemp("every")
    with running(folder / "data", "--config", str(config(folder))) as process:
        yield process


@pytest.mark.parametrize("room", PATHS)
def test_it_does(server: ServerProcess, rooms: dict[str, Room], room: str) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)

    def send(who: str | None, method: str, path: str) -> tuple[int, bytes]:
        headers = {} if who is None else {"Authorization": f"Bearer {token(who)}"}
        connection.request(method, path, b"{}" if method in ("POST", "PUT") else None, headers)
        answer = connection.getresponse()
        return answer.status, answer.read()

    let_in = 0
    for path in PATHS[room]:
        for method in METHODS:
            scope: dict[str, Any] = {"method": method, "path": path, "query_string": b"", "headers": []}
            deed = rooms[room].deed(scope)
            if deed == "open":
                continue
            for who in (None, "nobody"):
                status, _ = send(who, method, path)
                # Apollo's room and DataZone's ask by themselves, and first look what is at the path.
                assert status in (401, 403) or (rooms[room].asks_itself and status in (404, 405)), (who, method, path)
            for who in NAMES:
                granted = any(deed in one["may"] and room in one.get("rooms", [room]) for one in grants_of(who))
                if granted:
                    continue
                status, said = send(who, method, path)
                if rooms[room].asks_itself and status in (404, 405):
                    continue
                assert status == 403, (who, method, path, said)
                assert method == "HEAD" or "grant" in words(room, said) or "Scope" in words(room, said)
            who = f"{deed}-in-{room}"
            status, said = send(who, method, path)
            assert status != 401, (who, method, path, said)
            let_in += status != 403
    assert let_in > len(PATHS[room])


def test_all_rooms_and_deeds_are_tried(rooms: dict[str, Room]) -> None:
    assert set(PATHS) == set(rooms)
    tried = {
        rooms[room].deed({"method": method, "path": path, "query_string": b"", "headers": []})
        for room, paths in PATHS.items()
        for path in paths
        for method in METHODS
    }
    assert tried >= set(DEEDS)
