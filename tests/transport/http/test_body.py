"""read_body without a server, against gzip and zlib of the standard library."""

from __future__ import annotations

import contextlib
import gzip
import os
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.types import Message, Scope

from headrace import limits
from headrace.errors import Refused
from headrace.transport.http.body import accepts_gzip, gzipped, read_body, read_question

MIB = 1024 * 1024


def scope_with(*headers: tuple[bytes, bytes]) -> Scope:
    return {"type": "http", "headers": list(headers)}


async def read(parts: list[bytes], encoding: bytes = b"", bytes_max: int = 8 * MIB) -> bytes:
    messages: list[Message] = [
        {"type": "http.request", "body": part, "more_body": i < len(parts) - 1} for i, part in enumerate(parts)
    ]

    async def receive() -> Message:
        return messages.pop(0) if messages else {"type": "http.disconnect"}

    return await read_body(scope_with((b"content-encoding", encoding)), receive, bytes_max)


@given(st.lists(st.binary(max_size=200), max_size=4), st.integers(0, 3))
async def test_members_and_padding(contents: list[bytes], padding: int) -> None:
    packed = b"".join(map(gzip.compress, contents))
    assert await read([packed + b"\0" * (padding if packed else 0)], b"gzip") == b"".join(contents)


@pytest.mark.parametrize("size", [0, 1, MIB - 1, MIB, MIB + 1, 5 * MIB, 8 * MIB])
@pytest.mark.parametrize("kind", ["gzip", "zlib", "raw"])
async def test_sizes_around_the_steps(size: int, kind: str) -> None:
    content = os.urandom(1024) * (size // 1024) + b"x" * (size % 1024)
    packed = {"gzip": gzip.compress, "zlib": zlib.compress, "raw": lambda data: zlib.compress(data)[2:-4]}[kind](
        content
    )
    assert await read([packed], b"gzip" if kind == "gzip" else b"deflate") == content


async def test_one_byte_over_the_bound_is_refused_and_the_bound_is_not() -> None:
    content = b"x" * (3 * MIB)
    for packed, encoding in ((gzip.compress(content), b"gzip"), (zlib.compress(content), b"deflate"), (content, b"")):
        assert await read([packed], encoding, 3 * MIB) == content
        with pytest.raises(Refused) as refusal:
            await read([packed], encoding, 3 * MIB - 1)
        assert refusal.value.rule == "body-too-large"


@given(st.data())
async def test_damage_never_passes_for_content(data: st.DataObject) -> None:
    content = data.draw(st.binary(min_size=1, max_size=300))
    packed = bytearray(gzip.compress(content))
    place = data.draw(st.integers(10, len(packed) - 1))
    packed[place] ^= data.draw(st.integers(1, 255))
    with contextlib.suppress(Refused):
        assert await read([bytes(packed)], b"gzip") == content


async def test_a_cut_stream_is_refused() -> None:
    packed = gzip.compress(b"hello world, hello world, hello")
    for size in range(1, len(packed)):
        with pytest.raises(Refused, match="can not be decompressed"):
            await read([packed[:size]], b"gzip")


@pytest.mark.parametrize("tail", [b"x", b"\0x", gzip.compress(b"x", mtime=0)[:-1]])
async def test_what_follows_the_end_is_refused(tail: bytes) -> None:
    with pytest.raises(Refused, match="can not be decompressed"):
        await read([gzip.compress(b"hello") + tail], b"gzip")


async def test_a_hundred_thousand_empty_members_are_refused_soon() -> None:
    with pytest.raises(Refused, match="members"):
        await read([gzip.compress(b"") * 100_000], b"gzip")


async def test_parts_are_joined() -> None:
    assert await read([b"he", b"", b"llo"]) == b"hello"


async def test_a_client_that_goes_away_leaves_no_half_body() -> None:
    async def receive() -> Message:
        return {"type": "http.disconnect"}

    with pytest.raises(Refused, match="went away"):
        await read_body(scope_with(), receive)


async def test_a_content_type_can_mean_gzip() -> None:
    """KairosDB: `Content-Type: application/gzip`, in all its versions."""

    async def receive() -> Message:
        return {"type": "http.request", "body": gzip.compress(b"hello"), "more_body": False}

    scope = scope_with((b"content-type", b"Application/GZIP; x=y"))
    assert await read_body(scope, receive, gzip_types=frozenset({b"application/gzip"})) == b"hello"
    assert await read_body(scope, receive) == gzip.compress(b"hello")


@pytest.mark.parametrize(
    ("header", "accepted"),
    [
        (b"gzip", True),
        (b"gzip,deflate", True),
        (b"deflate, GZIP;q=0.5", True),
        (b"*", True),
        (b"gzip;q=0, *", False),
        (b"gzip; q=0.0", False),
        (b"deflate", False),
        (b"", False),
    ],
)
def test_accepts_gzip(header: bytes, accepted: bool) -> None:
    assert accepts_gzip(scope_with((b"accept-encoding", header))) is accepted
    assert accepts_gzip(scope_with()) is False


@given(st.binary())
def test_gzipped_answers_unfold(body: bytes) -> None:
    assert gzip.decompress(gzipped(body)) == body
    assert gzipped(body) == gzipped(body)


async def test_a_question_is_smaller_than_other_bodies() -> None:
    for size, taken in ((limits.QUESTION_BYTES_MAX, True), (limits.QUESTION_BYTES_MAX + 1, False)):
        question = b'"%b"' % (b"x" * (size - 2))

        async def receive(question: bytes = question) -> Message:
            return {"type": "http.request", "body": gzip.compress(question, 1), "more_body": False}

        with contextlib.nullcontext() if taken else pytest.raises(Refused) as refusal:
            assert await read_question(scope_with((b"content-encoding", b"gzip")), receive) == question
        assert taken or (refusal is not None and refusal.value.rule == "body-too-large")
