"""Rot in a segment that nobody asks for: the running server finds it by itself, and says so."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

from serverprocess import ServerProcess, running

FLAGS = ("--seal-points", "100", "--scrub-bytes-per-s")


def put(server: ServerProcess, host: str) -> None:
    points = [{"metric": "m", "timestamp": 1_700_000_000 + i, "value": i, "tags": {"host": host}} for i in range(100)]
    assert server.put(points)[0] == 204


def files(server: ServerProcess) -> list[dict[str, Any]]:
    status, body = server.get("/api/headrace/v1/segments")
    assert status == 200, body
    found: list[dict[str, Any]] = json.loads(body)["files"]
    return found


def until_seen(server: ServerProcess) -> list[dict[str, Any]]:
    deadline = time.monotonic() + 30
    while any(file["seen"] is None for file in files(server)):
        assert time.monotonic() < deadline, files(server)
        time.sleep(0.05)
    return files(server)


def test_a_flipped_bit_that_no_query_meets_is_found(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with running(data, *FLAGS, "0") as server:
        for host in ("a", "b"):
            put(server, host)
            assert server.request("POST", "/api/headrace/v1/seal", b"{}", content_type="application/json")[0] == 200
        first, second = (file["file"] for file in files(server) if file["points"])
        assert server.stop() == 0
    content = bytearray((data / first).read_bytes())
    content[60] ^= 1
    (data / first).write_bytes(content)
    with running(data, *FLAGS, "1000000000") as server:
        assert {file["file"] for file in until_seen(server) if file["points"]} == {second}
        assert (data / f"{first}.damaged").exists()
        assert json.loads(server.get("/health")[1])["damaged"][0].startswith(first)
        metrics = server.get("/metrics")[1].decode().splitlines()
        assert 'headrace_damaged_files{folder="segments"} 1.0' in metrics
        assert "headrace_scrub_unreadable_files 0.0" in metrics
        seen = {file["file"]: file["seen"] for file in files(server)}
        assert server.stop() == 0
    with running(data, *FLAGS, "0") as server:
        assert {file["file"]: file["seen"] for file in files(server)} == seen
