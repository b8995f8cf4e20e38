"""Starting, stopping, ports."""

from __future__ import annotations

import asyncio
import contextlib
import socket

import pytest
from smallhouse import EchoLines, refuse, reply, running
from starlette.types import Receive, Scope, Send

from headrace.transport import Listener, Room, lines_only
from headrace.transport.bounds import Bounds
from headrace.transport.server import CannotListen, Server

GET = b"GET /echo/a HTTP/1.1\r\n\r\n"


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    await reply(send, 200, b"here")


async def test_two_ports_serve_alike() -> None:
    async with running(ports=2) as house:
        assert len(set(house.ports)) == 2
        for port in (0, 1):
            assert (await house.talk(GET, port=port)).endswith(b"GET /echo/a ")
            assert await house.talk(b"put\n", port=port) == b"put\n"


async def test_a_taken_port_is_named_and_no_other_stays_open() -> None:
    with socket.socket() as taken, socket.socket() as probe:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        probe.bind(("127.0.0.1", 0))
        free = probe.getsockname()[1]
        probe.close()
        rooms = [Room("r", ("/",), app, refuse)]
        server = Server(rooms, [Listener("127.0.0.1", free, None), Listener("127.0.0.1", port, None)])
        with pytest.raises(CannotListen, match=rf"cannot listen on 127\.0\.0\.1:{port}: Address already in use"):
            await server.start()
        await asyncio.sleep(0.02)
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", free)


async def test_a_port_can_be_taken_again_at_once() -> None:
    rooms = [Room("r", ("/",), app, refuse)]
    port = 0
    for _ in range(3):
        server = Server(rooms, [Listener("127.0.0.1", port, None)])
        [(_, port)] = await server.start()
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET / HTTP/1.1\r\n\r\n")
        await reader.readuntil(b"here")
        await server.stop(0.2)
        writer.close()


def test_a_listener_names_a_room_with_telnet() -> None:
    with pytest.raises(ValueError, match="no telnet in a room r"):
        Server([Room("r", ("/",), app, refuse)], [Listener("127.0.0.1", 0, "r")])


def test_a_listener_speaks_something() -> None:
    with pytest.raises(ValueError, match="port 2003 speaks neither HTTP nor telnet"):
        Server([Room("r", ("/",), app, refuse)], [Listener("127.0.0.1", 2003, None, http=False)])


async def test_a_room_of_lines_alone_is_on_its_own_listener() -> None:
    blocks: list[bytes] = []
    rooms = [Room("r", ("/",), app, refuse), lines_only("l", lambda sender: EchoLines(blocks, []))]
    server = Server(rooms, [Listener("127.0.0.1", 0, None), Listener("127.0.0.1", 0, "l", http=False)])
    (_, http_port), (_, lines_port) = await server.start()
    for port, said, heard in ((http_port, b"GET / HTTP/1.1\r\n\r\n", b"here"), (lines_port, b"GET /\n", b"GET /\n")):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(said)
        assert (await asyncio.wait_for(reader.readuntil(heard), 5)).endswith(heard)
        writer.close()
    await server.stop(0.2)
    assert blocks == [b"GET /\n"]


async def test_without_telnet_its_connections_are_closed() -> None:
    server = Server([Room("r", ("/",), app, refuse)], [Listener("127.0.0.1", 0, None)])
    [(_, port)] = await server.start()
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"put\n")
    with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
        await asyncio.wait_for(reader.readexactly(1), 5)
    writer.close()
    await server.stop(0.1)


async def test_stopping_finishes_what_is_in_flight() -> None:
    async with running() as house:
        idle_reader, idle_writer = await house.open()
        idle_writer.write(GET)
        await idle_reader.readuntil(b"GET /echo/a ")
        reader, writer = await house.open()
        writer.write(b"GET /echo/wait HTTP/1.1\r\n\r\n")
        half_reader, half_writer = await house.open()
        half_writer.write(b"POST /echo/b HTTP/1.1\r\nContent-Length: 5\r\n\r\nhe")
        lines_reader, lines_writer = await house.open()
        house.busy[0] = 1_000_000_000
        lines_writer.write(b"put 1\nput 2\n")
        await asyncio.sleep(0.05)

        stopping = asyncio.create_task(house.server.stop(5))
        assert await asyncio.wait_for(idle_reader.read(), 5) == b""
        with pytest.raises(ConnectionRefusedError):
            await house.open()
        half_writer.write(b"llo")
        house.release.set()
        house.busy[0] = 0
        answers = [await asyncio.wait_for(one.read(), 5) for one in (reader, half_reader, lines_reader)]
        assert answers[0].endswith(b"GET /echo/wait ")
        assert b"connection: close\r\n" in answers[0]
        assert answers[1].endswith(b"POST /echo/b hello")
        assert answers[2] == b"put 1\nput 2\n"
        for one in (writer, half_writer, lines_writer, idle_writer):
            one.close()
        await asyncio.wait_for(stopping, 5)


async def test_stopping_cuts_what_does_not_finish() -> None:
    async with running(Bounds()) as house:
        reader, writer = await house.open()
        writer.write(b"GET /echo/wait HTTP/1.1\r\n\r\n")
        await asyncio.sleep(0.05)
        began = asyncio.get_running_loop().time()
        await house.server.stop(0.2)
        assert asyncio.get_running_loop().time() - began < 1
        with contextlib.suppress(ConnectionError):
            assert await asyncio.wait_for(reader.read(), 5) == b""
        writer.close()
        assert house.server.connections == 0


@pytest.mark.parametrize(
    ("listener", "why"),
    [
        (Listener("127.0.0.1", 0, None, rooms=frozenset({"r", "s"})), "there is no room s"),
        (Listener("127.0.0.1", 0, "l", rooms=frozenset({"r"})), "no telnet in a room l"),
    ],
)
def test_a_listener_has_rooms_that_are_there(listener: Listener, why: str) -> None:
    rooms = [Room("r", ("/",), app, refuse), lines_only("l", lambda sender: EchoLines([], []))]
    with pytest.raises(ValueError, match=why):
        Server(rooms, [listener])


@pytest.mark.parametrize(
    ("host", "shown"), [("127.0.0.1", "127.0.0.1:4242"), ("::1", "[::1]:4242"), ("localhost", "localhost:4242")]
)
def test_a_listener_is_named_as_operators_write_it(host: str, shown: str) -> None:
    assert str(Listener(host, 4242, None)) == shown
