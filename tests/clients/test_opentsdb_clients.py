"""Client libraries from PyPI against a real server process: opentsdb-py, pyopentsdb over HTTP, potsdb over telnet."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from pathlib import Path

import opentsdb
import potsdb
import pytest
from pyopentsdb import errors
from pyopentsdb.tsdb import TsdbConnector
from serverprocess import ServerProcess, running


def _dps(server: ServerProcess, metric: str, start: int) -> dict[int, float]:
    status, body = server.get(f"/api/query?start={start}&m=none:{metric}")
    assert status == 200, body
    [answer] = json.loads(body)
    return {int(at): value for at, value in answer["dps"].items()}


def test_opentsdb_py(tmp_path: Path) -> None:
    """It gzips its posts and parses every answer as JSON."""
    begin = int(time.time()) - 1000  # a query ends now unless it says otherwise
    with running(tmp_path / "data") as server:
        client = opentsdb.TSDBClient("127.0.0.1", server.port, protocol=opentsdb.TSDBConnectProtocols.HTTP)
        for number in range(500):
            client.send("client.http", number, timestamp=begin + number, host="a")
        client.close()
        client.wait()
        statistics = client.statuses
        assert statistics["success"] == 500, statistics
        assert _dps(server, "client.http", begin) == {begin + number: number for number in range(500)}


def test_potsdb(tmp_path: Path) -> None:
    begin = int(time.time()) - 1000  # a query ends now unless it says otherwise
    with running(tmp_path / "data") as server:
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


def test_pyopentsdb(tmp_path: Path) -> None:
    """It writes and asks with a slash at the end of the path, and raises on any status but 200 and 204."""
    begin = int(time.time()) - 1000
    with running(tmp_path / "data") as server:
        client = TsdbConnector(f"http://127.0.0.1:{server.port}")
        points = [
            {"metric": "client.pyopentsdb", "timestamp": begin + number, "value": number + 0.5, "tags": {"host": "a"}}
            for number in range(500)
        ]
        client.put(points)
        every = [{"metric": "client.pyopentsdb", "aggregator": "sum", "tags": {"host": "*"}}]
        [answer] = client.query(start=datetime.fromtimestamp(begin, UTC), metrics=every, ms=True)
        assert answer["dps"] == {str((begin + number) * 1000): number + 0.5 for number in range(500)}
        assert client.metrics() == ["client.pyopentsdb"]
        assert client.version()["version"].startswith("2.4.0")
        with pytest.raises(errors.ArgumentError, match="such name"):
            client.query(start=datetime.fromtimestamp(begin, UTC), metrics=[{**every[0], "metric": "no.such"}])
