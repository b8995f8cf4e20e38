"""What all connections of one server share."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from email.utils import formatdate
from typing import Any, Protocol, cast

import structlog

from headrace.transport import CameBy
from headrace.transport.bounds import Bounds
from headrace.transport.budget import BytesBudget
from headrace.transport.crowding import WaitingBytes
from headrace.transport.http.heads import KnownHeads
from headrace.transport.http.request_reader import Request

log = structlog.get_logger(__name__)


class Meter(Protocol):
    """Told what happens on the sockets, on the event loop and often: it must be quick and must not raise."""

    def received(self, count: int) -> None:
        """`count` bytes were read, of HTTP or telnet."""
        ...

    def answered(self, room: str, status: int, seconds: float) -> None:
        """A HTTP request was answered, so long after its last byte; `room` is "" where none was found."""
        ...

    def replies_dropped(self, count: int) -> None:
        """`count` bytes of telnet replies were thrown away, because their reader does not read."""
        ...

    def handshake_failed(self, reason: str) -> None:
        """A handshake of TLS came to nothing."""
        ...

    def certificate(self, listener: str, expires_s: float, is_stale: bool) -> None:
        """A listener's certificate was read. is_stale: what its files say now cannot be used."""
        ...


class SilentMeter:
    """A Meter that counts nothing."""

    def received(self, count: int) -> None:
        """See Meter."""

    def answered(self, room: str, status: int, seconds: float) -> None:
        """See Meter."""

    def replies_dropped(self, count: int) -> None:
        """See Meter."""

    def handshake_failed(self, reason: str) -> None:
        """See Meter."""

    def certificate(self, listener: str, expires_s: float, is_stale: bool) -> None:
        """See Meter."""


class Connection(Protocol):
    """What the server asks of a connection, whichever protocol it speaks."""

    unread_bytes: int
    """Of what we wrote, how much waited in our own memory at the last check."""

    @property
    def taken_lately(self) -> int:
        """Bytes that the client took between the last two checks."""
        ...

    @property
    def idle(self) -> tuple[float, int] | None:
        """Since when it waits for a first byte or for its next request, as far as ticks saw it, and how many it has
        had; None when it does not."""
        ...

    def check(self, now_s: float) -> None:
        """Called about once per Bounds.tick_s with the loop's time: end what has waited too long."""
        ...

    def hold_off(self) -> None:
        """See crowding.Reader."""
        ...

    def read_on(self) -> None:
        """See crowding.Reader."""
        ...

    def cut(self) -> bool:
        """Close at once for reading slowly; False where it may not be."""
        ...

    def stop(self) -> None:
        """Finish what is in flight, take nothing new, then close."""
        ...

    def abort(self) -> None:
        """Close at once; what is unsent is lost."""
        ...


class Unheard(asyncio.Protocol):
    """A connection that has not said yet what it wants: idle, to the server (Connection)."""

    def __init__(self, state: ServerState, most_s: float) -> None:
        """most_s: for how long that may be so."""
        self._state = state
        self._most_s = most_s
        self._since_s: float | None = None
        self.unread_bytes = self.taken_lately = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See asyncio.Protocol. Where there is no room it ends at once."""
        self._transport = cast(asyncio.Transport, transport)
        if self._state.stopping or not self._state.has_room():
            self._transport.abort()
            return
        self._state.connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """See asyncio.Protocol."""
        self._state.connections.discard(self)

    @property
    def idle(self) -> tuple[float, int] | None:
        """See Connection."""
        return self._state.ticked_s if self._since_s is None else self._since_s, 0

    def check(self, now_s: float) -> None:
        """See Connection."""
        if self._since_s is None:
            self._since_s = now_s
        elif now_s - self._since_s >= self._most_s:
            self.give_up()

    def give_up(self) -> None:
        """It has been so for too long."""
        self._transport.close()

    def hold_off(self) -> None:
        """See Connection. Its first bytes say whether it must wait."""

    def read_on(self) -> None:
        """See Connection."""

    def cut(self) -> bool:
        """See Connection."""
        return False

    def stop(self) -> None:
        """See Connection."""
        self._transport.close()

    def abort(self) -> None:
        """See Connection."""
        self._transport.abort()


class Poster(CameBy, Protocol):
    """A connection whose request goes the short way."""

    last: bool
    """See exchange.Wire."""
    begun_s: float
    """When its request was there, by time.monotonic."""

    def answer(self, data: bytes) -> None:
        """Send this, the whole answer, if the client is still there, and go on."""
        ...

    def go_alone(self) -> None:
        """Answer the request as any other."""
        ...


class ShortWay(Protocol):
    """Where small posts to one address go instead of through an Exchange."""

    def add(self, sender: Poster, request: Request) -> bool:
        """Take the request, and later answer it or send it alone; False: it has to go alone now."""
        ...


class ServerState:
    """One server's bounds, budgets, meter, open connections and running tasks."""

    def __init__(self, bounds: Bounds, meter: Meter) -> None:
        self.bounds = bounds
        self.meter = meter
        self.bodies = BytesBudget(bounds.bodies_bytes_max)
        self.known_heads = KnownHeads(bounds.header_bytes_max)
        self.connections: set[Connection] = set()
        self.waiting = WaitingBytes(bounds.waiting_bytes_max, self.connections)
        self.tasks: set[asyncio.Task[None]] = set()
        self.stopping = False
        self.date_line = b""
        self.unread_bytes = 0
        self.ticked_s = 0.0
        self.tick(0.0)

    def tick(self, now_s: float) -> None:
        """Look at every connection, and say the date anew."""
        self.date_line = f"date: {formatdate(usegmt=True)}\r\n".encode()
        self.ticked_s = now_s
        for connection in tuple(self.connections):
            connection.check(now_s)
        self.unread_bytes = sum(connection.unread_bytes for connection in self.connections)
        if self.unread_bytes > self.bounds.unread_bytes_max:
            self._cut_slow_readers()

    def has_room(self) -> bool:
        """Whether one more connection may be taken. When there are as many as there may be, those that have been idle
        the longest are closed, of equals those that have asked the least; a sixteenth of all at once, as a look at all
        of them takes a millisecond."""
        most = self.bounds.connections_max
        if len(self.connections) < most:
            return True
        idle = [(idle, connection) for connection in self.connections if (idle := connection.idle) is not None]
        idle.sort(key=lambda found: found[0])
        closed = idle[: max(1, most // 16)]
        for _, connection in closed:
            self.connections.discard(connection)
            connection.stop()
        log.warning("connections are as many as may be", connections=most, idle_closed=len(closed))
        return bool(closed)

    def _cut_slow_readers(self) -> None:
        """Those that took the least since the last look go first. Not telnet's, which lose replies instead: the next
        lines of a sender that reads none may be good."""
        left, cut = self.unread_bytes, 0
        for connection in sorted(self.connections, key=lambda connection: connection.taken_lately):
            if left <= self.bounds.unread_bytes_max:
                break
            if connection.unread_bytes and connection.cut():
                left, cut = left - connection.unread_bytes, cut + 1
        log.warning("slow readers cut", connections=cut, unread_bytes=self.unread_bytes)

    def start_task(self, loop: asyncio.AbstractEventLoop, coroutine: Coroutine[Any, Any, None]) -> None:
        """Run `coroutine` and keep its task alive until it ends."""
        task = loop.create_task(coroutine)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
