"""Telnet on a real socket: lines in order, none lost, whatever the packets, the load or the reader."""

from __future__ import annotations

import asyncio

import pytest
from smallhouse import EchoLines, House, running

from headrace.transport import Listener, Sender, lines_only
from headrace.transport.bounds import Bounds
from headrace.transport.server import Server


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
async def test_packets_never_change_the_answer(size: int) -> None:
    sent = b"put a 1 2 k=v\r\n" + b"x" * 64 + b"\n" + b"y" * 65 + b"\nput b\n\nversion\nbye\nafter\n"
    packets = [sent[i : i + size] for i in range(0, len(sent), size)]
    expected = b"put a 1 2 k=v\r\n" + b"x" * 64 + b"\ntoo long\nput b\n\nversion\nbye\n"
    async with running(Bounds(line_bytes_max=64)) as house:
        assert await house.talk(*packets) == expected


async def test_after_a_line_that_is_longer_than_all_that_is_held_reading_goes_on() -> None:
    async with running(Bounds(line_bytes_max=64, held_bytes_max=100)) as house:
        reader, writer = await house.open()
        writer.write(b"y" * 10_000)
        assert await asyncio.wait_for(reader.readline(), 10) == b"too long\n"
        writer.write(b"y" * 10_000 + b"\nversion\nbye\n")
        assert await asyncio.wait_for(reader.read(), 10) == b"version\nbye\n"
        writer.close()


async def test_lines_are_numbered_as_they_came_and_told_whose_they_are() -> None:
    sessions: list[tuple[Sender, EchoLines]] = []
    busy = [2]

    def session(sender: Sender) -> EchoLines:
        sessions.append((sender, EchoLines([], busy)))
        return sessions[-1][1]

    server = Server([lines_only("l", session)], [listener := Listener("127.0.0.1", 0, "l")], Bounds(line_bytes_max=8))
    [(_, port)] = await server.start()
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"a\n\nb\n" + b"y" * 20 + b"\nc\nbye\n")
    assert await asyncio.wait_for(reader.read(), 10) == b"a\n\nb\ntoo long\nc\nbye\n"
    writer.close()
    await server.stop(0.2)
    [(sender, echo)] = sessions
    assert sender == Sender("127.0.0.1", listener)
    assert echo.fed == [(1, 3), (1, 3), (1, 3), (4, 0), (5, 2)]


async def test_an_unfinished_last_line_is_no_line(house: House) -> None:
    assert await house.talk(b"put a 1 2 host=web01\nput a 1 2 host=web0") == b"put a 1 2 host=web01\n"
    assert b"".join(house.blocks) == b"put a 1 2 host=web01\n"


async def test_lines_of_a_client_that_has_gone_are_fed(house: House) -> None:
    _, writer = await house.open()
    writer.write(b"put last words\n")
    writer.close()
    await asyncio.sleep(0.1)
    assert house.blocks == [b"put last words\n"]
    assert house.server.connections == 0


async def test_overload_stops_reading_and_loses_nothing() -> None:
    async with running(Bounds(held_bytes_max=4096)) as house:
        house.busy[0] = 1_000_000_000
        reader, writer = await house.open()
        lines = [b"put m %d 1 k=v\n" % i for i in range(400_000)]
        sending = asyncio.create_task(send_all(writer, lines))
        await asyncio.sleep(0.5)
        assert not sending.done(), "a full server is felt as a full socket"
        assert house.blocks == []
        taken_before = house.meter.bytes
        house.busy[0] = 0
        received = await asyncio.wait_for(reader.readexactly(sum(map(len, lines))), 30)
        await sending
        writer.close()
        assert taken_before < 1024 * 1024
        assert received == b"".join(lines)
        assert b"".join(house.blocks) == b"".join(lines)


async def send_all(writer: asyncio.StreamWriter, lines: list[bytes]) -> None:
    for i in range(0, len(lines), 1000):
        writer.write(b"".join(lines[i : i + 1000]))
        await writer.drain()


async def test_a_client_that_never_reads_still_gets_its_points_in() -> None:
    """collectd's write_tsdb sends and never reads."""
    async with running(Bounds(unread_replies_s=0.2)) as house:
        _, writer = await house.open()
        writer.transport.pause_reading()  # type: ignore[attr-defined]
        lines = [b"put m %d 1 %s\n" % (i, b"k=v" * 20) for i in range(200_000)]
        await asyncio.wait_for(send_all(writer, lines), 20)
        for _ in range(500):
            await asyncio.sleep(0.02)
            if sum(map(len, house.blocks)) == sum(map(len, lines)):
                break
        assert b"".join(house.blocks) == b"".join(lines)
        assert house.meter.dropped > 0
        writer.transport.abort()


async def test_a_silent_telnet_connection_is_left_alone() -> None:
    async with running(Bounds(idle_timeout_s=0.1, tick_s=0.02)) as house:
        reader, writer = await house.open()
        writer.write(b"put 1\n")
        assert await reader.readline() == b"put 1\n"
        await asyncio.sleep(0.4)
        writer.write(b"put 2\n")
        assert await asyncio.wait_for(reader.readline(), 5) == b"put 2\n"
        writer.close()
