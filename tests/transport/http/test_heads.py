"""Which heads are remembered, and what they say then."""

from __future__ import annotations

import pytest

from headrace import limits
from headrace.transport.bounds import Bounds
from headrace.transport.budget import BytesBudget
from headrace.transport.http.heads import Head, KnownHeads
from headrace.transport.http.request_reader import Request, RequestReader


def post(headers: bytes, body: bytes, target: bytes = b"/p") -> bytes:
    return b"POST %b HTTP/1.1\r\n%bContent-Length: %d\r\n\r\n%b" % (target, headers, len(body), body)


def read_one(known: KnownHeads, data: bytes) -> Request:
    reader = RequestReader(Bounds(), BytesBudget(10**6), known)
    reader.feed(data)
    return reader.requests.popleft()


def test_the_second_time_a_head_is_known_whatever_the_length_of_the_body() -> None:
    known = KnownHeads(10_000)
    first = read_one(known, post(b"Host: h\r\n", b"one"))
    assert known.find(post(b"Host: h\r\n", b"another") + b"next") == (first.head, b"7", 48, 55)
    second = read_one(known, post(b"Host: h\r\n", b"another"))
    assert second.head is first.head
    assert second.headers == [(b"host", b"h"), (b"content-length", b"7")]
    assert read_one(known, post(b"Host: i\r\n", b"another")).head is not first.head


def test_a_body_that_is_not_all_there_waits_for_the_parser() -> None:
    known = KnownHeads(10_000)
    read_one(known, post(b"", b"body"))
    assert known.find(post(b"", b"body")) is not None
    assert known.find(post(b"", b"body")[:-1]) is None


@pytest.mark.parametrize(
    "data",
    [
        b"GET / HTTP/1.1\r\nContent-Length: 2\r\n\r\nab",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\nab",
        b"POST / HTTP/1.1\r\nX-Length: 2\r\nContent-Length: 2\r\n\r\nab",
        b"POST / HTTP/1.1\r\nX-Length: 2\r\nContent-Length:2\r\n\r\nab",
        b"POST / HTTP/1.1\r\nContent-Length: 2\r\nConnection: close\r\n\r\nab",
        post(b"X: " + b"x" * limits.KNOWN_HEAD_BYTES_MAX + b"\r\n", b"ab"),
    ],
)
def test_what_is_not_plain_is_parsed_each_time(data: bytes) -> None:
    known = KnownHeads(10_000)
    read_one(known, data)
    assert known.find(data) is None


def test_strangers_do_not_fill_the_memory() -> None:
    known = KnownHeads(10_000)
    for number in range(limits.KNOWN_HEADS_MAX + 1):
        head = Head(target=b"/%d" % number, headers=[(b"content-length", b"1")])
        head.complete("POST", "1.1", keep_alive=True)
        known.remember(head, post(b"", b"x", b"/%d" % number), b"x")
    found = [known.find(post(b"", b"x", b"/%d" % number)) for number in (0, limits.KNOWN_HEADS_MAX)]
    assert found[0] is None
    assert found[1] is not None


@pytest.mark.parametrize(
    ("headers", "plain", "encoding"),
    [
        (b"", True, b""),
        (b"Content-Type: application/json; Charset=UTF-8\r\n", True, b""),
        (b"Content-Type: application/json; charset=latin1\r\n", False, b""),
        (b"Content-Type: application/gzip\r\n", False, b""),
        (b"Origin: http://page\r\n", False, b""),
        (b"Content-Encoding: GZIP\r\n", True, b"gzip"),
        (b"Content-Encoding: identity\r\n", True, b""),
    ],
)
def test_what_the_headers_of_a_post_say(headers: bytes, plain: bool, encoding: bytes) -> None:
    head = read_one(KnownHeads(10_000), post(headers, b"x")).head
    assert (head.is_plain_post, head.encoding) == (plain, encoding)
