from __future__ import annotations

import json
import zlib

import pytest
from room_fixture import OpenTSDB
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from headrace.protocols.opentsdb.routes import split_path

GOOD = '{"metric":"m","timestamp":1346846400,"value":1,"tags":{"k":"v"}}'


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    await PlainTextResponse(f"{scope['method']} {scope['path']}")(scope, receive, send)


@pytest.mark.parametrize(
    ("path", "split"),
    [
        ("/api/put", (1, "put")),
        ("/API/Query/Last/", (1, "query/last")),
        ("/api/v1/query", (1, "query")),
        ("/api/v0/query", (0, "query")),
        ("/api/v9/query", (9, "query")),
        ("/api/version", (1, "version")),
        ("/api/vx/query", (1, "vx/query")),
        ("/api/", (1, "")),
        ("/api/v1", (1, "")),
        ("/api/v99999999999/put", (1, "v99999999999/put")),
    ],
)
def test_split_path(path: str, split: tuple[int, str]) -> None:
    assert split_path(path) == split


@pytest.mark.parametrize(
    ("method", "target", "seen"),
    [
        ("GET", "/api/query", "GET /api/query"),
        ("POST", "/api/V1/QUERY/", "POST /api/V1/QUERY/"),
        ("GET", "/api/query?method_override=Post", "POST /api/query"),
        ("POST", "/api/query?method_override=delete", "POST /api/query"),
    ],
)
async def test_endpoints_get_the_method_that_counts(method: str, target: str, seen: str) -> None:
    reply = await OpenTSDB(endpoints={"query": echo}).ask(target, method=method)
    assert reply.body.decode() == seen


@pytest.mark.parametrize(
    ("value", "message"),
    [("", "Missing method override value"), ("brew", "Unknown or unsupported method override value")],
)
async def test_method_override_of_nothing_known(value: str, message: str) -> None:
    reply = await OpenTSDB().ask(f"/api/put?method_override={value}", method="GET")
    assert (reply.status, json.loads(reply.body)["error"]["message"]) == (405, message)


@pytest.mark.parametrize("target", ["/api/", "/api/v1", "/api/v1/", "/api/put/extra", "/api/nosuch"])
async def test_unknown_paths_are_404_in_the_rooms_words(target: str) -> None:
    reply = await OpenTSDB().ask(target)
    assert (reply.status, json.loads(reply.body)["error"]["message"]) == (404, "Endpoint not found")


async def test_bytes_that_are_no_gzip_are_refused_in_the_rooms_words() -> None:
    reply = await OpenTSDB().ask(body=b"not gzip", headers={"Content-Encoding": "gzip"})
    assert reply.status == 400
    assert json.loads(reply.body)["error"]["code"] == 400


async def test_1_1_deflate() -> None:
    tsdb = OpenTSDB()
    reply = await tsdb.ask(body=zlib.compress(GOOD.encode()), headers={"Content-Encoding": "deflate"})
    assert reply.status == 204
    assert tsdb.store.stored() == [("m", {"k": "v"}, 1346846400000, 1)]


async def test_any_failure_of_ours_is_500_in_the_rooms_shape() -> None:
    async def breaks(scope: Scope, receive: Receive, send: Send) -> None:
        raise ZeroDivisionError("a secret")

    reply = await OpenTSDB(endpoints={"query": breaks}).ask("/api/query", method="GET")
    assert (reply.status, json.loads(reply.body)["error"]["code"]) == (500, 500)
    assert b"secret" not in reply.body


async def test_head_of_a_put_is_405() -> None:
    assert (await OpenTSDB().ask(method="HEAD")).status == 405


async def test_put_answers_204_without_headers_that_a_body_would_need() -> None:
    reply = await OpenTSDB().ask(body=GOOD)
    assert reply == (204, {}, b"")
