"""A real server on a real socket, with rooms small enough to know by heart."""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import orjson
from starlette.types import Receive, Scope, Send

from headrace.errors import Refused, Unavailable
from headrace.settings.pem import PemFiles
from headrace.transport import LineReply, Listener, OfOthers, OtherCommands, Room, WholeAnswer
from headrace.transport.bounds import Bounds
from headrace.transport.http.body import read_body
from headrace.transport.server import Server

GRAFANA = b"https://grafana.example.net"
"""An origin."""


over_tls: tuple[PemFiles, ssl.SSLContext] | None = None
"""Where it is set, all houses and those who come speak TLS."""


class CountingMeter:
    def __init__(self) -> None:
        self.bytes = 0
        self.answers: Counter[tuple[str, int]] = Counter()
        self.took_s: list[float] = []
        self.dropped = 0
        self.failed: Counter[str] = Counter()
        self.certificates: dict[str, tuple[float, bool]] = {}

    def received(self, count: int) -> None:
        self.bytes += count

    def answered(self, room: str, status: int, seconds: float) -> None:
        self.answers[room, status] += 1
        self.took_s.append(seconds)

    def replies_dropped(self, count: int) -> None:
        self.dropped += count

    def handshake_failed(self, reason: str) -> None:
        self.failed[reason] += 1

    def certificate(self, listener: str, expires_s: float, is_stale: bool) -> None:
        self.certificates[listener] = expires_s, is_stale


class EchoLines:
    """Answers every line with itself; `busy` makes the next feeds Unavailable; `bye` closes."""

    def __init__(self, log: list[bytes], busy: list[int], before: bytes = b"") -> None:
        self._log = log
        self._before = before
        self._busy = busy
        self.fed: list[tuple[int, int]] = []

    async def feed(self, block: bytes, first_line: int, others: OtherCommands | None = None) -> LineReply:
        if others is not None and others.are_in(block):
            raise OfOthers
        self.fed.append((first_line, block.count(b"\n")))
        assert block.endswith(b"\n")
        await asyncio.sleep(0)
        if self._busy and self._busy[0] > 0:
            self._busy[0] -= 1
            raise Unavailable("busy", retry_after_s=0)
        self._log.append(block)
        before, bye, _ = block.partition(b"bye\n")
        return LineReply(self._before + before + bye, close=bool(bye))

    def line_too_long(self, line: int) -> LineReply:
        self.fed.append((line, 0))
        return LineReply(b"too long\n")


class SmallEcho:
    """Answers as the app does, but for bodies that begin with `alone`; some others make it fail."""

    body_bytes_max = 100

    def __init__(self, release: asyncio.Event) -> None:
        self.turns: list[list[bytes]] = []
        self._release = release

    async def take(self, bodies: Sequence[bytes]) -> list[WholeAnswer | None]:
        self.turns.append(list(bodies))
        await asyncio.sleep(0)
        if b"full" in bodies:
            raise Unavailable("busy", retry_after_s=3)
        if b"bug" in bodies:
            raise KeyError("a bug of ours")
        if b"wait" in bodies:
            await self._release.wait()
        return [None if body.startswith(b"alone") else (200, [], b"POST /echo/small " + body) for body in bodies]


@dataclass
class House:
    """What a test sees of the server."""

    ports: list[int]
    server: Server
    meter: CountingMeter
    small: SmallEcho
    blocks: list[bytes] = field(default_factory=list)
    busy: list[int] = field(default_factory=list)
    release: asyncio.Event = field(default_factory=asyncio.Event)

    async def open(self, port: int = 0) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection("127.0.0.1", self.ports[port], ssl=over_tls and over_tls[1])

    async def talk(self, *packets: bytes, eof: bool = True, port: int = 0) -> bytes:
        """Send the packets one by one, then end our side; everything the server said until it ended its own."""
        reader, writer = await self.open(port)
        for packet in packets:
            writer.write(packet)
            await asyncio.sleep(0)
        if eof:
            await end(writer)
        answer = await asyncio.wait_for(reader.read(), 10)
        writer.close()
        return without_date(answer)


async def end(writer: asyncio.StreamWriter) -> None:
    """End our side alone, over TLS by the socket: Python's streams have no half close there."""
    if writer.can_write_eof():
        writer.write_eof()
        return
    while writer.transport.get_write_buffer_size():  # noqa: ASYNC110 - of its last bytes there is no event
        await asyncio.sleep(0.001)
    if not writer.is_closing():
        with socket.socket(fileno=os.dup(writer.get_extra_info("socket").fileno())) as line:
            line.shutdown(socket.SHUT_WR)


def without_date(answer: bytes) -> bytes:
    lines = answer.split(b"\r\n")
    return b"\r\n".join(line for line in lines if not line.startswith(b"date: "))


def refuse(_scope: Scope, status: int, refusal: Refused) -> tuple[int, list[tuple[bytes, bytes]], bytes]:
    return (
        status,
        [(b"content-type", b"application/json")],
        orjson.dumps({"rule": refusal.rule, "says": refusal.detail}),
    )


async def reply(send: Send, status: int, body: bytes, *headers: tuple[bytes, bytes]) -> None:
    await send({"type": "http.response.start", "status": status, "headers": list(headers)})
    await send({"type": "http.response.body", "body": body})


@asynccontextmanager
async def running(
    bounds: Bounds | None = None,
    ports: int = 1,
    cors_origins: tuple[str, ...] = (),
    http: bool = True,
    listeners: Sequence[Listener] | None = None,
) -> AsyncIterator[House]:
    meter = CountingMeter()
    blocks: list[bytes] = []
    busy: list[int] = [0]
    release = asyncio.Event()
    small = SmallEcho(release)

    async def echo(scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"]
        if path == "/echo/wait":
            await release.wait()
        if path == "/echo/bug":
            raise KeyError("a bug of ours")
        if path == "/echo/half":
            await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"10")]})
            await send({"type": "http.response.body", "body": b"half", "more_body": True})
            raise KeyError("too late for words")
        if path == "/echo/full":
            raise Unavailable("the queue is full", retry_after_s=3)
        if path == "/echo/stream":
            await send({"type": "http.response.start", "status": 200, "headers": []})
            for part in (b"one", b"two", b""):
                await send({"type": "http.response.body", "body": part, "more_body": bool(part)})
            return
        if path == "/echo/scope":
            told = scope["scheme"], str(scope["headrace.listener"]), scope.get("headrace.certificate")
            await reply(send, 200, repr(told).encode())
            return
        if path == "/echo/large":
            await reply(send, 200, b"x" * 32_000_000)
            return
        body = await read_body(scope, receive, (bounds or Bounds()).body_bytes_max)
        if path == "/echo/put":
            await reply(send, 204, b"")
        elif path == "/echo/bad":
            await reply(send, 400, b"no")
        else:
            await reply(send, 200, scope["method"].encode() + b" " + scope["raw_path"] + b" " + body)

    async def other(scope: Scope, receive: Receive, send: Send) -> None:
        await reply(send, 200, b"other")

    rooms = [
        Room(
            "echo",
            ("/echo", "/v2/domains/"),
            echo,
            refuse,
            lambda _: EchoLines(blocks, busy),
            {b"/echo/small": small},
        ),
        Room(
            "other",
            ("/echo/other",),
            other,
            refuse,
            lambda _: EchoLines(blocks, busy, b"other "),
            own_commands=(b"own",),
        ),
    ]
    if listeners is None:
        listeners = [Listener("127.0.0.1", 0, "echo", http, tls=over_tls and over_tls[0])] * ports
    server = Server(rooms, listeners, bounds, meter, cors_origins)
    opened = await server.start()
    try:
        yield House([port for _, port in opened], server, meter, small, blocks, busy, release)
    finally:
        await server.stop(0.2)
