"""Mutated requests to a real server: none is a fault of ours, none hangs, and a neighbour is served all the while.

What a request means is judged elsewhere, by the dialogues and oracles of each room.
"""

from __future__ import annotations

import http.client
import socket
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Final

import right_requests
from mutating import Sent, mutated, mutated_text
from neighbour import Neighbour, alone_ms, resident_mb, strangers
from serverprocess import running

ANSWER_S: Final = 60.0
"""A longer wait is a hang."""

RESIDENT_MB_MAX: Final = 900
"""As of bombs (docs/operations.md)."""

DOCUMENTED: Final = (501, 503)
"""Of the 5xx: what we do not have, and what may be tried again."""

BUGS: Final = ("request failed", "telnet session failed", "no room could word", "failed together", "Traceback")
"""What the log says when something is a fault of ours."""


@dataclass
class Outcome:
    """What became of a trial. answers: by status, or by what else came.   wrong: requests that met a fault of ours."""

    answers: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    peak_mb: int = 0
    neighbours: int = 0
    alone_ms: tuple[float, float] = (0.0, 0.0)
    beside_ms: tuple[float, float] = (0.0, 0.0)

    def told(self) -> str:
        """For people."""
        answers = ", ".join(f"{count} {what}" for what, count in self.answers.most_common())
        alone, beside = (f"median {median:.1f} ms, p99 {p99:.1f} ms" for median, p99 in (self.alone_ms, self.beside_ms))
        return (
            f"{self.answers.total()} requests: {answers}; {self.peak_mb} MB at the peak; a neighbour's "
            f"{self.neighbours} puts: {beside} (alone before: {alone})"
        )


def trial(folder: Path, dialects: Sequence[str], count: int, seed: int, alone_s: float = 10.0) -> Outcome:
    """Send so many mutated requests, or blocks of lines, of each of these dialects. Of telnet's, one at a time.
    alone_s: for so long before, the neighbour is measured alone."""
    outcome = Outcome()
    flags = ("--telnet", "kairosdb") if "kairosdb-telnet" in dialects else ()
    with running(folder / "data", *flags) as server:
        outcome.alone_ms = alone_ms(server, alone_s)
        neighbour = Neighbour(server)
        neighbour.start()
        with strangers() as process:
            outcome.answers, outcome.wrong = process.submit(_sent, server.port, dialects, count, seed).result()
        neighbour.end()
        assert server.process is not None
        if server.process.poll() is not None:
            outcome.wrong.append(f"the server ended with {server.process.returncode}")
            return outcome
        outcome.peak_mb = resident_mb(server, "VmHWM")
        outcome.neighbours = len(neighbour.acknowledged)
        outcome.beside_ms = neighbour.waited_ms()
        if outcome.peak_mb > RESIDENT_MB_MAX:
            outcome.wrong.append(f"{outcome.peak_mb} MB at the peak")
        outcome.wrong += [f"the neighbour heard {failure}" for failure in neighbour.failures]
        if lost := neighbour.lost():
            outcome.wrong.append(f"{len(lost)} of the neighbour's points are lost")
        log = server.log.read_text(errors="replace")
        outcome.wrong += [
            f"the log says: {line[:500]}" for line in log.splitlines() if any(map(line.__contains__, BUGS))
        ]
    return outcome


def _sent(port: int, dialects: Sequence[str], count: int, seed: int) -> tuple[Counter[str], list[str]]:
    """What was answered, and what of it is wrong."""
    answers, wrong = Counter[str](), list[str]()
    for dialect in dialects:
        sender = _Lines(port, dialect) if dialect in right_requests.TELNET else _Http(port, dialect)
        for number in range(count):
            answer, sent = sender.send(Random(f"{dialect}/{seed}/{number}"))
            answers[answer] += 1
            if answer == "hang" or (answer.startswith("5") and int(answer) not in DOCUMENTED):
                wrong.append(f"{dialect}, seed {seed}, request {number}: {answer}: {sent}")
    return answers, wrong


ASKED_LAST: Final = b"is-it-done"
"""No command: OpenTSDB's telnet says so."""


class _Http:
    """Sends requests of a dialect, those with a usual head on one connection."""

    def __init__(self, port: int, dialect: str) -> None:
        self._port = port
        self._right = right_requests.HTTP[dialect]()
        self._line: socket.socket | None = None

    def send(self, rng: Random) -> tuple[str, str]:
        sent = mutated(rng.choice(self._right), rng)
        usual = {b"content-length", b"transfer-encoding", b"connection", b"expect", b"upgrade"}.isdisjoint(
            name.lower() for name, _ in sent.headers
        )
        try:
            answer = self._usual(sent) if usual else self._alone(sent)
        except TimeoutError:
            self._line = None
            answer = "hang"
        except (OSError, http.client.HTTPException):
            self._line = None
            answer = "closed"
        return answer, repr(sent)[:2000]

    def _usual(self, sent: Sent) -> str:
        if self._line is None:
            self._line = socket.create_connection(("127.0.0.1", self._port), ANSWER_S)
        self._line.sendall(sent.head() + sent.body)
        answer = http.client.HTTPResponse(self._line, method=sent.method)
        answer.begin()
        answer.read()
        if answer.will_close:
            self._line.close()
            self._line = None
        return str(answer.status)

    def _alone(self, sent: Sent) -> str:
        """On a connection of its own, of which our side ends with the request: nothing more need be waited for."""
        with socket.create_connection(("127.0.0.1", self._port), ANSWER_S) as line:
            line.sendall(sent.head() + sent.body)
            line.shutdown(socket.SHUT_WR)
            said = b""
            while part := line.recv(65536):
                said += part
        statuses = [line.split()[1] for line in said.split(b"\r\n") if line.startswith(b"HTTP/1.1 ")]
        return statuses[-1].decode() if statuses else "closed"


class _Lines:
    """Sends blocks of lines, and waits until they are done."""

    def __init__(self, port: int, dialect: str) -> None:
        self._port = port
        self._right = right_requests.lines_of(dialect)
        # KairosDB answers no other line; one that a mutated block asked for may be taken for it, and is one too many.
        self._last = ASKED_LAST if dialect == "opentsdb-telnet" else b"KairosDB"
        self._line: socket.socket | None = None

    def send(self, rng: Random) -> tuple[str, str]:
        lines = [rng.choice(self._right) for _ in range(rng.choice((1, 1, 3, 20)))]
        block = b"".join(_mutated_line(line, rng) if rng.random() < 0.8 else line for line in lines)
        try:
            if self._line is None:
                self._line = socket.create_connection(("127.0.0.1", self._port), ANSWER_S)
                self._ask(self._line, b"")
            self._ask(self._line, block)
        except TimeoutError:
            self._line = None
            return "hang", repr(block)[:2000]
        except OSError:
            self._line = None
            return "closed", repr(block)[:2000]
        return "done", ""

    def _ask(self, line: socket.socket, lines: bytes) -> None:
        """Returns when lines after these are answered. Raises ConnectionError when the server closes, as at `exit`."""
        line.sendall(lines + b"\nversion\n" + ASKED_LAST + b"\n")
        said = b""
        while self._last not in said[-1000:] and not said.endswith(b"more lines\n"):
            part = line.recv(65536)
            if not part:
                raise ConnectionError
            said += part


def _mutated_line(line: bytes, rng: Random) -> bytes:
    return mutated_text(line, rng) if rng.random() < 0.9 else line * rng.choice((2, 100))
