"""Clients that read their answers slowly, or not at all: what the server holds for them counts as memory of queries."""

from __future__ import annotations

import json
import re
import socket
import time
from collections.abc import Callable, Iterator

import pytest
from serverprocess import ServerProcess, running

MEMORY_BYTES = 100_000_000
READERS = 20
BEGIN_S = 1_700_000_000

Asked = tuple[str, str, bytes]
"""Method, path and body of a question whose answer is longer than what sockets hold."""


def of_opentsdb(server: ServerProcess) -> Asked:
    """A million points."""
    return "GET", f"/api/query?start={BEGIN_S}&m=none:many&ms=true", b""


def of_kairosdb(server: ServerProcess) -> Asked:
    """The same, by its own room."""
    return "POST", "/api/v1/datapoints/query", json.dumps({"start_absolute": 1, "metrics": [{"name": "many"}]}).encode()


def of_fields(server: ServerProcess) -> Asked:
    """300,000 moments with two fields each."""
    for first in range(0, 300_000, 100_000):
        points = [
            {"metric": "wind", "timestamp": BEGIN_S + at, "tags": {"host": "a"}, "fields": {"speed": at, "level": 0.5}}
            for at in range(first, first + 100_000)
        ]
        assert server.request("POST", "/api/mput", json.dumps(points).encode())[0] == 204
    question = {"start": BEGIN_S, "queries": [{"metric": "wind", "fields": [{"field": "*", "aggregator": "none"}]}]}
    return "POST", "/api/mquery", json.dumps(question).encode()


def of_apollo(server: ServerProcess) -> Asked:
    """200,000 samples, each of which its answer says in many words."""
    path = "/apollo/devices/d/timeseries"
    status, body = server.request("POST", path, json.dumps([{"id": "p", "pointType": "p"}]).encode())
    assert status == 202, body
    series_id = json.loads(body)["data"]["relationships"][0]["timeseriesId"]
    for first in range(0, 200_000, 50_000):
        samples = [
            {
                "timeseriesId": series_id,
                "val": at,
                "timestamp": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(BEGIN_S + at)),
            }
            for at in range(first, first + 50_000)
        ]
        assert server.request("POST", f"{path}/samples", json.dumps(samples).encode())[0] == 202
    return "GET", f"{path}/samples?timeseries_ids={series_id}&paginated=false", b""


def write_a_million_points(server: ServerProcess) -> None:
    points = [(BEGIN_S * 1000 + at, at + 0.5) for at in range(1_000_000)]
    body = json.dumps([{"name": "many", "tags": {"host": "a"}, "datapoints": points}])
    assert server.request("POST", "/api/v1/datapoints", body.encode())[0] == 204


def held_bytes(server: ServerProcess) -> float:
    found = re.search(rb"^headrace_query_memory_bytes (\S+)$", server.get("/metrics")[1], re.MULTILINE)
    assert found
    return float(found[1])


def within(seconds: float, holds: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + seconds
    while not (so := holds()) and time.monotonic() < deadline:
        time.sleep(0.05)
    return so


def slow_reader(server: ServerProcess, asked: Asked) -> tuple[socket.socket, bytes]:
    """The connection, of which only the first bytes of the answer have been read; and its status line."""
    method, path, body = asked
    line = socket.socket()
    line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    line.settimeout(60)
    line.connect(("127.0.0.1", server.port))
    line.sendall(b"%b %b HTTP/1.1\r\nHost: h\r\n" % (method.encode(), path.encode()))
    line.sendall(b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))
    return line, line.recv(64).split(b"\r\n")[0]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    data = tmp_path_factory.mktemp("slow") / "data"
    with running(data, "--query-memory-bytes", str(MEMORY_BYTES)) as server:
        write_a_million_points(server)
        yield server


@pytest.mark.parametrize("make", [of_opentsdb, of_kairosdb, of_fields, of_apollo], ids=lambda make: make.__name__[3:])
def test_what_waits_for_slow_readers_is_bounded(server: ServerProcess, make: Callable[[ServerProcess], Asked]) -> None:
    asked = make(server)
    assert held_bytes(server) == 0
    readers = [slow_reader(server, asked) for _ in range(READERS)]
    statuses = {status for _, status in readers}
    assert statuses == {b"HTTP/1.1 200 OK", b"HTTP/1.1 503 Service Unavailable"}
    assert MEMORY_BYTES // 4 < held_bytes(server) <= MEMORY_BYTES
    for line, _ in readers:
        line.close()
    assert within(20, lambda: held_bytes(server) == 0)
    assert server.request(*asked)[0] == 200
    assert within(20, lambda: held_bytes(server) == 0)
