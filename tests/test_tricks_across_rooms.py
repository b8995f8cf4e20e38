"""Spellings of every path that a room's table of routes has, and requests that do not say clearly where they end,
through real sockets: nobody does by a trick what he is not granted."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path
from typing import Final

import pytest
from serverprocess import ServerProcess, running
from test_every_route_asks import PATHS
from test_permissions_across_rooms import config, held, send, token
from test_web_pages_across_rooms import POINT

OPEN: Final = ("/health", "/api/health", "/api/v1/health/check")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    folder: Path = tmp_path_factory.mktemp("tricks")
    with running(folder / "data", "--config", str(config(folder))) as process:
        assert send(process, "all", "POST", "/api/put", [POINT]) == (204, b"")
        yield process


def spellings(path: str) -> list[str]:
    """Of one path, as clients and proxies may take them for the same."""
    first, rest = path[1:2], path[2:]
    head, _, tail = path.rpartition("/")
    return [
        *(path, f"/{path}", f"/.{path}", f"/x/..{path}", f"/%2e%2e{path}", f"/x/%2E%2E{path}", f"/x%2f..{path}"),
        *(f"/%{ord(first):02x}{rest}", f"/%25{ord(first):02x}{rest}", f"{head}%2f{tail}", f"{head}//{tail}"),
        *(f"{head}/./{tail}", f"{head}\\{tail}", path.upper(), f"{path}/", f"{path};a=b", f"{path}/.", f"{path}/x/.."),
        *(f"{path}%00", f"{path}%20", f"{path}.json", f"{path}?method_override=post", f"{path}?method_override=DELETE"),
        *(f"http://127.0.0.1{path}", f"http://x@elsewhere.example:1{path}", f"HTTPS://[::1]{path}", f"{path}#x"),
        *(f"{open_one}/..{path}" for open_one in OPEN),
        *(f"{open_one}%2f..{path}" for open_one in OPEN),
    ]


REFUSED: Final = (400, 401, 403, 404, 405, 501)

OVERRIDES: Final[list[dict[str, str]]] = [
    {},
    *({name: "GET"} for name in ("X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override")),
    *({name: "/health"} for name in ("X-Original-URL", "X-Rewrite-URL", "X-Forwarded-Prefix")),
]
"""Headers by which some servers see another method or path than was asked for."""


def is_open(path: str) -> bool:
    return path.endswith(("/health", "/vip_health")) or "/health/" in path


@pytest.mark.parametrize("room", PATHS)
def test_no_spelling_of_a_path_lets_anybody_in(server: ServerProcess, room: str) -> None:
    """Neither without credentials, nor with what is granted in another room."""
    before = held(server)
    elsewhere = "datazone" if room == "apollo" else "apollo"
    connection = HTTPConnection("127.0.0.1", server.port, timeout=30)
    body = json.dumps([{**POINT, "metric": "trick", "name": "trick", "datapoints": [[1, 1]]}]).encode()
    tried = 0
    for spelled in (spelled for path in PATHS[room] if not is_open(path) for spelled in spellings(path)):
        for method, deed in (("GET", "read"), ("POST", "write"), ("DELETE", "delete")):
            for who in (None, f"{deed}-in-{elsewhere}"):
                connection.putrequest(method, spelled)
                if who is not None:
                    connection.putheader("Authorization", f"Bearer {token(who)}")
                for name, value in OVERRIDES[tried % len(OVERRIDES)].items():
                    connection.putheader(name, value)
                if method == "POST":
                    connection.putheader("Content-Length", str(len(body)))
                connection.endheaders(body if method == "POST" else None)
                answer = connection.getresponse()
                said = answer.read()
                tried += 1
                assert answer.status in REFUSED, (method, spelled, who, answer.status, said[:200])
    assert tried > 200
    assert held(server) == before


ASKS: Final = (
    f"POST /api/suggest?type=metrics HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token('read')}\r\n".encode()
)
"""Of somebody who may read, up to how long the body is."""

HEADS: Final = {
    "a length and chunks": b"Content-Length: <all>\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunks and a length": b"Transfer-Encoding: chunked\r\nContent-Length: <all>\r\n\r\n0\r\n\r\n",
    "no length and chunks": b"Content-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n",
    "two lengths": b"Content-Length: 0\r\nContent-Length: <all>\r\n\r\n",
    "two lengths, the longer first": b"Content-Length: <all>\r\nContent-Length: 0\r\n\r\n",
    "a list of lengths": b"Content-Length: 0, <all>\r\n\r\n",
    "a length with a sign": b"Content-Length: +0\r\n\r\n",
    "a negative length": b"Content-Length: -1\r\n\r\n",
    "a length in hexadecimal digits": b"Content-Length: 0x0\r\n\r\n",
    "a length in two parts": b"Content-Length: 0 0\r\n\r\n",
    "an empty length": b"Content-Length:\r\n\r\n",
    "a length beyond 64 bits": b"Content-Length: 18446744073709551616\r\n\r\n",
    "a blank before the colon": b"Content-Length : <all>\r\n\r\n",
    "a NUL before the colon": b"Content-Length\0: <all>\r\n\r\n",
    "a folded length": b"Content-Length:\r\n <all>\r\n\r\n",
    "a length folded into another header": b"X: y\r\n Content-Length: <all>\r\n\r\n",
    "folded chunks": b"Content-Length: <all>\r\nTransfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n",
    "chunks of another kind": b"Content-Length: <all>\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "chunks that are not the last": b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
    "chunks and then none": b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n",
    "chunks with a blank before the colon": b"Content-Length: <all>\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
    "chunks behind a vertical tab": b"Content-Length: <all>\r\nTransfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n",
    "a bare LF before the length": b"X: y\nContent-Length: <all>\r\n\r\n",
    "a bare CR before the length": b"X: y\rContent-Length: <all>\r\n\r\n",
    "a bare LF at the end": b"Content-Length: <all>\r\n\n",
    "a chunk's size with a prefix": b"Transfer-Encoding: chunked\r\n\r\n0x0\r\n\r\n",
    "a chunk's size with a sign": b"Transfer-Encoding: chunked\r\n\r\n-0\r\n\r\n",
    "a chunk's size behind a blank": b"Transfer-Encoding: chunked\r\n\r\n 0\r\n\r\n",
    "a chunk's size and a bare LF": b"Transfer-Encoding: chunked\r\n\r\n0\n\n",
    "a chunk's extension with a bare LF": b"Transfer-Encoding: chunked\r\n\r\n2;\nxx\r\n0\r\n\r\n",
    "a chunk that is longer than it says": b"Transfer-Encoding: chunked\r\n\r\n2\r\nxxxx\r\n0\r\n\r\n",
    "a chunk's size beyond 64 bits": b"Transfer-Encoding: chunked\r\n\r\n10000000000000000\r\n",
}
"""Of which two readers may disagree where the body ends."""


def hidden(metric: str) -> bytes:
    """A put of somebody who may write."""
    body = json.dumps([{**POINT, "metric": metric}])
    head = f"POST /api/put HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token('write')}\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n{body}".encode()


def statuses(server: ServerProcess, sent: bytes, step: int) -> list[int]:
    """Of all answers, until the server closes the connection."""
    received = b""
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as connection:
        for at in range(0, len(sent), step):
            connection.sendall(sent[at : at + step])
        while piece := connection.recv(65536):
            received += piece
    return [int(part[:3]) for part in received.split(b"HTTP/1.1 ")[1:]]


@pytest.mark.parametrize("name", HEADS)
def test_what_is_not_clear_is_refused_and_the_connection_closed(server: ServerProcess, name: str) -> None:
    put = hidden("smuggled")
    head = HEADS[name].replace(b"<all>", str(len(put) + 5 * HEADS[name].endswith(b"0\r\n\r\n")).encode())
    assert statuses(server, ASKS + head + put, 1 << 20) == [400]
    assert b"smuggled" not in held(server)[3]


@pytest.mark.parametrize("step", [1 << 20, 100])
def test_a_request_in_a_body_is_a_body(server: ServerProcess, step: int) -> None:
    """Also of methods that have none as a rule, of requests that are refused, and behind a method that is declined."""
    put = hidden("in.a.body")
    length = b"Content-Length: %d\r\n\r\n" % len(put)
    chunks = b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n"
    last = b"GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    anybody = ASKS.partition(b"Authorization")[0]
    for asks, status in (
        (ASKS, 400),
        (ASKS.replace(b"POST", b"GET"), 200),
        (ASKS.replace(b"POST", b"DELETE"), 405),
        (anybody, 401),
        (ASKS + b"Expect: 100-continue\r\n", 400),
        (ASKS + b"Transfer_Encoding: chunked\r\n", 400),
    ):
        assert statuses(server, asks + length + put + last, step)[-2:] == [status, 200]
        assert statuses(server, asks + chunks % (len(put), put) + last, step)[-2:] == [status, 200]
    assert b"in.a.body" not in held(server)[3]
