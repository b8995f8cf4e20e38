"""A segment that is damaged under a running server: told once, in the dialect's shape, and then served without."""

from __future__ import annotations

import json
import time
from pathlib import Path

from serverprocess import ServerProcess, running

START_S = 1_700_000_000
QUESTION = {"start": START_S, "end": START_S + 1000, "queries": [{"metric": "m", "aggregator": "none"}]}


def put(server: ServerProcess, host: str) -> None:
    points = [{"metric": "m", "timestamp": START_S + i, "value": i, "tags": {"host": host}} for i in range(100)]
    assert server.put(points)[0] == 204


def test_damage_is_told_once(tmp_path: Path) -> None:
    with running(tmp_path / "data", "--seal-points", "100", "--scrub-bytes-per-s", "0") as server:
        put(server, "a")
        put(server, "b")
        put(server, "c")
        segments = tmp_path / "data" / "segments"
        deadline = time.monotonic() + 20
        while len(files := sorted(segments.glob("points-*.parquet"))) < 2:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        content = bytearray(files[0].read_bytes())
        content[60:90] = bytes(30)
        files[0].write_bytes(content)
        status, body = server.request("POST", "/api/query", json.dumps(QUESTION).encode())
        assert status == 500
        assert files[0].name in json.loads(body)["error"]["message"]
        assert {answer["tags"]["host"] for answer in server.query(**QUESTION)} == {"b", "c"}
        status, health = server.get("/health")
        assert status == 200
        assert files[0].name in json.loads(health)["damaged"][0]
        assert b'headrace_damaged_files{folder="segments"} 1.0' in server.get("/metrics")[1]
        assert server.says(files[0].name)
