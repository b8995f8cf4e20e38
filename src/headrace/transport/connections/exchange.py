"""One request and its answer, as an ASGI application sees them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Protocol
from urllib.parse import unquote_to_bytes

import structlog
from starlette.types import Message, Scope

from headrace.transport.connections.doors import Doors
from headrace.transport.http.answers import CHUNKED, LENGTH, NONE, answer_head
from headrace.transport.http.request_reader import Request
from headrace.transport.routing import Answer
from headrace.transport.state import ServerState

log = structlog.get_logger(__name__)

ASGI_VERSION = {"version": "3.0", "spec_version": "2.3"}


class Wire(Protocol):
    """What an exchange asks of its connection."""

    state: ServerState
    doors: Doors
    certificate: str | None
    client: tuple[str, int] | None
    server: tuple[str, int] | None
    writing_paused: bool
    last: bool
    """Whether this answer is the last of the connection, whatever its request asked for."""

    def write(self, data: bytes) -> None:
        """Send bytes of the answer."""
        ...

    async def drained(self) -> None:
        """Wait until the client has read enough of what was written, or has gone."""
        ...

    def answered(self, exchange: Exchange) -> None:
        """The answer is complete."""
        ...

    def broken_off(self, exchange: Exchange) -> None:
        """The answer can not be completed."""
        ...


class Exchange:
    """The answer's head waits for the first bytes of its body, so that a usual answer is one write of known length."""

    status = 0
    complete = False
    disconnected = False
    doubted = False
    _head: Iterable[tuple[bytes, bytes]] | None = None
    _framing = LENGTH
    _owed_bytes = 0
    _body_given = False
    _changed: asyncio.Event | None = None

    def __init__(self, connection: Wire, request: Request) -> None:
        self.request = request
        self.keep_alive = request.keep_alive
        self._connection = connection
        head = request.head
        raw_path, _, query = head.target.partition(b"?")
        self.scope: Scope = {
            "type": "http",
            "asgi": ASGI_VERSION,
            "http_version": head.version,
            "method": head.method,
            "scheme": "https" if connection.doors.listener.tls else "http",
            "path": decode_path(raw_path),
            "raw_path": raw_path,
            "query_string": query,
            "root_path": "",
            "headers": request.headers,
            "client": connection.client,
            "server": connection.server,
            "headrace.lease": self.lease,
            "headrace.listener": connection.doors.listener,
        }
        if connection.certificate is not None:
            self.scope["headrace.certificate"] = connection.certificate

    def lease(self, count: int) -> None:
        """Take `count` bytes of the memory for bodies until this request is answered. Raises Unavailable."""
        self._connection.state.bodies.take(count)
        self.request.leased += count

    async def run(self) -> None:
        """Have the router answer. What the router lets through is a bug, or an answer that broke off half-way."""
        router = self._connection.doors.router
        try:
            if self.request.refusal is None:
                await router(self.scope, self.receive, self.send)
            else:
                self._send_answer(router.refuse(self.scope, self.request.refusal))
        except Exception:
            if self.status:
                log.warning("answer broke off", path=self.scope["path"], exc_info=True)
            else:
                log.exception("no room could word this failure", path=self.scope["path"])
        finally:
            if not self.complete:
                self._connection.broken_off(self)

    async def receive(self) -> Message:
        """The whole body at once; asked again, waits until the connection is lost or in doubt, or the answer is
        complete. A client that has only ended its own side (`printf … | nc -N`) still wants its answer."""
        if not self._body_given and not self.disconnected:
            self._body_given = True
            body = self.request.body
            self.request.body = b""
            return {"type": "http.request", "body": bytes(body), "more_body": False}
        if not (self.disconnected or self.doubted or self.complete):
            self._changed = self._changed or asyncio.Event()
            await self._changed.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        """As ASGI has it; waits while the client reads too slowly. Raises RuntimeError when the answer is not well
        formed."""
        if self._connection.writing_paused:
            await self._connection.drained()
        if self.disconnected:
            return
        if message["type"] == "http.response.start" and not self.status:
            self.status = message["status"]
            self._head = message.get("headers", ())
        elif message["type"] == "http.response.body" and self.status and not self.complete:
            self._send_body(message.get("body", b""), message.get("more_body", False))
        else:
            raise RuntimeError(f"{message['type']} is out of place in this answer")

    def disconnect(self) -> None:
        """The client has gone."""
        self.disconnected = True
        self._wake()

    def doubt(self) -> None:
        """The client may have gone. Whatever waits for that is told so; an answer is sent all the same."""
        self.doubted = True
        self._wake()

    def _send_answer(self, answer: Answer) -> None:
        if self.disconnected:
            return
        self.status = answer.status
        self._head = answer.headers
        self._send_body(answer.body, more_body=False)

    def _send_body(self, body: bytes, more_body: bool) -> None:
        chunks: list[bytes] = []
        if self._head is not None:
            chunks.append(self._begin(None if more_body else len(body)))
        if body and self._framing is CHUNKED:
            chunks += (b"%x\r\n" % len(body), body, b"\r\n")
        elif body and self._framing is not NONE:
            if self._framing is LENGTH:
                self._owed_bytes -= len(body)
            chunks.append(body)
        if not more_body and self._framing is CHUNKED:
            chunks.append(b"0\r\n\r\n")
        if self._framing is LENGTH and (self._owed_bytes < 0 or (self._owed_bytes and not more_body)):
            raise RuntimeError(f"the answer's body misses its content-length by {-self._owed_bytes} bytes")
        self._connection.write(b"".join(chunks))
        if not more_body:
            self.complete = True
            self._wake()
            self._connection.answered(self)

    def _begin(self, body_bytes: int | None) -> bytes:
        assert self._head is not None
        head, self._framing, self._owed_bytes, self.keep_alive = answer_head(
            self.status,
            self._head,
            self._connection.state.date_line,
            bodiless=self.request.head.method == "HEAD",
            http_1_0=self.request.head.version == "1.0",
            keep_alive=self.keep_alive and not self._connection.last,
            body_bytes=body_bytes,
        )
        self._head = None
        return head

    def _wake(self) -> None:
        if self._changed is not None:
            self._changed.set()


def decode_path(raw_path: bytes) -> str:
    """`raw_path` with its percent escapes undone once, as UTF-8; what is not UTF-8 becomes U+FFFD."""
    if b"%" not in raw_path and raw_path.isascii():
        return raw_path.decode("ascii")
    return unquote_to_bytes(raw_path).decode("utf-8", "replace")
