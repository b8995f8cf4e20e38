"""The short way of small posts: it must answer as the app alone would, and only sooner."""

from __future__ import annotations

import asyncio
import gzip
import random
import zlib

from smallhouse import House, running, without_date

from headrace.transport.bounds import Bounds

SMALL, USUAL = b"/echo/small", b"/echo/usual"


def post(body: bytes, headers: bytes = b"") -> bytes:
    return b"POST %b HTTP/1.1\r\nHost: h\r\n%bContent-Length: %d\r\n\r\n%b" % (SMALL, headers, len(body), body)


def good(body: bytes) -> bytes:
    said = b"POST %b %b" % (SMALL, body)
    return b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%b" % (len(said), said)


REQUESTS = [
    post(b"a"),
    post(b"another"),
    post(b"alone"),
    post(b""),
    post(b"x" * 100),
    post(b"x" * 101),
    post(b"json", b"Content-Type: application/json\r\n"),
    post(b"text", b"Content-Type: text/plain; charset=latin1\r\n"),
    post(gzip.compress(b"folded"), b"Content-Encoding: gzip\r\n"),
    post(zlib.compress(b"folded"), b"Content-Encoding: deflate\r\n"),
    post(gzip.compress(b"x" * 101), b"Content-Encoding: gzip\r\n"),
    post(gzip.compress(b"two") + gzip.compress(b"members"), b"Content-Encoding: gzip\r\n"),
    post(b"no gzip", b"Content-Encoding: gzip\r\n"),
    post(b"what", b"Content-Encoding: br\r\n"),
    b"POST /echo/small HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n",
    b"GET /echo/small HTTP/1.1\r\n\r\n",
    b"HEAD /echo/small HTTP/1.1\r\n\r\n",
    b"POST /echo/small HTTP/1.0\r\nConnection: keep-alive\r\nContent-Length: 3\r\n\r\nold",
    b"GET /echo/stream HTTP/1.1\r\n\r\n",
    post(b"last", b"Connection: close\r\n"),
    b"nonsense\r\n",
]


async def test_any_stream_in_any_packets_is_answered_as_by_the_app_alone(house: House) -> None:
    rng = random.Random(20180731)
    for _ in range(80):
        stream = b"".join(rng.choices(REQUESTS, k=rng.randint(1, 8)))
        cuts = sorted(rng.sample(range(len(stream)), min(len(stream), rng.choice([0, 0, 1, 3, 20]))))
        packets = [stream[a:b] for a, b in zip([0, *cuts], [*cuts, len(stream)], strict=True)]
        alone = await house.talk(*[packet.replace(SMALL, USUAL) for packet in (stream,)])
        assert await house.talk(*packets) == alone.replace(USUAL, SMALL)
    assert house.small.turns
    assert house.server.bodies_bytes == 0


async def test_what_arrives_in_one_turn_is_taken_together(house: House) -> None:
    connections = [await house.open() for _ in range(5)]
    for number, (_, writer) in enumerate(connections):
        writer.write(post(b"%d" % number))
    for number, (reader, writer) in enumerate(connections):
        assert without_date(await reader.readuntil(b"small %d" % number)) == good(b"%d" % number)
        writer.close()
    assert sorted(body for turn in house.small.turns for body in turn) == [b"0", b"1", b"2", b"3", b"4"]
    assert len(house.small.turns) < 5
    assert house.meter.answers == {("echo", 200): 5}
    assert all(0 < seconds < 5 for seconds in house.meter.took_s)


async def test_a_failure_of_all_together_leaves_each_to_the_app(house: House) -> None:
    for body in (b"full", b"bug"):
        assert await house.talk(post(body) + post(b"next")) == good(body) + good(b"next")


async def test_the_next_request_waits_for_the_answer_before_it(house: House) -> None:
    reader, writer = await house.open()
    writer.write(post(b"wait") + post(b"after"))
    await asyncio.sleep(0.05)
    assert house.small.turns == [[b"wait"]]
    house.release.set()
    assert (await reader.readuntil(b"after")).endswith(b"after")
    writer.close()


async def test_who_has_gone_holds_up_nobody_and_gives_back_its_memory(house: House) -> None:
    _, writer = await house.open()
    writer.write(post(b"wait"))
    await asyncio.sleep(0.05)
    assert house.server.bodies_bytes == 4
    writer.transport.abort()
    await asyncio.sleep(0.05)
    house.release.set()
    assert await house.talk(post(b"next")) == good(b"next")
    assert house.server.bodies_bytes == 0
    assert house.server.connections == 0


async def test_a_stop_lets_small_posts_finish_and_then_closes(house: House) -> None:
    reader, writer = await house.open()
    writer.write(post(b"wait"))
    await asyncio.sleep(0.05)
    stopping = asyncio.create_task(house.server.stop(5))
    await asyncio.sleep(0.05)
    house.release.set()
    answer = await asyncio.wait_for(reader.read(), 5)
    assert b"connection: close\r\n" in answer
    assert answer.endswith(b"wait")
    writer.close()
    await stopping


async def test_a_stop_waits_for_nobody_for_ever(house: House) -> None:
    reader, writer = await house.open()
    writer.write(post(b"wait"))
    await asyncio.sleep(0.05)
    await house.server.stop(0.05)
    assert await asyncio.wait_for(reader.read(), 5) == b""
    writer.close()
    assert house.server.bodies_bytes == 0


async def test_bodies_that_memory_has_no_room_for_are_unavailable() -> None:
    async with running(Bounds(body_bytes_max=50, bodies_bytes_max=60)) as house:
        folded = gzip.compress(b"x" * 45)
        assert await house.talk(post(b"first")) == good(b"first")
        reader, writer = await house.open()
        writer.write(post(b"wait"))
        await asyncio.sleep(0.05)
        assert b"503" in await house.talk(post(folded, b"Content-Encoding: gzip\r\n"))
        assert b"413" in await house.talk(post(b"x" * 51))
        house.release.set()
        await reader.readuntil(b"wait")
        writer.close()
