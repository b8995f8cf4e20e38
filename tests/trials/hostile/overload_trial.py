"""Three times what the server can take, every batch three times and out of order: what was accepted is stored, the rest
hears 503 with Retry-After, and memory stays flat."""

from __future__ import annotations

import http.client
import json
import socket
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Final

from isal import igzip_lib
from neighbour import Memory, resident_mb
from serverprocess import ServerProcess, running

from headrace import limits

SENDERS: Final = 150
BATCH: Final = 40_000
"""Bodies of 2.6 MB, unfolded: of all senders together 390, where the server takes 256 at once."""

BEGIN_S: Final = 1_600_000_000
TIMES: Final = 3
AHEAD: Final = 20
"""Batches that are shuffled together."""

FLAT: Final = 1.25
"""The last quarter of the looks at memory may be so much above the second."""

FLAT_FROM_S: Final = 10
"""A shorter trial is all beginning, in which memory is filled."""


@dataclass
class Outcome:
    """What became of it. accepted: batches of each sender that any of their sendings was acknowledged for."""

    statuses: Counter[str] = field(default_factory=Counter)
    accepted_points: int = 0
    stored_points: int = 0
    seconds: float = 0.0
    memory_mb: list[int] = field(default_factory=list)
    peak_mb: int = 0
    wrong: list[str] = field(default_factory=list)

    def told(self) -> str:
        """For people."""
        answers = ", ".join(f"{count} {what}" for what, count in self.statuses.most_common())
        return (
            f"{self.seconds:.0f} s, answers to batches of {BATCH}: {answers}; {self.accepted_points:,} different "
            f"points accepted, {self.stored_points:,} of them read back; {self.peak_mb} MB at the peak\n"
            f"resident MB: {self.memory_mb}"
        )


def trial(folder: Path, seconds: float, senders: int = SENDERS, unfinished: int = 0) -> Outcome:
    """Every sender sends as fast as it hears answers; nobody waits after a 503. unfinished: bodies of almost the
    largest size that never end, so that a few senders are enough for a short while."""
    outcome, work = Outcome(), _Work(senders)
    with running(folder / "data") as server:
        memory = Memory(server, max(seconds / 40, 0.25))
        holding = [_unfinished(server) for _ in range(unfinished)]
        crew = [_Sender(server, work, seconds) for _ in range(senders)]
        memory.start()
        began_s = time.monotonic()
        for sender in crew:
            sender.start()
        for sender in crew:
            sender.join()
        outcome.seconds = time.monotonic() - began_s
        memory.end()
        for line in holding:
            line.close()
        outcome.memory_mb, outcome.peak_mb = memory.series, resident_mb(server, "VmHWM")
        accepted = set[int]()
        for sender in crew:
            outcome.statuses += sender.statuses
            outcome.wrong += sender.wrong
            accepted |= sender.accepted
        outcome.accepted_points = BATCH * len(accepted)
        outcome.stored_points = BATCH * _whole(server, work.batches, accepted, outcome.wrong)
        looks = memory.series
        if seconds >= FLAT_FROM_S:
            second, last = (max(looks[len(looks) * part // 4 : len(looks) * (part + 1) // 4]) for part in (1, 3))
            if last > FLAT * second:
                outcome.wrong.append(f"memory is not flat: {second} MB, later {last} MB")
    return outcome


def _unfinished(server: ServerProcess) -> socket.socket:
    """A connection whose request lacks its last byte."""
    line = socket.create_connection(("127.0.0.1", server.port))
    line.sendall(b"POST /api/put HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n" % limits.BODY_BYTES_MAX)
    line.sendall(b" " * (limits.BODY_BYTES_MAX - 1))
    return line


class _Work:
    """What all senders have to send: each batch TIMES times, shuffled among its neighbours. batches: begun so far."""

    def __init__(self, seed: int) -> None:
        self.batches = 0
        self._rng = Random(seed)
        self._turns: list[tuple[int, bytes]] = []
        self._lock = threading.Lock()

    def next(self) -> tuple[int, bytes]:
        """The number of a batch and its body."""
        with self._lock:
            if not self._turns:
                numbers = range(self.batches, self.batches + AHEAD)
                self._turns = [turn for number in numbers for turn in [(number, _body(number))] * TIMES]
                self._rng.shuffle(self._turns)
                self.batches += AHEAD
            return self._turns.pop()


class _Sender(threading.Thread):
    """accepted: the batches that it was told success for."""

    def __init__(self, server: ServerProcess, work: _Work, seconds: float) -> None:
        super().__init__(daemon=True)
        self.accepted: set[int] = set()
        self.statuses: Counter[str] = Counter()
        self.wrong: list[str] = []
        self._server = server
        self._work = work
        self._ends_s = time.monotonic() + seconds

    def run(self) -> None:
        line = http.client.HTTPConnection("127.0.0.1", self._server.port, timeout=120)
        while time.monotonic() < self._ends_s:
            self._send(line, *self._work.next())
        line.close()

    def _send(self, line: http.client.HTTPConnection, batch: int, body: bytes) -> None:
        try:
            line.request("POST", "/api/put", body, {"Content-Encoding": "gzip"})
            answer = line.getresponse()
            said = answer.read()
        except (OSError, http.client.HTTPException) as fault:
            self.wrong.append(f"batch {batch}: {fault!r}")
            line.close()
            return
        self.statuses[str(answer.status)] += 1
        if answer.status == 204:
            self.accepted.add(batch)
        elif answer.status != 503 or not answer.getheader("Retry-After"):
            self.wrong.append(f"batch {batch}: {answer.status} {answer.headers.items()} {said[:200]!r}")


POINT: Final = '{"metric":"load","timestamp":%d,"value":%d,"tags":{"batch":"######"}}'
POINTS: Final = "[{}]".format(",".join(POINT % (BEGIN_S + at, at) for at in range(BATCH))).encode()
DPS: Final = {str(BEGIN_S + at): at for at in range(BATCH)}


def _body(batch: int) -> bytes:
    """Made and sent quickly: who overloads a server must not be busy himself."""
    body: bytes = igzip_lib.compress(POINTS.replace(b"######", b"%06d" % batch), 0, igzip_lib.COMP_GZIP)
    return body


def _whole(server: ServerProcess, batches: int, accepted: set[int], wrong: list[str]) -> int:
    """How many of the accepted batches are read back, each point with its value. What was refused may be stored all the
    same, as a whole or not at all."""
    whole = 0
    for batch in range(batches):
        tags = {"batch": f"{batch:06d}"}
        question = {"start": BEGIN_S - 1, "queries": [{"aggregator": "none", "metric": "load", "tags": tags}]}
        status, body = server.request("POST", "/api/query", json.dumps(question).encode())
        found = [series["dps"] for series in json.loads(body)] if status == 200 else []
        if found == [DPS]:
            whole += batch in accepted
        elif found or batch in accepted:
            wrong.append(f"batch {batch}: {status}, {list(map(len, found))} points, not {BATCH}")
    return whole
