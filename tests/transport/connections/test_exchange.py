"""What an application may ask of `receive` and `send`."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct

import pytest
from smallhouse import refuse
from starlette.types import Receive, Scope, Send

from headrace.transport import Listener, Room
from headrace.transport.bounds import Bounds
from headrace.transport.connections.exchange import decode_path
from headrace.transport.server import Server


@pytest.mark.parametrize(
    ("raw", "path"),
    [
        (b"/a/b", "/a/b"),
        (b"/a%2Fb", "/a/b"),
        (b"/a%252Fb", "/a%2Fb"),
        (b"/%E6%B8%A9", "/温"),
        (b"/%ff", "/\ufffd"),
        (b"/%zz", "/%zz"),
    ],
)
def test_a_path_is_decoded_once(raw: bytes, path: str) -> None:
    assert decode_path(raw) == path


async def ask(app: object, sent: bytes, close: bool = False) -> bytes:
    server = Server([Room("r", ("/",), app, refuse)], [Listener("127.0.0.1", 0, None)])  # type: ignore[arg-type]
    [(_, port)] = await server.start()
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(sent)
    if close:
        await asyncio.sleep(0.05)
        reset = struct.pack("ii", 1, 0)
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, reset)
        writer.transport.abort()
        answer = b""
    else:
        answer = await asyncio.wait_for(reader.read(100_000_000), 5)
        writer.close()
    await asyncio.sleep(0.05)
    await server.stop(0.2)
    return answer


async def test_receive_tells_that_the_client_has_gone() -> None:
    seen: list[str] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append((await receive())["type"])
        seen.append((await receive())["type"])
        await send({"type": "http.response.start", "status": 200, "headers": []})

    await ask(app, b"GET / HTTP/1.1\r\n\r\n", close=True)
    assert seen == ["http.request", "http.disconnect"]


@pytest.mark.parametrize("waits", [True, False])
async def test_a_client_that_ended_its_side_is_doubted_after_a_while_and_answered(waits: bool) -> None:
    seen: list[str] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append((await receive())["type"])
        with contextlib.suppress(TimeoutError):
            seen.append((await asyncio.wait_for(receive(), 5 if waits else 0.05))["type"])
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"still here"})

    bounds = Bounds(half_closed_s=0.2, tick_s=0.02)
    server = Server([Room("r", ("/",), app, refuse)], [Listener("127.0.0.1", 0, None)], bounds=bounds)
    [(_, port)] = await server.start()
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET / HTTP/1.1\r\n\r\n")
    writer.write_eof()
    answer = await asyncio.wait_for(reader.read(), 5)
    writer.close()
    await server.stop(0.2)
    assert answer.endswith(b"\r\n\r\nstill here")
    assert seen == ["http.request", "http.disconnect"][: 2 if waits else 1]


@pytest.mark.parametrize("bodies", [[b"too long"], [b"x"], [b"abc", b"d"]])
async def test_a_body_that_misses_its_announced_length_never_looks_whole(bodies: list[bytes]) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"3")]})
        for i, body in enumerate(bodies):
            await send({"type": "http.response.body", "body": body, "more_body": i < len(bodies) - 1})

    try:
        answer = await ask(app, b"GET / HTTP/1.1\r\n\r\n")
    except ConnectionError:
        answer = b""
    assert b"too long" not in answer
    assert b"abcd" not in answer


async def test_an_app_that_answers_nothing_ends_the_connection() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        return

    with contextlib.suppress(ConnectionError):
        assert await ask(app, b"GET / HTTP/1.1\r\n\r\n") == b""
