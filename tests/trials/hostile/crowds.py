"""Many connections: slow senders, slow readers, idle ones, HTTP and telnet; beside them a neighbour."""

from __future__ import annotations

import asyncio
import json
import resource
import socket
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from neighbour import Memory, Neighbour, alone_ms, resident_mb, strangers
from serverprocess import ServerProcess, running

from headrace import limits

POINTS: Final = 200_000
"""Of the series that slow readers ask for: answers of 4 MB."""

BEGIN_S: Final = 1_700_000_000
QUERY_MEMORY_BYTES: Final = 128 * 1024 * 1024

RESIDENT_MB_MAX: Final = (
    330  # the server at rest, its libraries among it
    + QUERY_MEMORY_BYTES // 1024**2
    + 2 * limits.UNREAD_BYTES_MAX // 1024**2  # and what one second brings
    + 250  # connections
)
"""docs/operations.md."""

POST: Final = b"POST /api/put HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\nContent-Length: 65\r\n\r\n"
BODY: Final = b'{"metric":"slow","timestamp":1364968800,"value":1,"tags":{"a":1}}'
ASKS: Final = b"GET /api/query?start=%d&m=none:many&ms=true HTTP/1.1\r\nHost: h\r\n\r\n" % BEGIN_S
STATS: Final = b"version\n" + b"stats\n" * 50

assert len(BODY) == 65


@dataclass
class Outcome:
    """What became of a crowd. ended: connections that the server closed, by what they did."""

    ended: Counter[str] = field(default_factory=Counter)
    answers: Counter[str] = field(default_factory=Counter)
    before_ms: tuple[float, float] = (0.0, 0.0)
    beside_ms: tuple[float, float] = (0.0, 0.0)
    memory_mb: list[int] = field(default_factory=list)
    peak_mb: int = 0
    wrong: list[str] = field(default_factory=list)

    def told(self) -> str:
        """For people."""
        before, beside = (
            f"median {median:.1f} ms, p99 {p99:.1f} ms" for median, p99 in (self.before_ms, self.beside_ms)
        )
        return (
            f"closed by the server: {dict(self.ended)}; slow readers heard {dict(self.answers)}; {self.peak_mb} MB at "
            f"the peak of {RESIDENT_MB_MAX}; a neighbour's puts: alone {before}, beside the crowd {beside}\n"
            f"resident MB: {self.memory_mb}"
        )


def trial(folder: Path, senders: int, readers: int, idle: int, seconds: float) -> Outcome:
    """So many of each, half of them telnet where that makes sense, for so long after all are there."""
    outcome = Outcome()
    with running(folder / "data", "--query-memory-bytes", str(QUERY_MEMORY_BYTES)) as server:
        _fill(server)
        outcome.before_ms = alone_ms(server, min(seconds, 10))
        neighbour, memory = Neighbour(server, "beside"), Memory(server, max(seconds / 20, 0.5))
        neighbour.start()
        memory.start()
        with strangers() as process:
            counts = process.submit(_crowded, server.port, senders, readers, idle, seconds).result()
        outcome.ended, outcome.answers = counts
        neighbour.end()
        memory.end()
        outcome.beside_ms = neighbour.waited_ms()
        outcome.memory_mb, outcome.peak_mb = memory.series, resident_mb(server, "VmHWM")
        outcome.wrong += [f"the neighbour heard {failure}" for failure in neighbour.failures]
        if outcome.peak_mb > RESIDENT_MB_MAX:
            outcome.wrong.append(f"{outcome.peak_mb} MB at the peak")
        if server.get("/health")[0] != 200:
            outcome.wrong.append("/health is not 200 afterwards")
        if lost := neighbour.lost():
            outcome.wrong.append(f"{len(lost)} of the neighbour's points are lost")
    return outcome


def _allow_files(count: int) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = count if hard == resource.RLIM_INFINITY else min(count, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))


def _fill(server: ServerProcess) -> None:
    points = [(BEGIN_S * 1000 + at, at + 0.5) for at in range(POINTS)]
    body = json.dumps([{"name": "many", "tags": {"host": "a"}, "datapoints": points}]).encode()
    assert server.request("POST", "/api/v1/datapoints", body)[0] == 204


Counts = tuple[Counter[str], Counter[str]]
"""What of the connections the server ended, and what slow readers heard."""


def _crowded(port: int, senders: int, readers: int, idle: int, seconds: float) -> Counts:
    _allow_files(senders + readers + idle + 1000)
    return asyncio.run(_crowd(port, senders, readers, idle, seconds))


async def _crowd(port: int, senders: int, readers: int, idle: int, seconds: float) -> Counts:
    ended, answers = Counter[str](), Counter[str]()
    jobs = [_send_slowly(port, number % 2 == 0) for number in range(senders)]
    jobs += [_read_slowly(port, answers, number) for number in range(readers)]
    jobs += [_idle(port, number % 2 == 0) for number in range(idle)]
    tasks: dict[asyncio.Task[None], str] = {}
    for number, job in enumerate(jobs):
        what = "slow senders" if number < senders else "slow readers" if number < senders + readers else "idle"
        tasks[asyncio.create_task(job)] = what
        if number % 50 == 0:
            await asyncio.sleep(0.05)
    await asyncio.sleep(seconds)
    for task, what in tasks.items():
        ended[what] += task.done()
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    return ended, answers


async def _connected(port: int, room: int = 0) -> socket.socket:
    line = socket.socket()
    if room:
        line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, room)
    line.setblocking(False)
    await asyncio.get_running_loop().sock_connect(line, ("127.0.0.1", port))
    return line


async def _send_slowly(port: int, http: bool) -> None:
    """A byte each second, of puts without end."""
    loop = asyncio.get_running_loop()
    text = POST + BODY if http else b"put slow 1364968800 1 a=b\n"
    with suppress(ConnectionError), await _connected(port) as line:
        while True:
            for byte in text:
                await loop.sock_sendall(line, bytes([byte]))
                await asyncio.sleep(1)


async def _read_slowly(port: int, answers: Counter[str], number: int) -> None:
    """A long answer, asked for and not taken, or a few bytes a second; by telnet, one in four."""
    loop = asyncio.get_running_loop()
    takes, telnet = number % 2 == 0, number % 4 == 3
    with suppress(ConnectionError), await _connected(port, room=4096) as line:
        await loop.sock_sendall(line, STATS if telnet else ASKS)
        said = await loop.sock_recv(line, 32)
        answers["telnet" if telnet else said.partition(b" ")[2][:3].decode() or "closed"] += 1
        while said:
            await asyncio.sleep(10 if telnet else 1)
            if telnet:
                with suppress(TimeoutError):
                    await asyncio.wait_for(loop.sock_sendall(line, STATS), 1)
            elif takes:
                said = await loop.sock_recv(line, 8)


async def _idle(port: int, spoken: bool) -> None:
    """Says nothing, or nothing more after one request."""
    loop = asyncio.get_running_loop()
    with suppress(ConnectionError), await _connected(port) as line:
        if spoken:
            await loop.sock_sendall(line, b"GET /health HTTP/1.1\r\nHost: h\r\n\r\n")
            await loop.sock_recv(line, 4096)
        await loop.sock_recv(line, 1)
