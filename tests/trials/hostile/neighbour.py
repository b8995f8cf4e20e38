"""Beside a trial: a neighbour who writes and expects to be served, and the memory of the server."""

from __future__ import annotations

import http.client
import json
import multiprocessing
import os
import threading
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from serverprocess import ServerProcess

BEGIN_S = 1_700_000_000
PAUSE_S = 0.02
LOWEST_PRIORITY = 19


class Neighbour(threading.Thread):
    """Puts a point of a series of its own each PAUSE_S, on one connection.

    acknowledged: how many.   failures: answers other than success, and lost connections.   waits_s: of each answer.
    """

    def __init__(self, server: ServerProcess, metric: str = "neighbour") -> None:
        super().__init__(daemon=True)
        self.acknowledged: list[int] = []
        self.failures: list[str] = []
        self.waits_s: list[float] = []
        self._server = server
        self._metric = metric
        self._ended = threading.Event()

    def run(self) -> None:
        line = http.client.HTTPConnection("127.0.0.1", self._server.port, timeout=60)
        number = 0
        while not self._ended.wait(PAUSE_S):
            point = {"metric": self._metric, "timestamp": BEGIN_S + number, "value": number, "tags": {"k": "v"}}
            began_s = time.monotonic()
            try:
                line.request("POST", "/api/put", json.dumps([point]))
                answer = line.getresponse()
                said = answer.read()
            except (OSError, http.client.HTTPException) as fault:
                self.failures.append(repr(fault))
                line.close()
                continue
            self.waits_s.append(time.monotonic() - began_s)
            if answer.status == 204:
                self.acknowledged.append(number)
            else:
                self.failures.append(f"{answer.status} {said[:200]!r}")
            number += 1
        line.close()

    def end(self) -> None:
        """No more; what was sent has been answered."""
        self._ended.set()
        self.join()

    def lost(self) -> set[int]:
        """What was acknowledged and is not read back."""
        [result] = self._server.query(start=BEGIN_S - 1, queries=[{"aggregator": "none", "metric": self._metric}])
        return set(self.acknowledged) - {int(value) for value in result["dps"].values()}

    def waited_ms(self) -> tuple[float, float]:
        """Within which time half of the answers came, and 99 %."""
        waits = [1000 * wait for wait in sorted(self.waits_s)] or [0.0]
        return waits[len(waits) // 2], waits[99 * len(waits) // 100]


def alone_ms(server: ServerProcess, seconds: float) -> tuple[float, float]:
    """As waited_ms, of a neighbour with nobody beside."""
    neighbour = Neighbour(server, "alone")
    neighbour.start()
    neighbour.join(seconds)
    neighbour.end()
    return neighbour.waited_ms()


def strangers() -> ProcessPoolExecutor:
    """A process for those who hurt. They would be on other machines: here they take what the server and the neighbour
    leave of this one."""
    return ProcessPoolExecutor(1, multiprocessing.get_context("spawn"), os.nice, (LOWEST_PRIORITY,))


class Memory(threading.Thread):
    """Looks at the server's resident memory. series: MB, one a look."""

    def __init__(self, server: ServerProcess, every_s: float) -> None:
        super().__init__(daemon=True)
        self.series: list[int] = []
        self._server = server
        self._every_s = every_s
        self._ended = threading.Event()

    def run(self) -> None:
        while not self._ended.wait(self._every_s):
            self.series.append(resident_mb(self._server))

    def end(self) -> None:
        """No more."""
        self._ended.set()
        self.join()


def resident_mb(server: ServerProcess, what: str = "VmRSS") -> int:
    """Memory of the server, or by VmHWM the most that it has had; -1 when it lives no more."""
    assert server.process is not None
    try:
        status = Path(f"/proc/{server.process.pid}/status").read_text()
    except FileNotFoundError:
        return -1
    return next((int(line.split()[1]) // 1024 for line in status.splitlines() if line.startswith(f"{what}:")), -1)
