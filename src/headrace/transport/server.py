"""Listens, hands connections to their protocol, and stops without losing what is in flight. Knows no signals."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from dataclasses import dataclass

import structlog

from headrace import limits
from headrace.transport import LineSessions, Room
from headrace.transport.bounds import Bounds
from headrace.transport.connections.first_byte import FirstByte
from headrace.transport.connections.gathering import Gathering
from headrace.transport.connections.lent_lines import lending
from headrace.transport.cors import CorsRouter
from headrace.transport.routing import Router
from headrace.transport.state import Meter, ServerState, SilentMeter

log = structlog.get_logger(__name__)


class CannotListen(OSError):  # noqa: N818 - it says what happened
    """A port is taken or not ours to take; the text names host, port and the system's reason."""


@dataclass(frozen=True, slots=True)
class Listener:
    """Where to listen.   port: 0 takes a free one.   telnet_room: the room whose law holds for telnet lines; None: no
    telnet.   http: False where only lines are spoken; elsewhere a connection that begins with a capital letter is
    HTTP, of all rooms."""

    host: str
    port: int
    telnet_room: str | None
    http: bool = True


def _telnet_of(listener: Listener, rooms: Sequence[Room]) -> LineSessions | None:
    """Its room's telnet, and the commands that only others have."""
    host = next((room.lines for room in rooms if room.name == listener.telnet_room), None)
    if host is None:
        return None
    guests = [(command, room.lines) for room in rooms if room.lines is not host for command in room.own_commands]
    return lending(host, {command: lines for command, lines in guests if lines is not None})


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

        Raises ValueError when a listener names a room that does not exist or speaks no telnet, or speaks nothing.
        """
        router = CorsRouter(rooms, cors_origins) if cors_origins else Router(rooms)
        self._state = ServerState(router, bounds or Bounds(), meter or SilentMeter())
        self._state.short_ways = {
            target: Gathering(room.name, posts, self._state)
            for room in rooms
            for target, posts in room.small_posts.items()
        }
        sessions = {room.name: room.lines for room in rooms}
        for listener in listeners:
            if listener.telnet_room is None and not listener.http:
                raise ValueError(f"a listener on port {listener.port} speaks neither HTTP nor telnet")
            if listener.telnet_room is not None and sessions.get(listener.telnet_room) is None:
                raise ValueError(f"there is no telnet in a room {listener.telnet_room}")
        self._listeners = [(one, _telnet_of(one, rooms)) for one in listeners]
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
            for listener, sessions in self._listeners:
                self._sockets.append(await self._listen(loop, listener, sessions))
        except CannotListen:
            for server in self._sockets:
                server.close()
            raise
        self._ticking = asyncio.create_task(self._tick(loop))
        return [sock.getsockname()[:2] for server in self._sockets for sock in server.sockets]

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

    async def _listen(
        self, loop: asyncio.AbstractEventLoop, listener: Listener, sessions: LineSessions | None
    ) -> asyncio.Server:
        try:
            return await loop.create_server(
                lambda: FirstByte(self._state, loop, sessions, listener.http),
                listener.host,
                listener.port,
                backlog=limits.BACKLOG,
                reuse_address=True,
            )
        except OSError as fault:
            reason = os.strerror(fault.errno) if fault.errno and fault.errno > 0 else str(fault)
            raise CannotListen(fault.errno, f"cannot listen on {listener.host}:{listener.port}: {reason}") from fault

    async def _tick(self, loop: asyncio.AbstractEventLoop) -> None:
        while True:
            self._state.tick(loop.time())
            await asyncio.sleep(self._state.bounds.tick_s)
