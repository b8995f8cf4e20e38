"""What every endpoint does alike: methods, jsonp, gzip, statuses."""

from __future__ import annotations

import gzip
import json
from typing import cast

import pytest
from room_fixture import OpenTSDB
from starlette.types import Scope

from headrace.errors import Refused
from headrace.protocols.opentsdb.reply import Parameters, Reply, endpoint
from headrace.rules import Rule


async def says(scope: Scope, parameters: Parameters, body: bytes, reply: Reply) -> None:
    if "bad" in parameters:
        raise Refused(cast(Rule, parameters["bad"][0]), "no")
    if "empty" in parameters:
        await reply.empty(204)
    else:
        await reply.whole(json.dumps([scope["method"], "x" * 2000]).encode(), int(parameters.get("status", ["200"])[0]))


TSDB = OpenTSDB(endpoints={"say": endpoint(says, 100), "drop": endpoint(says, 100, ("DELETE",))})


async def test_methods() -> None:
    assert (await TSDB.ask("/api/say", method="GET")).body.startswith(b'["GET"')
    assert (await TSDB.ask("/api/say", "{}")).body.startswith(b'["POST"')
    assert (await TSDB.ask("/api/say", method="DELETE")).status == 405
    assert (await TSDB.ask("/api/drop?method_override=delete", method="GET")).body.startswith(b'["DELETE"')


async def test_jsonp_gzip_and_empty() -> None:
    reply = await TSDB.ask("/api/say?jsonp=f&status=400", method="GET", headers={"accept-encoding": "gzip"})
    assert reply.status == 400
    assert reply.headers["content-encoding"] == "gzip"
    assert gzip.decompress(reply.body).startswith(b'f(["GET"')
    assert await TSDB.ask("/api/say?empty", method="GET") == (204, {}, b"")


@pytest.mark.parametrize(
    ("rule", "status"), [("query-time", 413), ("not-implemented", 501), ("name-unknown", 404), ("filter", 400)]
)
async def test_statuses(rule: str, status: int) -> None:
    assert (await TSDB.ask(f"/api/say?bad={rule}", method="GET")).status == status
    assert (await TSDB.ask("/api/say", "x" * 101)).status == 413
