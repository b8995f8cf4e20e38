"""A real headrace server as its own process, for tests that must kill it or speak to it as clients do."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

START_TIMEOUT_S = 150.0
"""The first start on a machine compiles the kernels."""


def free_port() -> int:
    """One that this process was not given before: the system may name the same one twice while nobody uses it."""
    while True:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = int(probe.getsockname()[1])
        if port not in _given:
            _given.add(port)
            return port


_given: set[int] = set()


@dataclass
class ServerProcess:
    data_dir: Path
    flags: tuple[str, ...] = ()
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None
    answers_within_s: float = 30
    before: tuple[str, ...] = ()
    """What stands before the command."""
    environment: Mapping[str, str] | None = None
    """None for our own."""
    program: tuple[str, ...] = (sys.executable, "-m", "headrace")

    @property
    def log(self) -> Path:
        return self.data_dir.parent / f"{self.data_dir.name}.log"

    def start(self) -> None:
        command = [*self.before, *self.program, "serve", "--data-dir", str(self.data_dir)]
        if "--listeners" not in self.flags:
            command += ["--port", str(self.port)]
        with self.log.open("ab") as log:
            begins = log.tell()
            self.process = subprocess.Popen(
                [*command, *self.flags], stdout=log, stderr=log, cwd=self.data_dir.parent, env=self.environment
            )
        deadline = time.monotonic() + START_TIMEOUT_S
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise AssertionError(f"the server ended at once:\n{self.log.read_text()}")
            try:
                # It answers at its first address before the last one is open.
                if self.get("/health")[0] == 200 and b" serves " in self.log.read_bytes()[begins:]:
                    return
            except OSError:
                time.sleep(0.02)
        raise AssertionError(f"the server did not start:\n{self.log.read_text()}")

    def says(self, text: str, within_s: float = 10) -> bool:
        """Whether the log has it, soon at least: a line may follow the answer that it is about."""
        deadline = time.monotonic() + within_s
        while text not in self.log.read_text() and time.monotonic() < deadline:
            time.sleep(0.02)
        return text in self.log.read_text()

    def kill(self) -> None:
        """As a power cut would, for the process: nothing of it runs any more."""
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self) -> int:
        """SIGTERM; the exit status."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            os.kill(self.process.pid, signal.SIGABRT)
            raise

    def request(self, method: str, path: str, body: bytes | None = None, **headers: str) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=self.answers_within_s)
        try:
            connection.request(method, path, body, {name.replace("_", "-"): text for name, text in headers.items()})
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def get(self, path: str) -> tuple[int, bytes]:
        return self.request("GET", path)

    def put(self, points: Any, flags: str = "") -> tuple[int, bytes]:
        return self.request("POST", f"/api/put{flags}", json.dumps(points).encode())

    def query(self, **question: Any) -> Any:
        """The parsed answer of POST /api/query; a key that stands twice in an object fails the test."""
        status, body = self.request("POST", "/api/query", json.dumps(question).encode())
        assert status == 200, body
        return json.loads(body, object_pairs_hook=_without_repeats)

    def telnet(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=30)


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    assert len(found) == len(pairs), "a key stands twice in one object of the answer"
    return found


@contextmanager
def running(data_dir: Path, *flags: str, **variables: str) -> Iterator[ServerProcess]:
    """variables: of the environment, besides our own."""
    server = ServerProcess(data_dir, flags, environment={**os.environ, **variables} if variables else None)
    try:
        server.start()
        yield server
    finally:
        if server.process is not None and server.process.poll() is None:
            server.kill()
