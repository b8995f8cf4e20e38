"""/suggest, /aggregators, /version, /stats and /logs: as OpenTSDB 2.4.1 answers them."""

from __future__ import annotations

import json

import pytest
from real_room import RealRoom, answered


async def test_suggest_and_aggregators(tsd: RealRoom) -> None:
    await tsd.put(("sys.cpu", 1356998400, 1, {"host": "a"}), ("sys.ms", 1356998400, 1, {"host": "a"}))
    for target in ("/suggest?type=metrics&q=sys", "/Suggest/x?type=metrics"):
        assert answered(await tsd.ask(target, method="GET")) == ["sys.cpu", "sys.ms"]
    assert answered(await tsd.ask("/suggest?type=metrics&max=1", method="GET")) == ["sys.cpu"]
    for target in ("/aggregators", "/aggregators?json", "/aggregators/"):
        assert answered(await tsd.ask(target, method="GET")) == answered(await tsd.get("aggregators"))


async def test_version(tsd: RealRoom) -> None:
    reply = await tsd.ask("/version", method="GET")
    assert reply.headers["content-type"] == "text/plain; charset=UTF-8"
    assert reply.body.decode() == await tsd.lines("version\n")
    assert answered(await tsd.ask("/version?json", method="GET")) == answered(await tsd.get("version"))


async def test_stats(tsd: RealRoom) -> None:
    await tsd.put(("a", 1356998400, 1, {"host": "a"}))
    reply = await tsd.ask("/stats", method="GET")
    assert reply.headers["content-type"] == "text/plain; charset=UTF-8"
    metrics = {line.split()[0]: line.split() for line in reply.body.decode().splitlines()}
    assert metrics["headrace.points.accepted.total"][2] == "1"
    listed = answered(await tsd.ask("/stats?json", method="GET"))
    assert {line.split()[0] for line in listed} == set(metrics)


async def test_logs(tsd: RealRoom) -> None:
    reply = await tsd.ask("/logs?json", method="GET")
    assert reply.status == 501
    assert "not kept in the server" in json.loads(reply.body)["err"]


@pytest.mark.parametrize("path", ["/quick", "/statistics", "/dropcaches", "/diediedie", "/s/x"])
async def test_what_is_none_of_them(tsd: RealRoom, path: str) -> None:
    assert (await tsd.ask(path, method="GET")).status == 404
