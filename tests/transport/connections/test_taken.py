"""How much of an answer its client has taken, and what becomes of those who take too little."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

import pytest
from smallhouse import House, running

from headrace.transport.bounds import Bounds

KIB = 1024
ASKS = b"GET /echo/large HTTP/1.1\r\n\r\n"


@asynccontextmanager
async def asking(house: House, asks: bytes = ASKS, room: int = 4 * KIB) -> AsyncIterator[socket.socket]:
    """A client with little room for what it does not read."""
    with socket.socket() as line:
        line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, room)
        line.setblocking(False)
        loop = asyncio.get_running_loop()
        await loop.sock_connect(line, ("127.0.0.1", house.ports[0]))
        await loop.sock_sendall(line, asks)
        yield line


async def within(seconds: float, holds: Callable[[], bool]) -> bool:
    for _ in range(int(seconds * 50)):
        if holds():
            return True
        await asyncio.sleep(0.02)
    return False


async def reads(line: socket.socket, size: int) -> None:
    """So many bytes fifty times a second, until the connection ends."""
    loop = asyncio.get_running_loop()
    with suppress(ConnectionResetError):
        part = b"?"
        while part:
            part = await loop.sock_recv(line, size)
            await asyncio.sleep(0.02)


async def test_who_trickles_is_cut_and_who_reads_slowly_is_not() -> None:
    bounds = Bounds(slow_reader_s=0.5, answer_bytes_min=8 * KIB, tick_s=0.02)
    async with running(bounds) as house, asking(house) as slow, asking(house) as trickling:
        reading = asyncio.create_task(reads(slow, 4 * KIB))
        await asyncio.wait_for(reads(trickling, 100), 20)
        assert house.server.connections == 1
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)


async def test_of_too_much_that_waits_the_slowest_are_cut() -> None:
    async with running(Bounds(unread_bytes_max=40_000_000, tick_s=0.2)) as house, asking(house, room=64 * KIB) as one:
        reading = asyncio.create_task(reads(one, 64 * KIB))
        await asyncio.sleep(0.3)
        async with asking(house) as other:
            await asyncio.wait_for(reads(other, 100), 20)
            assert house.server.connections == 1
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)


async def test_of_little_that_waits_nobody_is_cut() -> None:
    async with running(Bounds(tick_s=0.02)) as house, asking(house):
        assert not await within(0.5, lambda: house.server.connections == 0)


@pytest.mark.parametrize("closing", [b"", b"Connection: close\r\n"])
async def test_the_end_of_an_answer_waits_for_a_slow_reader(closing: bytes) -> None:
    asks = b"GET /echo/large HTTP/1.1\r\n" + closing + b"\r\n"
    bounds = Bounds(slow_reader_s=5, answer_bytes_min=8 * KIB, linger_s=0.1, tick_s=0.02)
    async with running(bounds) as house, asking(house, asks) as line:
        await asyncio.sleep(0.3)
        assert house.server.connections == 1
        await asyncio.wait_for(_whole(line), 20)


async def _whole(line: socket.socket) -> None:
    loop, taken = asyncio.get_running_loop(), 0
    while taken < 32_000_000 and (part := await loop.sock_recv(line, 256 * KIB)):
        taken += len(part)
    assert taken >= 32_000_000
