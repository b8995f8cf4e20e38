"""Golden dialogues: bytes in, bytes out, on a real socket."""

from __future__ import annotations

import pytest
from smallhouse import House


def answer(status: str, body: bytes = b"", *headers: bytes) -> bytes:
    """An answer of known length, without its date."""
    lines = [f"HTTP/1.1 {status}".encode(), *headers, b"content-length: %d" % len(body)]
    return b"\r\n".join([*lines, b"", body])


JSON = b"content-type: application/json"
GET = b"GET /echo/a?q=1 HTTP/1.1\r\nHost: h\r\n\r\n"
GET_ANSWER = answer("200 OK", b"GET /echo/a ")
POST = b"POST /echo/b HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello"
POST_ANSWER = answer("200 OK", b"POST /echo/b hello")
CHUNKED = (
    b"POST /echo/b HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3;ext=1\r\nllo\r\n0\r\nTrailer: x\r\n\r\n"
)

DIALOGUES = {
    "get": (GET, GET_ANSWER),
    "post": (POST, POST_ANSWER),
    "chunked": (CHUNKED + GET, POST_ANSWER + GET_ANSWER),
    "a 204 has no length": (b"GET /echo/put HTTP/1.1\r\n\r\n", b"HTTP/1.1 204 No Content\r\n\r\n"),
    "pipelined, errors between": (
        GET + b"GET /echo/bad HTTP/1.1\r\n\r\nGET /nowhere HTTP/1.1\r\n\r\n" + POST,
        GET_ANSWER
        + answer("400 Bad Request", b"no")
        + answer("404 Not Found", b'{"error":{"code":404,"message":"nothing is at /nowhere"}}', JSON)
        + POST_ANSWER,
    ),
    "a blank line between requests": (POST + b"\r\n" + GET, POST_ANSWER + GET_ANSWER),
    "stream": (
        b"GET /echo/stream HTTP/1.1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n",
    ),
    "a stream to HTTP/1.0 ends with the connection": (
        b"GET /echo/stream HTTP/1.0\r\nConnection: keep-alive\r\n\r\n" + GET,
        b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nonetwo",
    ),
    "HTTP/1.0 closes": (
        b"GET /echo/put HTTP/1.0\r\n\r\n" + GET,
        b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n",
    ),
    "HTTP/1.0 asks to stay": (
        b"GET /echo/put HTTP/1.0\r\nConnection: keep-alive\r\n\r\n" + GET,
        b"HTTP/1.1 204 No Content\r\nconnection: keep-alive\r\n\r\n" + GET_ANSWER,
    ),
    "connection: close ends it": (
        b"GET /echo/put HTTP/1.1\r\nConnection: close\r\n\r\n" + GET,
        b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n",
    ),
    "HEAD": (b"HEAD /echo/a HTTP/1.1\r\n\r\n" + GET, b"HTTP/1.1 200 OK\r\n\r\n" + GET_ANSWER),
    "the path as it came": (
        b"GET /V2/Domains/dzd/x%2Fy//z?a=%2f HTTP/1.1\r\n\r\n",
        answer("200 OK", b"GET /V2/Domains/dzd/x%2Fy//z "),
    ),
    "the longest prefix, in any case": (b"GET /Echo/OTHER/x HTTP/1.1\r\n\r\n", answer("200 OK", b"other")),
    "an upgrade is declined, its body read": (
        b"POST /echo/b HTTP/1.1\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AA\r\n"
        b"Content-Length: 5\r\n\r\nhello" + GET,
        POST_ANSWER + GET_ANSWER,
    ),
    "an upgrade without a body": (
        b"GET /echo/a HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n" + GET,
        GET_ANSWER + GET_ANSWER,
    ),
    "unavailable": (
        b"GET /echo/full HTTP/1.1\r\n\r\n" + GET,
        answer("503 Service Unavailable", b'{"rule":"unavailable","says":"the queue is full"}', JSON, b"retry-after: 3")
        + GET_ANSWER,
    ),
    "not HTTP": (
        GET + b"GET / FTP/1.1\r\n\r\n" + GET,
        GET_ANSWER
        + answer(
            "400 Bad Request",
            b'{"error":{"code":400,"message":"not a HTTP request: Expected HTTP/, RTSP/ or ICE/"}}',
            JSON,
        ).replace(b"\r\n\r\n", b"\r\nconnection: close\r\n\r\n", 1),
    ),
    "two lengths are a smuggler's": (
        b"POST /echo/b HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        answer(
            "400 Bad Request",
            b'{"rule":"bad-request","says":"not a HTTP request: '
            b"Transfer-Encoding can't be present with Content-Length\"}",
            JSON,
        ).replace(b"\r\n\r\n", b"\r\nconnection: close\r\n\r\n", 1),
    ),
}


@pytest.mark.parametrize("name", DIALOGUES)
@pytest.mark.parametrize("cut", ["whole", "bytewise"])
async def test_dialogue(house: House, name: str, cut: str) -> None:
    sent, expected = DIALOGUES[name]
    packets = [sent] if cut == "whole" else [sent[i : i + 1] for i in range(len(sent))]
    assert await house.talk(*packets) == expected
