"""Client libraries from PyPI against a real server process: opentsdb-py, pyopentsdb over HTTP, potsdb over telnet."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime

import opentsdb
import potsdb
import pytest
from pyformance import MetricsRegistry
from pyformance.reporters.opentsdb_reporter import OpenTSDBReporter
from pyopentsdb import errors
from pyopentsdb.tsdb import TsdbConnector
from serverprocess import ServerProcess, running


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """One for all: each client has a metric of its own."""
    with running(tmp_path_factory.mktemp("clients") / "data") as running_server:
        yield running_server


def _dps(server: ServerProcess, metric: str, start: int) -> dict[int, float]:
    status, body = server.get(f"/api/query?start={start}&m=none:{metric}")
    assert status == 200, body
    [answer] = json.loads(body)
    return {int(at): value for at, value in answer["dps"].items()}


def test_opentsdb_py(server: ServerProcess) -> None:
    """It gzips its posts and parses every answer as JSON."""
    begin = int(time.time()) - 1000  # a query ends now unless it says otherwise
    client = opentsdb.TSDBClient("127.0.0.1", server.port, protocol=opentsdb.TSDBConnectProtocols.HTTP)
    for number in range(500):
        client.send("client.http", number, timestamp=begin + number, host="a")
    client.close()
    client.wait()
    statistics = client.statuses
    assert statistics["success"] == 500, statistics
    assert _dps(server, "client.http", begin) == {begin + number: number for number in range(500)}


def test_potsdb(server: ServerProcess) -> None:
    begin = int(time.time()) - 1000  # a query ends now unless it says otherwise
    client = potsdb.Client("127.0.0.1", port=server.port, host_tag="tester")
    for number in range(500):
        client.log("client.telnet", number + 0.25, timestamp=begin + number, dc="one")
    client.wait()
    deadline = time.monotonic() + 10
    found: dict[int, float] = {}
    while len(found) < 500 and time.monotonic() < deadline:
        if server.get("/api/suggest?type=metrics&q=client.telnet")[1] != b"[]":
            found = _dps(server, "client.telnet", begin)
    assert found == {begin + number: number + 0.25 for number in range(500)}


def test_pyopentsdb(server: ServerProcess) -> None:
    """It writes and asks with a slash at the end of the path, and raises on any status but 200 and 204."""
    begin = int(time.time()) - 1000
    client = TsdbConnector(f"http://127.0.0.1:{server.port}")
    points = [
        {"metric": "client.pyopentsdb", "timestamp": begin + number, "value": number + 0.5, "tags": {"host": "a"}}
        for number in range(500)
    ]
    client.put(points)
    every = [{"metric": "client.pyopentsdb", "aggregator": "sum", "tags": {"host": "*"}}]
    [answer] = client.query(start=datetime.fromtimestamp(begin, UTC), metrics=every, ms=True)
    assert answer["dps"] == {str((begin + number) * 1000): number + 0.5 for number in range(500)}
    assert client.metrics(q="client.pyo") == ["client.pyopentsdb"]
    assert client.version()["version"].startswith("2.4.0")
    with pytest.raises(errors.ArgumentError, match="such name"):
        client.query(start=datetime.fromtimestamp(begin, UTC), metrics=[{**every[0], "metric": "no.such"}])


def test_pyformance(server: ServerProcess) -> None:
    """It sends a key with every post."""
    registry = MetricsRegistry()
    registry.counter("jobs").inc(7)
    registry.gauge("queue").set_value(2.5)
    url = f"http://127.0.0.1:{server.port}/api/put"
    begin = int(time.time())
    OpenTSDBReporter("job", "key", url, registry, prefix="job.", tags={"host": "a"}).report_now(timestamp=begin)
    assert _dps(server, "job.jobs.count", begin) == {begin: 7}
    assert _dps(server, "job.queue.value", begin) == {begin: 2.5}
