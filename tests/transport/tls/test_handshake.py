"""Who comes through a handshake, who does not, and what it costs us."""

from __future__ import annotations

import asyncio
import ssl
import time
import warnings
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
from certified import Authority, trusting
from secureline import secure_line
from smallhouse import House, running

from headrace.settings.pem import PemFiles
from headrace.transport import LineReply, Listener, OtherCommands, Sender, lines_only
from headrace.transport.bounds import Bounds
from headrace.transport.server import Server

SCOPE = b"GET /echo/scope HTTP/1.1\r\n\r\n"


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@pytest.fixture
def stranger(tmp_path: Path) -> Authority:
    return Authority(tmp_path, "stranger")


def behind(files: PemFiles) -> list[Listener]:
    return [
        Listener("127.0.0.1", 0, "echo", tls=files),
        Listener("127.0.0.1", 0, "echo"),
        Listener("127.0.0.1", 0, None),
    ]


async def soon(holds: Callable[[], bool]) -> bool:
    for _ in range(250):
        if holds():
            return True
        await asyncio.sleep(0.02)
    return False


async def ask(house: House, context: ssl.SSLContext, sent: bytes = SCOPE, until: bytes = b")") -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", house.ports[0], ssl=context)
    writer.write(sent)
    try:
        return await asyncio.wait_for(reader.readuntil(until), 5)
    finally:
        writer.transport.abort()


async def plainly(house: House, sent: bytes, port: int = 0) -> bytes:
    """What who speaks no TLS, or something like it, hears until the end."""
    reader, writer = await asyncio.open_connection("127.0.0.1", house.ports[port])
    writer.write(sent)
    try:
        return await asyncio.wait_for(reader.read(), 5)
    except ConnectionResetError:
        return b""
    finally:
        writer.close()


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_http_and_telnet_come_through(authority: Authority, version: ssl.TLSVersion) -> None:
    async with running(listeners=behind(authority.issue())) as house:
        context = trusting(authority.root)
        context.minimum_version = context.maximum_version = version
        assert b"('https', '127.0.0.1:0', None)" in await ask(house, context)
        assert await ask(house, context, b"put 1\n", b"\n") == b"put 1\n"
        assert not house.meter.failed


async def test_tls_1_1_does_not(authority: Authority) -> None:
    async with running(listeners=behind(authority.issue())) as house:
        context = trusting(authority.root)
        context.set_ciphers("ALL:@SECLEVEL=0")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
        with pytest.raises(ssl.SSLError, match=r"(?i)protocol version"):
            await ask(house, context)
        assert house.meter.failed == {"version": 1}


@pytest.mark.parametrize("at_a_time", [1, 7, 1_000_000])
async def test_packets_do_not_matter(authority: Authority, at_a_time: int) -> None:
    async with (
        running(listeners=behind(authority.issue())) as house,
        secure_line(house.ports[0], trusting(authority.root)) as line,
    ):
        await line.shake(at_a_time)
        # Our last word of the handshake and a request in one packet.
        await line.say(SCOPE)
        assert b"('https'" in await line.hear(until=b")")


async def test_a_client_that_trusts_somebody_else_leaves(authority: Authority, stranger: Authority) -> None:
    async with running(listeners=behind(authority.issue())) as house:
        async with secure_line(house.ports[0], trusting(stranger.root)) as line:
            with pytest.raises(ssl.SSLCertVerificationError):
                await line.shake()
            await line.flush()
            assert await soon(lambda: house.meter.failed == {"refused-by-client": 1})
        assert b"https" in await ask(house, trusting(authority.root))


async def test_a_certificate_that_has_expired_is_for_the_client_to_refuse(authority: Authority) -> None:
    async with running(listeners=behind(authority.issue(expired=True))) as house:
        with pytest.raises(ssl.SSLCertVerificationError, match="expired"):
            await ask(house, trusting(authority.root))
        [(expires_s, _)] = house.meter.certificates.values()
        assert expires_s < time.time()


async def test_only_clients_with_a_certificate_come_in_where_that_is_asked(
    authority: Authority, stranger: Authority
) -> None:
    files = replace(authority.issue(), client_ca=authority.root)
    async with running(listeners=behind(files)) as house:
        agent = authority.issue("agent", common_name="agent-7")
        assert b"('https', '127.0.0.1:0', 'agent-7')" in await ask(house, trusting(authority.root, agent))
        nameless = authority.issue("nameless")
        assert b"('https', '127.0.0.1:0', None)" in await ask(house, trusting(authority.root, nameless))
        expired = authority.issue("expired", expired=True, common_name="agent-7")
        for own in (None, expired, stranger.issue("stranger", common_name="agent-7")):
            with pytest.raises((ssl.SSLError, ConnectionError, asyncio.IncompleteReadError)):
                await ask(house, trusting(authority.root, own))
        assert house.meter.failed == {"no-client-certificate": 1, "client-certificate": 2}
        assert house.meter.answers == {("echo", 200): 2}


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_a_session_that_is_resumed_has_its_certificate(authority: Authority, version: ssl.TLSVersion) -> None:
    files = replace(authority.issue(), client_ca=authority.root)
    context = trusting(authority.root, authority.issue("agent", common_name="agent-7"))
    context.minimum_version = context.maximum_version = version
    async with running(listeners=behind(files)) as house:
        async with secure_line(house.ports[0], context) as line:
            await line.shake()
            await line.say(SCOPE)
            assert b"agent-7" in await line.hear(until=b")")
            session = line.tls.session
        async with secure_line(house.ports[0], context) as line:
            line.tls.session = session
            await line.shake()
            assert line.tls.session_reused
            await line.say(SCOPE)
            assert b"agent-7" in await line.hear(until=b")")


async def test_a_telnet_session_knows_its_listener_and_certificate(authority: Authority) -> None:
    senders: list[Sender] = []

    class Lines:
        async def feed(self, block: bytes, first_line: int, others: OtherCommands | None = None) -> LineReply:
            return LineReply(block, close=True)

        def line_too_long(self, line: int) -> LineReply:
            return LineReply()

    def session(sender: Sender) -> Lines:
        senders.append(sender)
        return Lines()

    files = replace(authority.issue(), client_ca=authority.root)
    listener = Listener("127.0.0.1", 0, "lines", http=False, tls=files)
    server = Server([lines_only("lines", session)], [listener])
    [(_, port)] = await server.start()
    context = trusting(authority.root, authority.issue("agent", common_name="agent-7"))
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context)
    writer.write(b"put 1\n")
    assert await asyncio.wait_for(reader.read(), 5) == b"put 1\n"
    writer.close()
    await server.stop(0.2)
    assert senders == [Sender("127.0.0.1", listener, "agent-7")]


async def test_plain_http_is_told_what_this_port_speaks(authority: Authority) -> None:
    async with running(listeners=behind(authority.issue())) as house:
        head, _, body = (await plainly(house, b"GET /health HTTP/1.1\r\n\r\n")).partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 400 ")
        assert b"content-length: %d\r\n" % len(body) in head
        assert b"https://" in body
        assert house.meter.failed == {"no-tls": 1}


@pytest.mark.parametrize("sent", [b"put a 1 1 k=v\n", b"\0" * 100, b"\x16\x03\x01" + b"a" * 60, b"\x80" * 300_000])
async def test_other_bytes_end_the_connection(authority: Authority, sent: bytes) -> None:
    async with running(listeners=behind(authority.issue())) as house:
        assert b"HTTP" not in await plainly(house, sent)
        assert await soon(lambda: house.meter.failed == {"no-tls": 1})
        assert not house.blocks
        assert house.server.connections == 0


@pytest.mark.parametrize("port", [1, 2])
async def test_tls_to_a_listener_without_ends_at_once(authority: Authority, port: int) -> None:
    async with running(listeners=behind(authority.issue())) as house:
        began = time.monotonic()
        with pytest.raises((ssl.SSLError, ConnectionError)):
            await asyncio.open_connection("127.0.0.1", house.ports[port], ssl=trusting(authority.root))
        assert time.monotonic() - began < 2
        assert house.meter.failed == {"plain-listener": 1}
        assert not house.blocks


@pytest.mark.parametrize("share", [0, 0.5])
async def test_a_handshake_that_never_ends_is_ended(authority: Authority, share: float) -> None:
    bounds = Bounds(handshake_timeout_s=0.3, tick_s=0.02)
    async with running(bounds, listeners=behind(authority.issue())) as house:
        outgoing = ssl.MemoryBIO()
        hello = trusting(authority.root).wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname="127.0.0.1")
        with pytest.raises(ssl.SSLWantReadError):
            hello.do_handshake()
        sent = outgoing.read()
        began = time.monotonic()
        assert await plainly(house, sent[: round(len(sent) * share)]) == b""
        assert 0.25 < time.monotonic() - began < 2
        assert await soon(lambda: house.server.connections == 0)
        assert house.meter.failed == ({"timeout": 1} if share else {})


async def test_who_leaves_is_counted_once_he_has_said_a_word(authority: Authority) -> None:
    async with running(listeners=behind(authority.issue())) as house:
        for sent in (b"", b"\x16\x03\x01"):
            _, writer = await asyncio.open_connection("127.0.0.1", house.ports[0])
            writer.write(sent)
            await asyncio.sleep(0.05)
            writer.close()
        assert await soon(lambda: house.server.connections == 0)
        assert house.meter.failed == {"left": 1}


async def test_handshakes_are_connections_and_make_room_before_who_asks(authority: Authority) -> None:
    async with running(Bounds(connections_max=3, tick_s=100), listeners=behind(authority.issue())) as house:
        context = trusting(authority.root)
        reader, writer = await asyncio.open_connection("127.0.0.1", house.ports[0], ssl=context)
        silent = []
        for _ in range(20):
            writer.write(SCOPE)
            await asyncio.wait_for(reader.readuntil(b")"), 5)
            silent.append(await asyncio.open_connection("127.0.0.1", house.ports[0]))
            await asyncio.sleep(0.01)
        assert house.server.connections == 3
        assert sum(not stranger.at_eof() for stranger, _ in silent) == 2
        for _, open_writer in ((reader, writer), *silent):
            open_writer.transport.abort()


async def test_a_stop_ends_handshakes(authority: Authority) -> None:
    async with running(listeners=behind(authority.issue())) as house:
        reader, writer = await asyncio.open_connection("127.0.0.1", house.ports[0])
        writer.write(b"\x16\x03\x01")
        await asyncio.sleep(0.05)
        began = time.monotonic()
        await house.server.stop(5)
        assert time.monotonic() - began < 2
        assert await asyncio.wait_for(reader.read(), 5) == b""
        assert not house.meter.failed
        writer.close()


async def test_who_opens_and_says_nothing_keeps_nobody_out(authority: Authority) -> None:
    bounds = Bounds(handshakes_per_address_max=3)
    async with running(bounds, listeners=behind(authority.issue())) as house:
        silent = [await asyncio.open_connection("127.0.0.1", house.ports[0]) for _ in range(6)]
        for reader, _ in silent[:3]:
            with suppress(ConnectionResetError):
                assert await asyncio.wait_for(reader.read(), 5) == b""
        assert house.meter.failed == {"crowded": 3}
        assert b"https" in await ask(house, trusting(authority.root))
        assert await soon(lambda: house.meter.failed == {"crowded": 4})
        # Those that are through count no more.
        for _ in range(4):
            assert b"https" in await ask(house, trusting(authority.root))
        assert house.meter.failed == {"crowded": 4}
        for _, writer in silent:
            writer.transport.abort()
