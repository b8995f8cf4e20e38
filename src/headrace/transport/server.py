"""Listens, hands connections to their protocol, and stops without losing what is in flight. Knows no signals."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence

import structlog

from headrace import limits
from headrace.preflight.addresses import cannot_listen
from headrace.transport import LineSessions, Listener, Room
from headrace.transport.bounds import Bounds
from headrace.transport.connections.doors import Doors
from headrace.transport.connections.first_byte import FirstByte
from headrace.transport.connections.gathering import Gathering
from headrace.transport.connections.lent_lines import lending
from headrace.transport.cors import CorsRouter
from headrace.transport.routing import Router
from headrace.transport.state import Meter, ServerState, ShortWay, SilentMeter
from headrace.transport.tls.certificates import Certificate
from headrace.transport.tls.failures import FailedHandshakes
from headrace.transport.tls.handshake import Handshake
from headrace.transport.tls.unfinished import Unfinished

log = structlog.get_logger(__name__)


class CannotListen(OSError):  # noqa: N818 - it says what happened
    """A port is taken or not ours to take; the text names host, port and the system's reason."""


def _telnet_of(listener: Listener, rooms: Sequence[Room]) -> LineSessions | None:
    """Its room's telnet, and the commands that only others of `rooms` have. Raises ValueError."""
    if listener.telnet_room is None:
        if not listener.http:
            raise ValueError(f"a listener on port {listener.port} speaks neither HTTP nor telnet")
        return None
    host = next((room.lines for room in rooms if room.name == listener.telnet_room), None)
    if host is None:
        raise ValueError(f"there is no telnet in a room {listener.telnet_room}")
    guests = [(command, room.lines) for room in rooms if room.lines is not host for command in room.own_commands]
    return lending(host, {command: lines for command, lines in guests if lines is not None})


def _doors_of(
    listener: Listener,
    rooms: Sequence[Room],
    gatherings: Mapping[str, Mapping[bytes, ShortWay]],
    cors_origins: Sequence[str],
    failed: FailedHandshakes,
) -> Doors:
    """Raises ValueError."""
    unknown = sorted((listener.rooms or frozenset()) - {room.name for room in rooms})
    if unknown:
        raise ValueError(f"there is no room {unknown[0]}")
    there = [room for room in rooms if listener.has(room.name)]
    router = CorsRouter(there, cors_origins) if cors_origins else Router(there)
    short_ways = {target: way for room in there for target, way in gatherings[room.name].items()}
    return Doors(listener, router, short_ways, _telnet_of(listener, there), failed)


class Server:
    """All rooms on all listeners. Use on one event loop: start, then stop once."""

    def __init__(
        self,
        rooms: Sequence[Room],
        listeners: Sequence[Listener],
        bounds: Bounds | None = None,
        meter: Meter | None = None,
        cors_origins: Sequence[str] = (),
    ) -> None:
        """cors_origins: see CorsRouter; without any there is none.

        Raises ValueError when a listener names a room that is not there or speaks no telnet, or speaks nothing, or
        has files for TLS that cannot be used.
        """
        self._state = ServerState(bounds or Bounds(), meter or SilentMeter())
        # Of all listeners together, so that what comes by several is gathered too.
        gatherings = {
            room.name: {target: Gathering(room, posts, self._state) for target, posts in room.small_posts.items()}
            for room in rooms
        }
        failed = FailedHandshakes(self._state.meter.handshake_failed)
        self._unfinished = Unfinished(self._state.bounds.handshakes_per_address_max)
        self._doors = [_doors_of(listener, rooms, gatherings, cors_origins, failed) for listener in listeners]
        self._certificates = {one.tls: Certificate(one.tls) for one in listeners if one.tls is not None}
        self._tell_certificates()
        self._sockets: list[asyncio.Server] = []
        self._ticking: asyncio.Task[None] | None = None

    @property
    def connections(self) -> int:
        """Open connections."""
        return len(self._state.connections)

    @property
    def bodies_bytes(self) -> int:
        """Bytes that the bodies of requests in flight hold."""
        return self._state.bodies.in_use

    async def start(self) -> list[tuple[str, int]]:
        """Accept connections from now on. Returns host and port of each open socket. Raises CannotListen, and then none
        is open."""
        loop = asyncio.get_running_loop()
        try:
            for doors in self._doors:
                self._sockets.append(await self._listen(loop, doors))
        except CannotListen:
            for server in self._sockets:
                server.close()
            raise
        self._ticking = asyncio.create_task(self._tick(loop))
        return [sock.getsockname()[:2] for server in self._sockets for sock in server.sockets]

    def reload_certificates(self) -> None:
        """Read the files of all certificates again, for connections to come. Where they cannot be used the old one
        stays, and the log says why."""
        for certificate in self._certificates.values():
            certificate.reload()
        self._tell_certificates()

    @property
    def stale_certificates(self) -> list[str]:
        """The listeners whose files say now what cannot be used, so that they go on with the certificate before."""
        found = [(doors.listener, doors.listener.tls) for doors in self._doors]
        return [str(one) for one, files in found if files is not None and self._certificates[files].fault is not None]

    @property
    def url(self) -> str:
        """Where a newcomer looks first: the first listener with HTTP, with all rooms if there is one. While started."""
        opened = [(doors.listener, server) for doors, server in zip(self._doors, self._sockets, strict=True)]
        listener, server = max(opened, key=lambda one: (one[0].http, one[0].rooms is None))
        host, port = server.sockets[0].getsockname()[:2]
        return f"{'https' if listener.tls else 'http'}://{Listener(host, port, None)}"

    async def stop(self, grace_s: float | None = None) -> None:
        """Accept no more, let requests and telnet blocks in flight finish for at most `grace_s` seconds, then close
        all."""
        state = self._state
        state.stopping = True
        for server in self._sockets:
            server.close()
        for connection in tuple(state.connections):
            connection.stop()
        loop = asyncio.get_running_loop()
        deadline_s = loop.time() + (state.bounds.stop_grace_s if grace_s is None else grace_s)
        while (state.connections or state.tasks) and loop.time() < deadline_s:  # noqa: ASYNC110 - it happens once
            await asyncio.sleep(0.01)
        if state.connections:
            log.warning("connections cut at the end of the grace period", connections=len(state.connections))
        for connection in tuple(state.connections):
            connection.abort()
        unfinished = tuple(state.tasks)
        for task in unfinished:
            task.cancel()
        await asyncio.gather(*unfinished, return_exceptions=True)
        if self._ticking is not None:
            self._ticking.cancel()
        for server in self._sockets:
            await server.wait_closed()

    async def _listen(self, loop: asyncio.AbstractEventLoop, doors: Doors) -> asyncio.Server:
        listener = doors.listener
        try:
            return await loop.create_server(
                self._protocol_of(loop, doors),
                listener.host,
                listener.port,
                backlog=limits.BACKLOG,
                reuse_address=True,
            )
        except OSError as fault:
            raise CannotListen(fault.errno, cannot_listen(str(listener), fault)) from fault

    def _protocol_of(self, loop: asyncio.AbstractEventLoop, doors: Doors) -> Callable[[], asyncio.Protocol]:
        state, listener = self._state, doors.listener
        if listener.tls is None:
            return lambda: FirstByte(state, loop, doors)
        certificate = self._certificates[listener.tls]

        def above(client: str | None) -> FirstByte:
            return FirstByte(state, loop, doors, client)

        return lambda: Handshake(state, listener, certificate.context, doors.failed_handshakes, self._unfinished, above)

    def _tell_certificates(self) -> None:
        for doors in self._doors:
            if doors.listener.tls is not None:
                found = self._certificates[doors.listener.tls]
                self._state.meter.certificate(str(doors.listener), found.expires_s, found.fault is not None)

    async def _tick(self, loop: asyncio.AbstractEventLoop) -> None:
        while True:
            self._state.tick(loop.time())
            await asyncio.sleep(self._state.bounds.tick_s)
