"""Several listeners of one server, each with rooms, telnet and HTTP of its own."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest
from smallhouse import House, running

from headrace.transport import Listener

ALL, ECHO, OTHER, LINES, NONE = range(5)

LISTENERS = [
    Listener("127.0.0.1", 0, "echo"),
    Listener("127.0.0.1", 0, None, rooms=frozenset({"echo"})),
    Listener("127.0.0.1", 0, "other", rooms=frozenset({"other"})),
    Listener("127.0.0.1", 0, "echo", http=False, rooms=frozenset({"echo"})),
    Listener("127.0.0.1", 0, None, rooms=frozenset()),
]


@pytest.fixture
async def house() -> AsyncIterator[House]:
    async with running(listeners=LISTENERS) as made:
        yield made


def get(path: bytes) -> bytes:
    return b"GET %b HTTP/1.1\r\n\r\n" % path


SMALL = b"POST /echo/small HTTP/1.1\r\nContent-Length: 2\r\n\r\nhi"


@pytest.mark.parametrize(
    ("port", "request_", "status", "says"),
    [
        (ALL, get(b"/echo/a"), b"200", b"GET /echo/a "),
        (ALL, get(b"/echo/other"), b"200", b"other"),
        (ALL, SMALL, b"200", b"POST /echo/small hi"),
        (ECHO, get(b"/echo/a"), b"200", b"GET /echo/a "),
        (ECHO, SMALL, b"200", b"POST /echo/small hi"),
        (OTHER, get(b"/echo/other"), b"200", b"other"),
        (OTHER, get(b"/echo/a"), b"404", b"nothing is at /echo/a"),
        (OTHER, get(b"/ECHO/a"), b"404", b"nothing is at /ECHO/a"),
        (OTHER, get(b"/%65cho/a"), b"404", b"nothing is at /echo/a"),
        (OTHER, get(b"//echo/a"), b"404", b"nothing is at //echo/a"),
        (OTHER, SMALL, b"404", b"nothing is at /echo/small"),
        (NONE, get(b"/"), b"404", b"nothing is at /"),
    ],
)
async def test_what_a_listener_does_not_have_is_a_404_there(
    house: House, port: int, request_: bytes, status: bytes, says: bytes
) -> None:
    answer = await house.talk(request_, port=port)
    assert answer.startswith(b"HTTP/1.1 " + status)
    assert says in answer


async def test_a_small_post_goes_no_short_way_into_a_room_that_is_not_there(house: House) -> None:
    # The same head was good elsewhere, and is known.
    assert b"200" in await house.talk(SMALL, port=ALL)
    assert b"404" in await house.talk(SMALL, port=OTHER)
    assert sum(len(turn) for turn in house.small.turns) == 1


async def test_small_posts_of_several_listeners_are_gathered_together(house: House) -> None:
    opened = [await house.open(port) for port in (ALL, ECHO, ALL)]
    await asyncio.sleep(0.05)
    for _, writer in opened:
        writer.write(SMALL)
    for reader, writer in opened:
        await reader.readuntil(b"POST /echo/small hi")
        writer.close()
    assert len(house.small.turns) < 3


@pytest.mark.parametrize(
    ("port", "line", "heard"),
    [
        (ALL, b"put\n", b"put\n"),
        (ALL, b"own\n", b"other own\n"),
        (OTHER, b"put\n", b"other put\n"),
        (LINES, b"GET / HTTP/1.1\n", b"GET / HTTP/1.1\n"),
        (LINES, b"own\n", b"own\n"),
    ],
)
async def test_each_has_the_telnet_of_its_own_rooms(house: House, port: int, line: bytes, heard: bytes) -> None:
    assert await house.talk(line, port=port) == heard


@pytest.mark.parametrize("port", [ECHO, NONE])
async def test_where_telnet_is_off_its_connections_are_closed(house: House, port: int) -> None:
    with contextlib.suppress(ConnectionError):
        assert await house.talk(b"put\n", eof=False, port=port) == b""
    assert not house.blocks


async def test_a_request_knows_its_listener(house: House) -> None:
    assert b"('http', '127.0.0.1:0', None)" in await house.talk(get(b"/echo/scope"))
