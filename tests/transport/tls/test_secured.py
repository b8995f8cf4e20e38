"""What goes over a secure connection, and how it ends."""

from __future__ import annotations

import asyncio
import socket
import ssl
from asyncio.subprocess import PIPE, STDOUT
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest
from certified import Authority, trusting
from secureline import SecureLine, secure_line
from smallhouse import House, running

from headrace.settings.pem import context_of
from headrace.transport import Listener
from headrace.transport.bounds import Bounds
from headrace.transport.tls.secured import Secured

KIB = 1024
LARGE = b"GET /echo/large HTTP/1.1\r\n\r\n"


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@asynccontextmanager
async def secure(authority: Authority, bounds: Bounds | None = None) -> AsyncIterator[House]:
    async with running(bounds, listeners=[Listener("127.0.0.1", 0, "echo", tls=authority.issue())]) as house:
        yield house


@asynccontextmanager
async def shaken(house: House, authority: Authority) -> AsyncIterator[SecureLine]:
    async with secure_line(house.ports[0], trusting(authority.root)) as line:
        await line.shake()
        await line.flush()
        yield line


def post(body: bytes) -> bytes:
    return b"POST /echo/a HTTP/1.1\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)


async def test_what_is_pipelined_is_answered_in_order(authority: Authority) -> None:
    async with secure(authority) as house, shaken(house, authority) as line:
        await line.say(b"".join(post(b"%d;" % number) for number in range(200)) + post(b"end"))
        heard = await line.hear(until=b"end")
        bodies = [part.partition(b"\r\n\r\n")[2] for part in heard.split(b"HTTP/1.1 200 OK\r\n")[1:]]
        assert bodies == [b"POST /echo/a %d;" % number for number in range(200)] + [b"POST /echo/a end"]


@pytest.mark.parametrize("size", [16 * KIB - 1, 16 * KIB, 16 * KIB + 1, 5_000_000])
async def test_bodies_and_answers_of_any_size_come_whole(authority: Authority, size: int) -> None:
    body = bytes(range(256)) * (size // 256) + b"x" * (size % 256)
    async with secure(authority) as house, shaken(house, authority) as line:
        saying = asyncio.create_task(line.say(post(body) + post(b"end of it")))
        heard = await line.hear(until=b"end of it")
        await saying
        assert b"\r\n\r\nPOST /echo/a " + body + b"HTTP/1.1" in heard


@pytest.mark.parametrize("says_goodbye", [True, False])
async def test_a_client_that_ends_its_side_gets_its_answer(authority: Authority, says_goodbye: bool) -> None:
    async with secure(authority) as house, shaken(house, authority) as line:
        await line.say(b"GET /echo/wait HTTP/1.1\r\n\r\n")
        await asyncio.sleep(0.05)
        if says_goodbye:
            line.writer.write(line.goodbye())
        line.writer.write_eof()
        await asyncio.sleep(0.05)
        house.release.set()
        assert (await line.reader.read(5))[:3] == b"\x17\x03\x03", "a record of data, and no alert"
        await line.reader.read()
        assert house.meter.answers == {("echo", 200): 1}


async def test_goodbye_alone_ends_the_connection(authority: Authority) -> None:
    async with secure(authority) as house, shaken(house, authority) as line:
        await line.say(b"put 1\n")
        assert await line.hear(until=b"\n") == b"put 1\n"
        line.writer.write(line.goodbye())
        await asyncio.wait_for(line.reader.read(), 5)
        assert house.server.connections == 0


async def test_the_last_answer_ends_with_a_goodbye(authority: Authority) -> None:
    """So that a client knows that nobody cut it off."""
    async with secure(authority) as house, shaken(house, authority) as line:
        await line.say(b"GET /echo/a HTTP/1.1\r\nConnection: close\r\n\r\n")
        assert (await line.hear()).endswith(b"GET /echo/a ")


async def test_bytes_that_nobody_sealed_end_the_connection_and_reach_nobody(authority: Authority) -> None:
    async with secure(authority) as house, shaken(house, authority) as line:
        await line.say(b"put 1\n")
        assert await line.hear(until=b"\n") == b"put 1\n"
        line.tls.write(b"put 2\n")
        sealed = bytearray(line.outgoing.read())
        sealed[-1] ^= 1
        line.writer.write(sealed)
        with pytest.raises(ssl.SSLError, match=r"(?i)alert"):
            await line.hear()
        assert house.blocks == [b"put 1\n"]
        assert house.server.connections == 0


async def test_a_small_post_goes_the_short_way(authority: Authority) -> None:
    async with secure(authority) as house, shaken(house, authority) as line:
        await line.say(b"POST /echo/small HTTP/1.1\r\nContent-Length: 2\r\n\r\nhi")
        await line.hear(until=b"POST /echo/small hi")
        assert house.small.turns == [[b"hi"]]


class Below(asyncio.Transport):
    """A socket that nobody reads from."""

    def __init__(self) -> None:
        super().__init__()
        self.written = 0
        self.aborted = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written += len(data)

    def is_closing(self) -> bool:
        return self.aborted

    def abort(self) -> None:
        self.aborted = True


@pytest.mark.parametrize("takes_nothing", [False, True])
def test_who_has_tls_talk_and_talk_is_cut_off(authority: Authority, takes_nothing: bool) -> None:
    """Python's ssl cannot ask for new keys, so that the answers to it are put where OpenSSL would put them."""
    incoming, outgoing, theirs, ours = (ssl.MemoryBIO() for _ in range(4))
    server = context_of(authority.issue()).wrap_bio(incoming, outgoing, server_side=True)
    client = trusting(authority.root).wrap_bio(theirs, ours, server_hostname="127.0.0.1")
    for _ in range(3):
        for side in (client, server):
            with suppress(ssl.SSLWantReadError):
                side.do_handshake()
            incoming.write(ours.read())
            theirs.write(outgoing.read())
    below = Below()
    secured = Secured(below, server, incoming, outgoing, asyncio.Protocol())
    if takes_nothing:
        secured.pause_writing()
    for _ in range(100):
        outgoing.write(b"k" * 27)
        client.write(b"put 1\n")
        secured.data_received(ours.read())
    assert below.aborted == takes_nothing, "who sends something in between, and reads, lives"
    for _ in range(100):
        outgoing.write(b"k" * 27)
        secured.data_received(b"")
    assert below.aborted
    assert below.written <= (100 * 27 if not takes_nothing else 0) + 1024


@pytest.mark.peer("openssl")
@pytest.mark.parametrize(("keys", "lives"), [(10, True), (60, False)])
async def test_new_keys_may_be_asked_for_and_not_for_ever(authority: Authority, keys: int, lives: bool) -> None:
    async with secure(authority) as house:
        command = ["openssl", "s_client", "-tls1_3", "-connect", f"127.0.0.1:{house.ports[0]}"]
        client = await asyncio.create_subprocess_exec(*command, stdin=PIPE, stdout=PIPE, stderr=STDOUT)
        assert client.stdin is not None
        await asyncio.sleep(0.3)
        for _ in range(keys):
            with suppress(OSError, RuntimeError):  # it has ended
                client.stdin.write(b"K\n")
            await asyncio.sleep(0.01)
        with suppress(OSError, RuntimeError):
            client.stdin.write(b"put 1\n")
        await asyncio.sleep(0.3)
        with suppress(OSError, RuntimeError):
            client.stdin.write(b"Q\n")
        said, _ = await asyncio.wait_for(client.communicate(), 10)
        assert said.count(b"KEYUPDATE") >= min(keys, 30)
        assert house.blocks == ([b"put 1\n"] if lives else [])


@asynccontextmanager
async def asking(house: House, authority: Authority) -> AsyncIterator[ssl.SSLSocket]:
    """A client with little room for what it does not read, that has asked for a large answer."""
    with socket.socket() as bare:
        bare.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 * KIB)
        bare.settimeout(20)

        def connect() -> ssl.SSLSocket:
            bare.connect(("127.0.0.1", house.ports[0]))
            line = trusting(authority.root).wrap_socket(bare, server_hostname="127.0.0.1")
            line.sendall(LARGE)
            return line

        with await asyncio.to_thread(connect) as line:
            yield line


async def reads(line: ssl.SSLSocket, size: int) -> int:
    """So many bytes fifty times a second, until the connection ends; how many they were."""
    taken = 0
    with suppress(ConnectionResetError, ssl.SSLError, ValueError):
        while part := await asyncio.to_thread(line.recv, size):
            taken += len(part)
            await asyncio.sleep(0.02)
    return taken


async def test_who_trickles_is_cut_and_who_reads_slowly_is_not(authority: Authority) -> None:
    bounds = Bounds(slow_reader_s=0.7, answer_bytes_min=16 * KIB, tick_s=0.02)
    async with secure(authority, bounds) as house, asking(house, authority) as slow, asking(house, authority) as tiny:
        reading = asyncio.create_task(reads(slow, 16 * KIB))
        # What had come before its cut is there to be opened.
        assert await asyncio.wait_for(reads(tiny, 100), 20) < 1_000_000
        assert house.server.connections == 1
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)


async def test_of_too_much_that_waits_the_slowest_are_cut(authority: Authority) -> None:
    bounds = Bounds(unread_bytes_max=40_000_000, tick_s=0.2)
    async with secure(authority, bounds) as house, asking(house, authority) as one:
        reading = asyncio.create_task(reads(one, 16 * KIB))
        await asyncio.sleep(0.3)
        async with asking(house, authority) as other:
            await asyncio.wait_for(reads(other, 100), 20)
            assert house.server.connections == 1
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)
