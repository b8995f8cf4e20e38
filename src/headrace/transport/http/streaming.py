"""Answers on their way: whole or in chunks that are made while they are sent, as gzip where the client asks for it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence

from isal import isal_zlib
from starlette.types import Receive, Scope, Send

from headrace import limits
from headrace.transport.http.body import GZIP_WBITS, accepts_gzip, gzipped

Header = tuple[bytes, bytes]

Answer = tuple[bytes, Iterator[bytes]]
"""The first chunk of an answer, and what makes the others, as `joined` cuts them: one that is shorter than
limits.ANSWER_CHUNK_BYTES is the last."""


class Reply:
    """Writes one answer to one request.

    headers: of every answer that has a body.   opening, closing: what stands before and after the body.
    """

    def __init__(
        self,
        scope: Scope,
        receive: Receive,
        send: Send,
        headers: Sequence[Header],
        opening: bytes = b"",
        closing: bytes = b"",
    ) -> None:
        self._scope = scope
        self._receive = receive
        self._send = send
        self._headers = headers
        self._opening = opening
        self._closing = closing

    async def whole(self, body: bytes, status: int = 200) -> None:
        """An answer that is there as a whole."""
        body = self._opening + body + self._closing
        headers = list(self._headers)
        if len(body) >= limits.ANSWER_GZIP_BYTES_MIN and accepts_gzip(self._scope):
            body = gzipped(body)
            headers.append((b"content-encoding", b"gzip"))
        await self._send({"type": "http.response.start", "status": status, "headers": headers})
        await self._send({"type": "http.response.body", "body": body})

    async def stream(self, answer: Answer, next_of: Callable[[Iterator[bytes]], Awaitable[bytes]]) -> None:
        """An answer in chunks; stops making them when the client has gone. next_of: gives the next chunk, b"" after
        the last."""
        chunk, chunks = answer
        if len(chunk) < limits.ANSWER_CHUNK_BYTES:
            await self.whole(chunk)
            return
        following = await next_of(chunks)
        headers = list(self._headers)
        packing = isal_zlib.compressobj(1, wbits=GZIP_WBITS) if accepts_gzip(self._scope) else _AsItIs()
        if not isinstance(packing, _AsItIs):
            headers.append((b"content-encoding", b"gzip"))
        await self._send({"type": "http.response.start", "status": 200, "headers": headers})
        gone = asyncio.ensure_future(self.client_leaves())
        try:
            await self._more(packing.compress(self._opening + chunk))
            while following and not (gone.done() and gone.result()):
                await self._more(packing.compress(following))
                following = await next_of(chunks)
            last = packing.compress(self._closing) + packing.flush()
            await self._send({"type": "http.response.body", "body": last})
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


def joined(parts: Iterator[bytes]) -> Iterator[bytes]:
    """The same bytes in chunks of limits.ANSWER_CHUNK_BYTES or somewhat more; only the last may be shorter."""
    gathered: list[bytes] = []
    length = 0
    for part in parts:
        gathered.append(part)
        length += len(part)
        if length >= limits.ANSWER_CHUNK_BYTES:
            yield b"".join(gathered)
            gathered, length = [], 0
    if gathered:
        yield b"".join(gathered)


class _AsItIs:
    """A compressor that does nothing."""

    def compress(self, data: bytes) -> bytes:
        return data

    def flush(self) -> bytes:
        return b""
