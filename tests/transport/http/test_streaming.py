"""Answers as a client gets them: what stands around the body, gzip, chunks, and a client that goes away."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import Iterator

from starlette.types import Message

from headrace import limits
from headrace.transport.http.streaming import Reply, joined

LONG = b"a" * limits.ANSWER_CHUNK_BYTES
HEADERS = [(b"content-type", b"application/json")]


class Client:
    """Takes what is sent; leaves when told so."""

    def __init__(self, *accepts: bytes) -> None:
        self.scope = {"type": "http", "headers": [(b"accept-encoding", coding) for coding in accepts]}
        self.sent: list[Message] = []
        self.left = asyncio.Event()

    async def receive(self) -> Message:
        await self.left.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        self.sent.append(dict(message))

    def reply(self, opening: bytes = b"", closing: bytes = b"") -> Reply:
        return Reply(self.scope, self.receive, self.send, HEADERS, opening, closing)

    def body(self) -> bytes:
        return b"".join(message.get("body", b"") for message in self.sent)


async def next_of(chunks: Iterator[bytes]) -> bytes:
    await asyncio.sleep(0)
    return next(chunks, b"")


async def test_short_answers_are_sent_as_they_are() -> None:
    client = Client(b"gzip")
    await client.reply(b"f(", b")").whole(b"1")
    assert client.body() == b"f(1)"
    assert client.sent[0]["headers"] == HEADERS


async def test_an_answer_of_one_chunk_is_whole() -> None:
    client = Client()
    await client.reply().stream((b"all", iter(())), next_of)
    assert [message["type"] for message in client.sent] == ["http.response.start", "http.response.body"]


async def test_chunks_make_one_gzip_member() -> None:
    client = Client(b"gzip")
    await client.reply(b"<", b">").stream((LONG, iter([b"b" * 5000, b"c"])), next_of)
    assert (b"content-encoding", b"gzip") in client.sent[0]["headers"]
    assert gzip.decompress(client.body()) == b"<" + LONG + b"b" * 5000 + b"c>"
    assert not client.sent[-1].get("more_body", False)


async def test_no_more_chunks_are_made_for_a_client_that_has_gone() -> None:
    client = Client()
    made = 0

    def endless() -> Iterator[bytes]:
        nonlocal made
        while True:
            made += 1
            if made == 3:
                client.left.set()
            yield b"x"

    await client.reply().stream((LONG, endless()), next_of)
    assert made < 10


def test_joined() -> None:
    parts = [b"x" * (limits.ANSWER_CHUNK_BYTES - 1), b"y", b"z"]
    assert [len(chunk) for chunk in joined(iter(parts))] == [limits.ANSWER_CHUNK_BYTES, 1]
    assert list(joined(iter(()))) == []
