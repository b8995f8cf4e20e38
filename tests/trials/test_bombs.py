"""Bombs at every address of every room, on a real server: no fault of ours, a short answer, bounded memory, and a
neighbour that is served meanwhile."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from bombs import BOMBS, Route, every_route, small
from isal import igzip_lib
from serverprocess import ServerProcess, running

from headrace import limits

ANSWER_BYTES_MAX = 6 * 1024 * 1024
"""Of a thousand refused points as they were sent: limits.OPENTSDB_ERRORS_BYTES_MAX and what is around them."""

RSS_BYTES_MAX = 900 * 1024 * 1024
"""A server at rest has some 250 MB; the largest body comes to 64 MB, twice while it is mended and cut."""

IN_THE_SUITE = (
    "brackets 200,000 deep",
    "nesting in every field",
    "empty objects",
    "points without a value",
    "a value of many digits",
    "quotes in a text that never ends",
)
"""The others too with TESTS_ALL_BOMBS=1: five minutes."""

NEIGHBOUR_S = 3.0
"""The longest that a small put may wait meanwhile, on a machine whose two cores others share."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    with running(tmp_path_factory.mktemp("bombs") / "data") as server:
        yield server


class Neighbour(threading.Thread):
    """Puts a point again and again. slowest_s: of its answers."""

    def __init__(self, server: ServerProcess) -> None:
        super().__init__()
        self.statuses: set[int] = set()
        self.slowest_s = 0.0
        self._server = server
        self._ended = threading.Event()

    def run(self) -> None:
        while not self._ended.wait(0.01):
            began = time.monotonic()
            point = {"metric": "neighbour", "timestamp": 1364968800, "value": 1, "tags": {"k": "v"}}
            self.statuses.add(self._server.put([point])[0])
            self.slowest_s = max(self.slowest_s, time.monotonic() - began)

    def end(self) -> None:
        self._ended.set()
        self.join()


def peak_bytes(server: ServerProcess) -> int:
    """The most memory that the server has had."""
    assert server.process is not None
    status = Path(f"/proc/{server.process.pid}/status").read_text()
    [line] = [line for line in status.splitlines() if line.startswith("VmHWM:")]
    return int(line.split()[1]) * 1024


@pytest.mark.parametrize("bomb", BOMBS if os.environ.get("TESTS_ALL_BOMBS") == "1" else IN_THE_SUITE)
def test_a_bomb_hurts_nobody(bomb: str, server: ServerProcess, tmp_path: Path) -> None:
    body = BOMBS[bomb]()
    folded = igzip_lib.compress(body, 1, igzip_lib.COMP_GZIP)
    plain = small(bomb, limits.DATAZONE_BODY_BYTES_MAX)
    neighbour = Neighbour(server)
    neighbour.start()
    wrong: list[str] = []
    for route in every_route(tmp_path / "data"):
        for method in route.methods:
            status, answer = _sent(server, route, method, plain, folded)
            if status >= 500 and status not in (501, 503):
                wrong.append(f"{method} {route.path}: {status} {answer[:200]!r}")
            if len(answer) > ANSWER_BYTES_MAX:
                wrong.append(f"{method} {route.path}: an answer of {len(answer)} bytes")
            if peak_bytes(server) > RSS_BYTES_MAX:
                wrong.append(f"{method} {route.path}: {peak_bytes(server):,} bytes after it")
    neighbour.end()
    assert not wrong, wrong
    assert neighbour.statuses == {204}
    assert neighbour.slowest_s < NEIGHBOUR_S


def _sent(server: ServerProcess, route: Route, method: str, plain: bytes, folded: bytes) -> tuple[int, bytes]:
    if route.path.startswith("/v2/"):  # its clients fold nothing, and the room refuses what is folded
        return server.request(method, route.path, plain, Content_Type="application/json")
    return server.request(method, route.path, folded, Content_Encoding="gzip")
