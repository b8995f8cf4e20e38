"""One HTTP connection: keeps answers in the order of their requests, and ends what takes too long.

Time is not measured per request. The server looks at each connection once per tick (`check`), and a connection whose
state has not changed between looks for too long has run out of time: so a request costs no timer.
"""

from __future__ import annotations

import asyncio
import time
from typing import cast

from headrace import limits
from headrace.errors import Refused
from headrace.transport import Listener
from headrace.transport.connections.doors import Doors
from headrace.transport.connections.exchange import Exchange
from headrace.transport.connections.taken import Taken
from headrace.transport.http.request_reader import BODY, HEAD, NOTHING, Request, RequestReader
from headrace.transport.state import ServerState

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class HttpConnection(asyncio.Protocol):
    """One request is answered at a time; what is pipelined behind it waits as bytes, and past a bound in the kernel."""

    def __init__(
        self, state: ServerState, loop: asyncio.AbstractEventLoop, doors: Doors, certificate: str | None = None
    ) -> None:
        """certificate: see Sender."""
        self.state = state
        self.doors = doors
        self.certificate = certificate
        self.client: tuple[str, int] | None = None
        self.server: tuple[str, int] | None = None
        self.writing_paused = False
        self.last = False
        self.begun_s = 0.0
        self._loop = loop
        self._reader = RequestReader(state.bounds, state.bodies, state.known_heads)
        self._request: Request | None = None
        """The one that is being answered."""
        self._exchange: Exchange | None = None
        """Which answers it, unless it went the short way."""
        self._held = b""
        self._waiting_bytes = 0
        self._reading_paused = False
        self._ended = False
        self._closing = False
        self._writable = asyncio.Event()
        self._received_bytes = 0
        self._answers = 0
        self.unread_bytes = 0
        self._watched: tuple[object, ...] = ()
        self._since_s = 0.0
        self._bytes_then = 0
        self._taken_then = 0

    # What the event loop calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._taken = Taken(self._transport)
        self.client = _address(transport.get_extra_info("peername"))
        self.server = _address(transport.get_extra_info("sockname"))
        self.state.connections.add(self)

    def data_received(self, data: bytes) -> None:
        self.state.meter.received(len(data))
        self._received_bytes += len(data)
        if self._closing:
            return  # thrown away, see limits.LINGER_S
        if self._request is None:
            self._held = self._reader.feed(data)
            self._advance()
        elif not self._reader.deaf:
            self._held += data
            self._count_waiting()
            if len(self._held) > self.state.bounds.held_bytes_max:
                self._pause_reading()

    def eof_received(self) -> bool:
        self._ended = True
        return self._request is not None  # else there is nothing left to answer, and the loop closes

    def pause_writing(self) -> None:
        self.writing_paused = True
        self._writable.clear()

    def resume_writing(self) -> None:
        self.writing_paused = False
        self._writable.set()

    def connection_lost(self, exc: Exception | None) -> None:
        self.state.connections.discard(self)
        self._closing = True
        if self._exchange is not None:
            self._exchange.disconnect()
        elif self._request is not None:
            self._release()
        for request in self._reader.requests:
            self.state.bodies.give(request.leased)
        self._reader.requests.clear()
        self._reader.stop()
        self._held = b""
        self._count_waiting()
        self.resume_writing()

    # What an exchange calls, see Wire.

    def write(self, data: bytes) -> None:
        self._taken.write(data)

    async def drained(self) -> None:
        await self._writable.wait()

    def answered(self, exchange: Exchange) -> None:
        self._release()
        took_s = time.monotonic() - self.begun_s
        self.state.meter.answered(exchange.scope.get("headrace.room", ""), exchange.status, took_s)
        self._go_on(exchange.keep_alive)

    def broken_off(self, exchange: Exchange) -> None:
        self._release()
        self.abort()  # the only way left to say so

    # What the short way calls, see Poster.

    @property
    def listener(self) -> Listener:
        return self.doors.listener

    def answer(self, data: bytes) -> None:
        if self._request is not None:
            self._release()
            self._taken.write(data)
            self._go_on(keep_alive=not self.last)

    def go_alone(self) -> None:
        if self._request is not None:
            self._exchange = Exchange(self, self._request)
            self.state.start_task(self._loop, self._exchange.run())

    # What the server calls, see Connection.

    def hold_off(self) -> None:
        if self._request is not None and not self._closing:
            self._pause_reading()

    def read_on(self) -> None:
        if not self._closing and len(self._held) <= self.state.bounds.held_bytes_max:
            self._resume_reading()

    def check(self, now_s: float) -> None:
        bounds = self.state.bounds
        self.unread_bytes = self._taken.look()
        doing = self._closing or (self._request and "answering") or self._reader.reading
        watched = (doing, self._answers, bool(self.unread_bytes))
        if watched != self._watched:
            self._watched, self._since_s = watched, now_s
            self._bytes_then, self._taken_then = self._received_bytes, self._taken.bytes
            return
        waited_s = now_s - self._since_s
        if self.unread_bytes:
            if waited_s >= bounds.slow_reader_s:
                if self._taken.bytes - self._taken_then < bounds.answer_bytes_min:
                    self.cut()
                self._since_s, self._taken_then = now_s, self._taken.bytes
        elif self._closing:
            if waited_s >= bounds.linger_s:
                self._transport.abort()
        elif self._request is not None:
            if self._ended and self._exchange is not None and waited_s >= bounds.half_closed_s:
                self._exchange.doubt()
        elif self._reader.reading is NOTHING:
            if waited_s >= bounds.idle_timeout_s:
                self._close()
        elif self._reader.reading is HEAD:
            if waited_s >= bounds.header_timeout_s:
                self._give_up(f"the request's headers did not end within {bounds.header_timeout_s:g} s")
        elif self._reader.reading is BODY and waited_s >= bounds.request_timeout_s:
            if self._received_bytes - self._bytes_then < bounds.request_bytes_min:
                self._give_up(f"the request's body brought too little in {bounds.request_timeout_s:g} s")
            self._since_s, self._bytes_then = now_s, self._received_bytes

    @property
    def idle(self) -> tuple[float, int] | None:
        if self._closing or self._request is not None or self._reader.reading is not NOTHING:
            return None
        seen = self._watched == (NOTHING, self._answers, False)
        return self._since_s if seen else self.state.ticked_s, self._answers

    @property
    def taken_lately(self) -> int:
        return self._taken.lately

    def stop(self) -> None:
        if self._closing:
            self._transport.close()
        elif self._request is not None:
            self._mark_last()
        elif self._reader.reading is NOTHING:
            self._close()

    def abort(self) -> None:
        self._closing = True
        self._transport.abort()

    def cut(self) -> bool:
        self._closing = True
        self._taken.cut()
        return True

    # Ours.

    def _count_waiting(self) -> None:
        waiting = len(self._held) + limits.WAITING_REQUEST_BYTES * len(self._reader.requests)
        if waiting != self._waiting_bytes:
            self.state.waiting.change(waiting - self._waiting_bytes)
            self._waiting_bytes = waiting

    def _advance(self) -> None:
        """Begin the next request if one is there. Called when none is in progress."""
        while not self._reader.requests and self._held:
            self._held = self._reader.feed(self._held)
        if self._reader.requests:
            request = self._reader.requests.popleft()
            self._count_waiting()
            self._begin(request)
            return
        self._count_waiting()
        if self._ended or (self.state.stopping and self._reader.reading is NOTHING):
            self._close()
            return
        if self._reader.awaits_continue:
            self._reader.continued()
            self._taken.write(CONTINUE)
        self._resume_reading()

    def _begin(self, request: Request) -> None:
        self._request = request
        self.begun_s = time.monotonic()
        if self.state.waiting.crowded:
            self._pause_reading()
        if self.state.stopping:
            self._mark_last()
        short_way = self.doors.short_ways.get(request.head.target)
        if short_way is None or self.writing_paused or not short_way.add(self, request):
            self.go_alone()

    def _mark_last(self) -> None:
        self.last = not (self._reader.requests or self._held)

    def _release(self) -> None:
        assert self._request is not None, "something is being answered"
        self.state.bodies.give(self._request.leased)
        self._request = self._exchange = None

    def _go_on(self, keep_alive: bool) -> None:
        self._answers += 1
        if keep_alive:
            self._advance()
        else:
            self._close(linger=True)

    def _give_up(self, why: str) -> None:
        self._reader.abandon(Refused("request-timeout", why))
        self._advance()

    def _close(self, linger: bool = False) -> None:
        """Close once all is sent. linger: the client may still be sending, and must get to read our answer first."""
        self._closing = True
        self._held = b""
        self._count_waiting()
        if linger and not self._ended:
            self._resume_reading()
            self._transport.write_eof()
        else:
            self._transport.close()

    def _pause_reading(self) -> None:
        if not self._reading_paused:
            self._reading_paused = True
            self._transport.pause_reading()

    def _resume_reading(self) -> None:
        if self._reading_paused:
            self._reading_paused = False
            self._transport.resume_reading()


def _address(address: tuple[str, int] | None) -> tuple[str, int] | None:
    return (address[0], address[1]) if address else None
