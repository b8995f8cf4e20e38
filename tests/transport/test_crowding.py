"""What thousands of connections send ahead of their answers is bounded: all of them hold off."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from smallhouse import House, running

from headrace import limits
from headrace.transport.bounds import Bounds
from headrace.transport.crowding import WaitingBytes

CLIENTS = 40


class Told:
    """A connection that notes what it is told."""

    def __init__(self) -> None:
        self.words: list[str] = []

    def hold_off(self) -> None:
        self.words.append("hold off")

    def read_on(self) -> None:
        self.words.append("read on")


def test_all_hold_off_until_half_of_it_is_free() -> None:
    told = Told()
    waiting = WaitingBytes(100, [told])
    waiting.change(100)
    assert (told.words, waiting.crowded) == ([], False)
    waiting.change(1)
    waiting.change(50)
    waiting.change(-100)
    assert (told.words, waiting.crowded) == (["hold off"], True)
    waiting.change(-1)
    assert (told.words, waiting.crowded) == (["hold off", "read on"], False)


async def within(seconds: float, holds: Callable[[], bool]) -> bool:
    async with asyncio.timeout(seconds):
        while not holds():  # noqa: ASYNC110 - what it waits for has no event
            await asyncio.sleep(0.01)
    return True


async def test_a_crowd_of_telnet_senders_is_held_off_and_loses_nothing() -> None:
    lines = b"put m 1 1 k=v\n" * 100_000
    async with running(Bounds(waiting_bytes_max=1_000_000)) as house:
        house.busy[0] = 1_000_000_000
        writers = [(await house.open())[1] for _ in range(CLIENTS)]
        half_a_line, _ = await begun(house, b"put half")
        sending = [asyncio.create_task(send(writer, lines)) for writer in writers]
        state = house.server._state
        assert await within(10, lambda: state.waiting.crowded)
        held_off_at = house.meter.bytes
        await asyncio.sleep(0.3)
        assert house.meter.bytes - held_off_at < 1_000_000, "those that had come are read, and no more"
        assert b"204" in await house.talk(b"GET /echo/put HTTP/1.1\r\nconnection: close\r\n\r\n"), "others are served"
        house.busy[0] = 0
        await asyncio.gather(*sending)
        assert await within(20, lambda: sum(map(len, house.blocks)) >= CLIENTS * len(lines))
        half_a_line.write(b" a line\n")
        assert await within(10, lambda: house.blocks[-1] == b"put half a line\n")
        assert b"".join(house.blocks).count(b"put m 1 1 k=v\n") == CLIENTS * 100_000
        for writer in [*writers, half_a_line]:
            writer.transport.abort()
        assert await within(10, lambda: state.waiting.in_use == 0)


async def begun(house: House, packet: bytes) -> tuple[asyncio.StreamWriter, asyncio.StreamReader]:
    reader, writer = await house.open()
    writer.write(packet)
    return writer, reader


async def send(writer: asyncio.StreamWriter, data: bytes) -> None:
    writer.transport.pause_reading()  # type: ignore[attr-defined]
    writer.write(data)
    await writer.drain()


async def test_what_waits_behind_a_request_is_counted_and_given_back() -> None:
    request = b"GET /echo/put HTTP/1.1\r\nx: %b\r\n\r\n" % (b"y" * 970)
    async with running() as house:
        writer, reader = await begun(house, b"GET /echo/wait HTTP/1.1\r\n\r\n" + request * 50)
        state = house.server._state
        assert await within(5, lambda: 50 * len(request) < state.waiting.in_use <= 50 * limits.WAITING_REQUEST_BYTES)
        house.release.set()
        answers = b""
        while answers.count(b"HTTP/1.1 204") < 50:
            answers += await asyncio.wait_for(reader.read(100_000), 10)
        assert state.waiting.in_use == 0
        writer.transport.abort()
