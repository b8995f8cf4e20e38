"""Large questions to a server that is a process of its own: what they hold of memory, and what becomes of one whose
client has gone."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from serverprocess import ServerProcess, running

T = 1_700_000_000
SERIES = 100
POINTS = 10_500
"""Of each series: more than a million in all."""

QUERY_OF_60_MS = {"aggregator": "p99", "metric": "m", "downsample": "10s-p99"}
"""Percentiles take long, and the result is small: a thousand of them stay within the memory of a question."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    folder = Path(tmp_path_factory.mktemp("large")) / "data"
    with running(folder) as process:
        for first in range(0, POINTS, 1500):
            points = [
                f'{{"metric":"m","timestamp":{T + at},"value":{at % 97}.{number:02d},"tags":{{"host":"{number}"}}}}'
                for at in range(first, first + 1500)
                for number in range(SERIES)
            ]
            assert process.request("POST", "/api/put", f"[{','.join(points)}]".encode())[0] == 204
        # What is sealed and what is not, both, and nobody at work beside.
        assert process.stop() == 0
        process.start()
        yield process


def status_bytes(server: ServerProcess, field: str) -> int:
    assert server.process is not None
    lines = Path(f"/proc/{server.process.pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{field}:"))


@pytest.mark.parametrize("m", ["none:m", "none:1s-avg:m"])
def test_a_million_values_in_an_answer_hold_less_than_100_mb(server: ServerProcess, m: str) -> None:
    assert server.process is not None
    target = f"/api/query?start={T}&end={T + POINTS}&m={m}&arrays"
    assert server.get(f"/api/query?start={T}&end={T + 10}&m={m}")[0] == 200  # what is loaded and compiled once
    before = status_bytes(server, "VmRSS")
    Path(f"/proc/{server.process.pid}/clear_refs").write_text("5")  # the peak begins anew
    status, body = server.get(target)
    assert status == 200
    found = json.loads(body)
    assert [len(element["dps"]) for element in found] == [POINTS] * SERIES
    assert found[1]["dps"][98] == [T + 98, 1.01]
    assert status_bytes(server, "VmHWM") - before < 100e6


def test_a_question_ends_when_its_client_has_gone(server: ServerProcess) -> None:
    """Two threads answer questions. Two that would take each of them a minute are left, and a third is answered."""
    asked = {"start": T, "end": T + POINTS, "queries": [QUERY_OF_60_MS] * 1000}
    body = json.dumps(asked).encode()
    head = f"POST /api/query HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    for _ in range(2):
        with socket.create_connection(("127.0.0.1", server.port)) as leaving:
            leaving.sendall(head + body)
            leaving.settimeout(0.5)
            with pytest.raises(TimeoutError):
                leaving.recv(1)  # it is under way
    # Its closed socket looks like that of one that waits still: after limits.HALF_CLOSED_S it is given up.
    began = time.monotonic()
    assert server.get(f"/api/query?start={T}&end={T + 10}&m=sum:m")[0] == 200
    assert time.monotonic() - began < 15
    assert server.get("/health")[0] == 200
