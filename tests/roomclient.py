"""Requests to a router or an app as the transport would bring them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from starlette.types import ASGIApp, Message

from headrace.transport.connections.exchange import decode_path


class Answered(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def as_bytes(body: Any) -> bytes:
    """A body that is neither text nor bytes as JSON."""
    return body if isinstance(body, bytes) else (body if isinstance(body, str) else json.dumps(body)).encode()


async def ask(app: ASGIApp, method: str, target: str, body: bytes, headers: Mapping[str, str]) -> Answered:
    raw_path, _, query = target.encode().partition(b"?")
    scope = {
        "type": "http",
        "method": method,
        "path": decode_path(raw_path),
        "raw_path": raw_path,
        "query_string": query,
        "client": ("192.0.2.7", 4711),
        "headers": [(name.lower().encode(), value.encode()) for name, value in headers.items()],
    }
    unread = [body]
    messages: list[Message] = []

    async def receive() -> Message:
        if unread:
            return {"type": "http.request", "body": unread.pop(), "more_body": False}
        await asyncio.Event().wait()  # until it is cancelled: the client stays
        raise AssertionError

    async def send(message: Message) -> None:
        messages.append(dict(message))

    await app(scope, receive, send)
    start, *rest = messages
    answered = {name.decode(): value.decode() for name, value in start["headers"]}
    return Answered(start["status"], answered, b"".join(part.get("body", b"") for part in rest))
