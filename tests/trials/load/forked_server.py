"""The real server, forked from a process that has loaded it (forking.py): it starts in a tenth of the time."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from serverprocess import ServerProcess

START_TIMEOUT_S = 60.0
FORKING = Path(__file__).with_name("forking.py")


class NotStarted(AssertionError):  # noqa: N818
    """The server ended, or did not answer in time. status: of its exit, None when it was killed for its silence."""

    def __init__(self, status: int | None, said: str) -> None:
        super().__init__(f"the server did not start (exit status {status}):\n{said[-3000:]}")
        self.status = status
        self.said = said


class Nursery:
    """Forks servers. Open from construction to `close`, one request at a time."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, str(FORKING)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self._answer()

    def fork(self, flags: list[str], log: Path, held: bool = False) -> int:
        """The process id of a server that begins to start."""
        return int(self._ask({"flags": flags, "log": str(log), "held": held})["pid"])

    def status(self, process: int, block: bool) -> int | None:
        """The exit status of a server, negative for a signal; None while it runs. Once it was told the process is
        gone."""
        found: int | None = self._ask({"wait": process, "block": block})["status"]
        return found

    def close(self) -> None:
        self._process.communicate()

    def _ask(self, question: dict[str, Any]) -> dict[str, Any]:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(question) + "\n")
        self._process.stdin.flush()
        return self._answer()

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, "the process that forks servers has ended"
        answer: dict[str, Any] = json.loads(line)
        return answer


@contextmanager
def nursery() -> Iterator[Nursery]:
    opened = Nursery()
    try:
        yield opened
    finally:
        opened.close()


def state_of(process: int) -> str:
    """The letter of proc(5): T is stopped, Z a zombie; "" when there is none."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return ""


@dataclass
class ForkedServer(ServerProcess):
    """As a ServerProcess, started by a nursery. One that is not ended is killed with `kill`."""

    nursery: Nursery | None = None
    pid: int = 0
    """0 while none runs."""

    def begin(self, held: bool = False) -> None:
        """Fork, and do not wait. held: see forking.py; on return it is stopped."""
        assert self.nursery is not None
        assert not self.pid
        flags = ["--port", str(self.port), "--data-dir", str(self.data_dir), *self.flags]
        self.pid = self.nursery.fork(flags, self.log, held)
        while held and state_of(self.pid) != "T":
            time.sleep(0.002)

    def start(self) -> None:
        """Raises NotStarted."""
        self.begin()
        self.wait_until_up()

    def wait_until_up(self, within_s: float = START_TIMEOUT_S) -> None:
        """Raises NotStarted, and then nothing runs."""
        assert self.nursery is not None
        deadline = time.monotonic() + within_s
        while True:
            status = self.nursery.status(self.pid, block=False)
            if status is not None:
                self.pid = 0
                raise NotStarted(status, self.log.read_text(errors="replace"))
            try:
                if self.get("/health")[0] == 200:
                    return
            except OSError:
                time.sleep(0.005)
            if time.monotonic() > deadline:
                self.kill()
                raise NotStarted(None, self.log.read_text(errors="replace"))

    def kill(self) -> None:
        self._end(signal.SIGKILL)

    def stop(self) -> int:
        return self._end(signal.SIGTERM)

    def _end(self, by: signal.Signals) -> int:
        assert self.nursery is not None
        if not self.pid:
            return 0
        process, self.pid = self.pid, 0
        os.kill(process, by)
        status = self.nursery.status(process, block=True)
        assert status is not None
        return status
