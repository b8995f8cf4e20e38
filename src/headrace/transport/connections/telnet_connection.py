"""One telnet connection: feeds blocks of lines to its session one at a time, and never drops one.

While a block is in flight we go on reading up to limits.HELD_BYTES_MAX and then stop, so a full server is felt by the
sender as a full socket (design: "Overload on telnet: stop reading, never drop").
"""

from __future__ import annotations

import asyncio
import socket
from typing import Final, cast

import numpy as np
import structlog

from headrace import limits
from headrace.errors import Unavailable
from headrace.transport import LineReply, LineSession
from headrace.transport.connections.lines import LineReader, TooLong
from headrace.transport.state import ServerState

_LF: Final = ord("\n")

log = structlog.get_logger(__name__)


class TelnetConnection(asyncio.Protocol):
    """A task runs only while there are whole lines to feed, so an idle connection costs none."""

    def __init__(self, state: ServerState, loop: asyncio.AbstractEventLoop, session: LineSession) -> None:
        self._state = state
        self._loop = loop
        self._session = session
        self._reader = LineReader(state.bounds.line_bytes_max)
        self._feeding = False
        self._lines = 0
        """That were fed, of all that came."""
        self._block_bytes = 0
        self._waiting_bytes = 0
        self._ended = False
        """No more is read: the client's end, our stop, or a lost connection."""
        self._lost = False
        self._reading_paused = False
        self._writable = asyncio.Event()
        self._writable.set()
        self._unread_replies = False
        self._over_since_s: float | None = None
        self.unread_bytes = self.taken_lately = 0

    # What the event loop calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._state.connections.add(self)
        keep_alive(transport.get_extra_info("socket"))

    def data_received(self, data: bytes) -> None:
        self._state.meter.received(len(data))
        if self._ended:
            return
        self._reader.push(data)
        if not self._feeding:
            self._feed_next()
        self._count_waiting()
        if self._must_wait():
            self._pause_reading()

    def eof_received(self) -> bool:
        self._ended = True
        return self._feeding

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()
        self._unread_replies = False

    def connection_lost(self, exc: Exception | None) -> None:
        self._ended = True
        self._lost = True
        if not self._feeding:
            self._state.connections.discard(self)
        self._writable.set()

    # What the server calls, see Connection.

    idle = None
    """Never: the next line of its sender would be lost."""

    def hold_off(self) -> None:
        self._pause_reading()

    def read_on(self) -> None:
        self._resume_reading()

    def check(self, now_s: float) -> None:
        """A silent connection is left alone (limits.TELNET_KEEPALIVE_S); one that has ended may not linger for ever."""
        self.unread_bytes = self._transport.get_write_buffer_size()
        if self._feeding or not self._ended:
            return
        if self._over_since_s is None:
            self._over_since_s = now_s
        elif now_s - self._over_since_s >= self._state.bounds.linger_s:
            self._transport.abort()

    def cut(self) -> bool:
        """See Connection."""
        return False

    def stop(self) -> None:
        self._ended = True
        if not self._feeding:
            self._transport.close()

    def abort(self) -> None:
        if len(self._reader):
            log.warning("telnet lines not taken before the server stopped", unread_bytes=len(self._reader))
        self._transport.abort()

    # Ours.

    def _feed_next(self) -> None:
        """Start feeding if a line is whole."""
        item = self._take()
        if item is not None:
            self._feeding = True
            self._state.start_task(self._loop, self._feed(item))

    def _take(self) -> bytes | TooLong | None:
        item = self._reader.take()
        self._block_bytes = len(item) if isinstance(item, bytes) else 0
        return item

    async def _feed(self, item: bytes | TooLong | None) -> None:
        """Feed `item` and all that is whole after it. The lines of a client that has gone are fed too; until then it
        counts as a connection, so that senders who give up and come again can not fill the memory of a full server."""
        try:
            while item is not None:
                reply = await self._answer(item)
                await self._write(reply)
                if reply.close:
                    self._resume_reading()
                    self._hang_up()
                    return
                item = self._take()
                self._count_waiting()
                self._resume_reading()  # after that: where only the rest of a line too long was held, nothing is now
            if self._ended and not self._lost:
                self._transport.close()
        except Exception:
            log.exception("telnet session failed; its connection is closed")
            self._ended = True
            self._transport.close()
        finally:
            self._feeding = False
            self._count_waiting()
            if self._lost:
                self._state.connections.discard(self)

    async def _answer(self, item: bytes | TooLong) -> LineReply:
        first_line = self._lines + 1
        if isinstance(item, TooLong):
            self._lines += 1
            return self._session.line_too_long(first_line)
        # By numpy: bytes.count takes ten times as long.
        self._lines += int(np.count_nonzero(np.frombuffer(item, np.uint8) == _LF))
        while True:
            try:
                return await self._session.feed(item, first_line)
            except Unavailable as full:
                self._pause_reading()
                await asyncio.sleep(full.retry_after_s)

    async def _write(self, reply: LineReply) -> None:
        if self._lost or not reply.data:
            return
        if not self._writable.is_set() and self._state.unread_bytes > self._state.bounds.unread_bytes_max:
            self._unread_replies = True
        if not self._writable.is_set() and not self._unread_replies:
            try:
                await asyncio.wait_for(self._writable.wait(), self._state.bounds.unread_replies_s)
            except TimeoutError:
                self._unread_replies = True
        if self._unread_replies:
            self._state.meter.replies_dropped(len(reply.data))
        elif not self._lost:
            self._transport.write(reply.data)

    def _count_waiting(self) -> None:
        """A line that has only begun is not among them: its end must be read, or it would wait for ever."""
        waiting = self._block_bytes + len(self._reader) if self._feeding else 0
        self._state.waiting.change(waiting - self._waiting_bytes)
        self._waiting_bytes = waiting

    def _hang_up(self) -> None:
        """Close once all is sent. What a client still sends is thrown away, so that it can read our last words
        (LINGER_S)."""
        if self._lost:
            return
        if self._ended:
            self._transport.close()
        else:
            self._ended = True
            self._transport.write_eof()

    def _pause_reading(self) -> None:
        if not self._reading_paused and not self._ended:
            self._reading_paused = True
            self._transport.pause_reading()

    def _must_wait(self) -> bool:
        return self._state.waiting.crowded or len(self._reader) > self._state.bounds.held_bytes_max

    def _resume_reading(self) -> None:
        if self._reading_paused and not self._must_wait() and not self._transport.is_closing():
            self._reading_paused = False
            self._transport.resume_reading()


def keep_alive(sock: socket.socket) -> None:
    """Have the kernel notice a telnet peer that is gone without a word."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, limits.TELNET_KEEPALIVE_S)
