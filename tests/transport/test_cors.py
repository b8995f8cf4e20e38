"""CORS as browsers want it (Fetch standard), and as KairosDB answers when every origin is allowed."""

from __future__ import annotations

import asyncio

import pytest
from smallhouse import GRAFANA, running

from headrace.transport.bounds import Bounds

PREFLIGHT = (
    b"OPTIONS /echo/a HTTP/1.1\r\nOrigin: %b\r\nAccess-Control-Request-Method: DELETE\r\n"
    b"Access-Control-Request-Headers: content-type,x-one\r\n\r\n"
)
STRANGER = b"https://stranger.example"


async def headers_of(origins: tuple[str, ...], request: bytes) -> tuple[bytes, dict[bytes, bytes]]:
    """Status line and headers of the answer."""
    async with running(Bounds(body_bytes_max=10), cors_origins=origins) as house:
        answer = await asyncio.wait_for(house.talk(request), 10)
    head = answer.partition(b"\r\n\r\n")[0].split(b"\r\n")
    return head[0], dict(line.split(b": ", 1) for line in head[1:])


def about_cors(headers: dict[bytes, bytes]) -> dict[bytes, bytes]:
    return {name: value for name, value in headers.items() if name.startswith(b"access-control") or name == b"vary"}


@pytest.mark.parametrize(
    "request_",
    [
        b"GET /echo/a HTTP/1.1\r\nOrigin: %b\r\n\r\n" % GRAFANA,
        b"POST /echo/put HTTP/1.1\r\nOrigin: %b\r\nContent-Length: 1\r\n\r\nx" % GRAFANA,
        b"GET /echo/bug HTTP/1.1\r\nOrigin: %b\r\n\r\n" % GRAFANA,
        b"GET /echo/full HTTP/1.1\r\nOrigin: %b\r\n\r\n" % GRAFANA,
        b"GET /echo/stream HTTP/1.1\r\nOrigin: %b\r\n\r\n" % GRAFANA,
        b"GET /nobody HTTP/1.1\r\nOrigin: %b\r\n\r\n" % GRAFANA,
        b"POST /echo/put HTTP/1.1\r\nOrigin: %b\r\nContent-Length: 99\r\n\r\n" % GRAFANA,
    ],
    ids=["answer", "204", "500", "503", "stream", "404", "413 before a room was asked"],
)
async def test_every_answer_says_who_may_read_it(request_: bytes) -> None:
    _, nobody = await headers_of((), request_)
    assert about_cors(nobody) == {}
    _, everybody = await headers_of(("*",), request_)
    assert about_cors(everybody) == {b"access-control-allow-origin": b"*"}
    _, one = await headers_of(("http://other.example", GRAFANA.decode()), request_)
    assert about_cors(one) == {b"access-control-allow-origin": GRAFANA, b"vary": b"origin"}
    _, stranger = await headers_of(("http://other.example",), request_)
    assert about_cors(stranger) == {b"vary": b"origin"}


@pytest.mark.parametrize("origins", [("*",), (GRAFANA.decode(),)])
async def test_a_preflight_grants_what_it_asks_for(origins: tuple[str, ...]) -> None:
    status, headers = await headers_of(origins, PREFLIGHT % GRAFANA)
    assert status == b"HTTP/1.1 200 OK"
    assert headers[b"access-control-allow-origin"] in (b"*", GRAFANA)
    assert headers[b"access-control-allow-methods"] == b"DELETE"
    assert headers[b"access-control-allow-headers"] == b"content-type,x-one"
    assert headers[b"access-control-max-age"] == b"86400"
    assert headers[b"content-length"] == b"0"


@pytest.mark.parametrize(("origins", "origin"), [((), GRAFANA), ((GRAFANA.decode(),), STRANGER)])
async def test_a_preflight_of_a_stranger_is_granted_nothing(origins: tuple[str, ...], origin: bytes) -> None:
    _, headers = await headers_of(origins, PREFLIGHT % origin)
    assert b"access-control-allow-origin" not in headers
    assert b"access-control-allow-methods" not in headers


async def test_options_that_is_no_preflight_is_for_the_rooms() -> None:
    async with running(cors_origins=("*",)) as house:
        answer = await house.talk(b"OPTIONS /echo/a HTTP/1.1\r\nOrigin: %b\r\n\r\n" % GRAFANA)
    assert answer.endswith(b"OPTIONS /echo/a ")
