"""What a stranger may not do: too many bytes, too few bytes, bytes that never end; and that he hears why."""

from __future__ import annotations

import asyncio
import gzip
import time
import tracemalloc
import zlib

import pytest
from smallhouse import House, running

from headrace.transport.bounds import Bounds

GET = b"GET /echo/a HTTP/1.1\r\n\r\n"
KIB = 1024


async def test_headers_of_just_the_bound_pass_and_one_byte_more_does_not() -> None:
    async with running(Bounds(header_bytes_max=2 * KIB)) as house:
        for size, status in ((2 * KIB, b"200 OK"), (2 * KIB + 1, b"431 Request Header Fields Too Large")):
            start = b"GET /echo/a HTTP/1.1\r\nX: "
            sent = start + b"x" * (size - len(start) - 4) + b"\r\n\r\n"
            whole = await house.talk(sent)
            bytewise = await house.talk(*(sent[i : i + 1] for i in range(len(sent))))
            assert whole.startswith(b"HTTP/1.1 " + status)
            assert bytewise == whole


@pytest.mark.parametrize(
    "start", [b"GET /", b"GET / HTTP/1.1\r\nX: ", b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1;"]
)
async def test_a_hundred_megabytes_of_header_do_not_grow_memory(house: House, start: bytes) -> None:
    reader, writer = await house.open()
    tracemalloc.start()
    writer.write(start)
    sent = 0
    block = b"x" * 256 * KIB
    while sent < 100 * KIB * KIB and not reader.at_eof():
        writer.write(block)
        sent += len(block)
        try:
            await asyncio.wait_for(writer.drain(), 0.2)
        except (TimeoutError, ConnectionError):
            break
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    answer = await asyncio.wait_for(reader.read(12), 5)
    writer.close()
    assert answer == b"HTTP/1.1 431"
    assert peak < 4 * KIB * KIB


async def test_trailers_are_bounded_like_headers(house: House) -> None:
    start = b"POST /echo/a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n"
    answer = await house.talk(start, b"T: " + b"x" * 200 * KIB, eof=False)
    assert answer.startswith(b"HTTP/1.1 431")


async def test_trailers_do_not_change_the_headers(house: House) -> None:
    sent = b"POST /echo/a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\nContent-Encoding: gzip\r\n\r\n"
    assert (await house.talk(sent)).endswith(b"POST /echo/a x")


@pytest.mark.parametrize("head", [b"Content-Length: 3000000\r\n\r\n", b"Transfer-Encoding: chunked\r\n\r\nffffff\r\n"])
async def test_a_client_that_keeps_sending_gets_to_read_its_413(head: bytes) -> None:
    async with running(Bounds(body_bytes_max=1000)) as house:
        reader, writer = await house.open()
        writer.write(b"POST /echo/a HTTP/1.1\r\n" + head)
        for _ in range(40):
            writer.write(b"x" * 64 * KIB)
            await writer.drain()
        answer = await asyncio.wait_for(reader.read(), 5)
        writer.close()
        assert answer.startswith(b"HTTP/1.1 413 ")
        assert b"connection: close\r\n" in answer
        assert answer.endswith(b'{"rule":"body-too-large","says":"the request\'s body is larger than 1000 bytes"}')
        assert house.meter.answers == {("echo", 413): 1}


async def test_a_body_of_just_the_bound_passes() -> None:
    async with running(Bounds(body_bytes_max=1000)) as house:
        answer = await house.talk(b"POST /echo/put HTTP/1.1\r\nContent-Length: 1000\r\n\r\n" + b"x" * 1000)
        assert answer == b"HTTP/1.1 204 No Content\r\n\r\n"


async def test_expect_is_answered_before_the_body_is_sent(house: House) -> None:
    reader, writer = await house.open()
    writer.write(b"POST /echo/put HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n")
    assert await asyncio.wait_for(reader.readexactly(25), 5) == b"HTTP/1.1 100 Continue\r\n\r\n"
    writer.write(b"abc")
    assert (await asyncio.wait_for(reader.readline(), 5)) == b"HTTP/1.1 204 No Content\r\n"
    writer.close()


async def test_expect_behind_another_request_waits_its_turn(house: House) -> None:
    reader, writer = await house.open()
    expecting = b"POST /echo/put HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n"
    writer.write(b"GET /echo/wait HTTP/1.1\r\n\r\n" + expecting)
    await asyncio.sleep(0.05)
    house.release.set()
    assert (await asyncio.wait_for(reader.readuntil(b"GET /echo/wait "), 5)).startswith(b"HTTP/1.1 200 OK\r\n")
    assert await asyncio.wait_for(reader.readexactly(25), 5) == b"HTTP/1.1 100 Continue\r\n\r\n"
    writer.close()


async def test_expect_of_a_body_too_large_is_refused_at_once() -> None:
    async with running(Bounds(body_bytes_max=1000)) as house:
        head = b"POST /echo/put HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 3000\r\n\r\n"
        assert (await house.talk(head, eof=False)).startswith(b"HTTP/1.1 413 ")


QUICK = Bounds(
    header_timeout_s=0.3, request_timeout_s=0.3, request_bytes_min=10, idle_timeout_s=0.3, linger_s=0.3, tick_s=0.02
)


async def drip_until_answered(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, pieces: list[bytes], pause_s: float
) -> bytes:
    """The first line of the answer, which may come before the last piece is sent."""
    answer = asyncio.create_task(reader.readline())
    for piece in pieces:
        writer.write(piece)
        done, _ = await asyncio.wait({answer}, timeout=pause_s)
        if done:
            break
    return await asyncio.wait_for(answer, 5)


@pytest.mark.parametrize("sent", [b"GET /echo/a HTT", b"POST /echo/a HTTP/1.1\r\nContent-Length: 9\r\n\r\nab"])
async def test_a_request_that_stalls_is_told_so(sent: bytes) -> None:
    async with running(QUICK) as house:
        began = time.monotonic()
        answer = await house.talk(sent, eof=False)
        assert answer.startswith(b"HTTP/1.1 408 Request Timeout\r\n")
        assert 0.25 < time.monotonic() - began < 2


async def test_slow_loris_in_headers_is_cut_although_bytes_arrive() -> None:
    async with running(QUICK) as house:
        reader, writer = await house.open()
        began = time.monotonic()
        writer.write(b"GET /echo/a HTTP/1.1\r\n")
        answer = await drip_until_answered(reader, writer, [b"X: y\r\n"] * 100, 0.05)
        assert answer == b"HTTP/1.1 408 Request Timeout\r\n"
        assert time.monotonic() - began < 2
        writer.close()


async def test_slow_loris_in_a_body_is_cut_and_a_slow_honest_sender_is_not() -> None:
    async with running(QUICK) as house:

        async def drip(step: bytes) -> bytes:
            reader, writer = await house.open()
            writer.write(b"POST /echo/put HTTP/1.1\r\nContent-Length: 100\r\n\r\n")
            answer = await drip_until_answered(reader, writer, [step] * (100 // len(step)), 0.1)
            writer.close()
            return answer

        honest, loris = await asyncio.gather(drip(b"x" * 10), drip(b"xx"))
        assert honest == b"HTTP/1.1 204 No Content\r\n"
        assert loris == b"HTTP/1.1 408 Request Timeout\r\n"


@pytest.mark.parametrize("sent", [b"", GET])
async def test_an_idle_connection_is_closed_without_a_word(sent: bytes) -> None:
    async with running(QUICK) as house:
        answer = await house.talk(*([sent] if sent else []), eof=False)
        assert answer.count(b"HTTP/1.1") == bool(sent)


async def test_a_client_that_reads_nothing_is_cut_off() -> None:
    async with running(Bounds(slow_reader_s=0.3, tick_s=0.02)) as house:
        _, writer = await house.open()
        writer.transport.pause_reading()  # type: ignore[attr-defined]
        writer.write(b"GET /echo/large HTTP/1.1\r\n\r\n")
        await asyncio.sleep(0.2)
        assert house.server.connections == 1
        for _ in range(200):
            await asyncio.sleep(0.02)
            if not house.server.connections:
                break
        assert house.server.connections == 0
        writer.close()


async def test_full_memory_for_bodies_is_a_503_and_the_connection_lives() -> None:
    async with running(Bounds(bodies_bytes_max=1000)) as house:
        reader, writer = await house.open()
        writer.write(b"POST /echo/put HTTP/1.1\r\nContent-Length: 2000\r\n\r\n" + b"x" * 2000 + GET)
        answer = await asyncio.wait_for(reader.readuntil(b"GET /echo/a "), 5)
        writer.close()
        assert answer.startswith(b"HTTP/1.1 503 ")
        assert b"retry-after: 1\r\n" in answer
        assert house.server.bodies_bytes == 0


async def test_memory_for_bodies_is_given_back_when_clients_go_away(house: House) -> None:
    for path in (b"/echo/wait", b"/echo/a"):
        _, writer = await house.open()
        writer.write(
            b"POST " + path + b" HTTP/1.1\r\nContent-Length: 20\r\n\r\n" + b"x" * (20 if b"wait" in path else 10)
        )
        await asyncio.sleep(0.05)
        assert house.server.bodies_bytes > 0
        writer.transport.abort()
        house.release.set()
        await asyncio.sleep(0.05)
        assert house.server.bodies_bytes == 0


def gzip_bomb(members: int, mebibytes: int) -> bytes:
    return gzip.compress(b"\0" * (mebibytes * KIB * KIB), 9) * members


async def test_a_bomb_costs_no_more_than_the_bound() -> None:
    async with running(Bounds(body_bytes_max=8 * KIB * KIB)) as house:
        bomb = gzip_bomb(64, 32)  # 2 MB that unfold to 2 GB
        head = b"POST /echo/put HTTP/1.1\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(bomb)
        tracemalloc.start()
        answer = await house.talk(head, bomb)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert answer.startswith(b"HTTP/1.1 413 ")
        assert peak < 40 * KIB * KIB
        assert house.server.bodies_bytes == 0


@pytest.mark.parametrize(
    ("encoding", "body", "status"),
    [
        (b"gzip", gzip.compress(b"hello", mtime=0), b"200"),
        (b"X-GZIP", gzip.compress(b"hel", mtime=0) + gzip.compress(b"lo", mtime=0), b"200"),
        (b"deflate", zlib.compress(b"hello"), b"200"),
        (b"deflate", zlib.compress(b"hello")[2:-4], b"200"),
        (b"identity", b"hello", b"200"),
        (b"gzip", b"hello", b"400"),
        (b"gzip", gzip.compress(b"hello", mtime=0)[:-1], b"400"),
        (b"br", b"hello", b"415"),
    ],
)
async def test_encodings_over_the_wire(house: House, encoding: bytes, body: bytes, status: bytes) -> None:
    head = b"POST /echo/a HTTP/1.1\r\nContent-Encoding: %b\r\nContent-Length: %d\r\n\r\n" % (encoding, len(body))
    answer = await house.talk(head + body + GET)
    assert answer.startswith(b"HTTP/1.1 " + status)
    assert answer.endswith(b"GET /echo/a ")  # the connection outlives the refusal
    if status == b"200":
        assert b"POST /echo/a hello" in answer


async def test_gzip_without_a_body_is_fine(house: House) -> None:
    """opentsdb-py asks for the version so."""
    answer = await house.talk(b"GET /echo/a HTTP/1.1\r\nContent-Encoding: gzip\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 200 OK")


async def test_a_thousand_idle_connections_cost_little(house: House) -> None:
    tracemalloc.start()
    writers = []
    for _ in range(1000):
        reader, writer = await house.open()
        writer.write(b"GET /echo/put HTTP/1.1\r\n\r\n")
        await reader.readuntil(b"\r\n\r\n")
        writers.append(writer)
    # both ends are in this process, so half of this is the client's
    used = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    for writer in writers:
        writer.close()
    assert used < 40 * KIB * KIB


async def test_beyond_the_bound_connections_are_closed() -> None:
    async with running(Bounds(connections_max=2)) as house:
        first, second = await house.open(), await house.open()
        for telnet_reader, telnet_writer in (first, second):
            telnet_writer.write(b"put a\n")
            assert await asyncio.wait_for(telnet_reader.readline(), 5) == b"put a\n"
        reader, writer = await house.open()
        with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
            await asyncio.wait_for(reader.readexactly(1), 5)
        writer.close()
        for _, open_writer in (first, second):
            open_writer.close()


async def test_who_says_nothing_makes_room_before_who_asks() -> None:
    async with running(Bounds(connections_max=3, tick_s=100)) as house:
        reader, writer = await house.open()
        strangers = []
        for _ in range(20):
            writer.write(GET)
            await asyncio.wait_for(reader.readuntil(b"GET /echo/a "), 5)
            strangers.append(await house.open())
            await asyncio.sleep(0.01)
        assert sum(not stranger.at_eof() for stranger, _ in strangers) == 2
        for _, open_writer in ((reader, writer), *strangers):
            open_writer.close()


async def test_for_one_connection_more_the_longest_idle_one_is_closed() -> None:
    async with running(Bounds(connections_max=2, tick_s=0.02)) as house:
        idle, fresh = await house.open(), await house.open()
        for reader, writer in (idle, fresh):
            await asyncio.sleep(0.1)
            writer.write(GET)
            await asyncio.wait_for(reader.readuntil(b"GET /echo/a "), 5)
        await asyncio.sleep(0.1)
        assert (await house.talk(GET)).startswith(b"HTTP/1.1 200 OK")
        assert await asyncio.wait_for(idle[0].read(), 5) == b""
        fresh[1].write(GET)
        await asyncio.wait_for(fresh[0].readuntil(b"GET /echo/a "), 5)
        for _, writer in (idle, fresh):
            writer.close()
