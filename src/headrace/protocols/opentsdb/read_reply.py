"""How a reading endpoint is asked and answers: GET and POST alike, wrapped for jsonp, as gzip, whole or streamed."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterator, Mapping
from typing import Protocol
from urllib.parse import parse_qs

from isal import isal_zlib
from starlette.types import ASGIApp, Receive, Scope, Send

from headrace import limits
from headrace.errors import Refused
from headrace.protocols.opentsdb.faults import JSON_TYPE, Answer, callback_of, method_not_allowed, refuse
from headrace.protocols.opentsdb.read_pool import QueryPool
from headrace.transport.body import GZIP_WBITS, accepts_gzip, gzipped, read_body

STATUS_OF_RULE = {
    "body-too-large": 413,
    "query-points": 413,
    "query-work": 413,
    "query-time": 413,
    "name-unknown": 404,
    "annotation-unknown": 404,
    "not-implemented": 501,
}
"""HTTP status of a refused question; every other rule is a 400."""

READING = ("GET", "POST")
"""GET and POST everywhere: Alibaba's clients POST nearly all."""

Parameters = Mapping[str, list[str]]


class Reply:
    """Writes one answer: wrapped for jsonp and as gzip where the client asks for it."""

    def __init__(self, scope: Scope, receive: Receive, send: Send, callback: str) -> None:
        self._scope = scope
        self._receive = receive
        self._send = send
        self._callback = callback.encode()

    async def whole(self, body: bytes, status: int = 200) -> None:
        """A JSON answer that is there as a whole."""
        if self._callback:
            body = b"%b(%b)" % (self._callback, body)
        headers = [JSON_TYPE]
        if len(body) >= limits.OPENTSDB_GZIP_BYTES_MIN and accepts_gzip(self._scope):
            body = gzipped(body)
            headers.append((b"content-encoding", b"gzip"))
        await self._send({"type": "http.response.start", "status": status, "headers": headers})
        await self._send({"type": "http.response.body", "body": body})

    async def stream(self, answer: tuple[bytes, Iterator[bytes]], pool: QueryPool) -> None:
        """An answer in chunks that are made while it is being sent; stops making them when the client has gone."""
        chunk, chunks = answer
        following = await pool.next_of(chunks)
        if not following:
            await self.whole(chunk)
            return
        headers = [JSON_TYPE]
        packing = isal_zlib.compressobj(1, wbits=GZIP_WBITS) if accepts_gzip(self._scope) else _AsItIs()
        if not isinstance(packing, _AsItIs):
            headers.append((b"content-encoding", b"gzip"))
        await self._send({"type": "http.response.start", "status": 200, "headers": headers})
        gone = asyncio.ensure_future(self.client_leaves())
        try:
            opening, closing = (self._callback + b"(", b")") if self._callback else (b"", b"")
            await self._more(packing.compress(opening + chunk))
            while following and not (gone.done() and gone.result()):
                await self._more(packing.compress(following))
                following = await pool.next_of(chunks)
            await self._send({"type": "http.response.body", "body": packing.compress(closing) + packing.flush()})
        finally:
            gone.cancel()

    async def empty(self, status: int) -> None:
        """An answer without a body."""
        await self._send({"type": "http.response.start", "status": status, "headers": []})
        await self._send({"type": "http.response.body", "body": b""})

    async def client_leaves(self) -> bool:
        """Waits until there is nobody to answer any more (true), or the answer is complete."""
        message = await self._receive()
        return bool(message["type"] == "http.disconnect")

    async def _more(self, body: bytes) -> None:
        if body:
            await self._send({"type": "http.response.body", "body": body, "more_body": True})


class _AsItIs:
    """A compressor that does nothing."""

    def compress(self, data: bytes) -> bytes:
        return data

    def flush(self) -> bytes:
        return b""


class Handler(Protocol):
    """One endpoint: asked with the parameters of the URL and the body of a POST, it replies or raises Refused."""

    async def __call__(self, scope: Scope, parameters: Parameters, body: bytes, reply: Reply) -> None:
        """Answer one request."""
        ...


def endpoint(handler: Handler, body_bytes_max: int, methods: Collection[str] = READING) -> ASGIApp:
    """The handler as an app. It words Refused itself; Unavailable and Corrupt go up to the transport."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        callback = ""
        try:
            if scope["method"] not in methods:
                await _send(send, method_not_allowed(scope["method"]))
                return
            parameters = parse_qs(scope["query_string"].decode("latin-1"), keep_blank_values=True)
            callback = callback_of(parameters.get("jsonp", [""])[0])
            body = await read_body(scope, receive, body_bytes_max)
            await handler(scope, parameters, body, Reply(scope, receive, send, callback))
        except Refused as refused:
            await _send(send, refuse(STATUS_OF_RULE.get(refused.rule, 400), refused, callback))

    return app


async def _send(send: Send, answer: Answer) -> None:
    status, headers, body = answer
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
