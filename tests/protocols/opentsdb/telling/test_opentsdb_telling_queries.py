"""/api/stats/query: what runs, and what ran."""

from __future__ import annotations

import asyncio
from typing import Any

from real_room import RealRoom, answered

from headrace import limits
from headrace.protocols.opentsdb.telling.queries import QueryWatch

T = 1356998400
GET: Any = {"method": "GET", "query_string": b"start=1"}


class Shown:
    """A reply that keeps what it is given."""

    body = b""

    async def whole(self, body: bytes, status: int = 200) -> None:
        self.body = body


async def test_what_has_ended(tsd: RealRoom) -> None:
    assert answered(await tsd.get("stats/query")) == {"completed": [], "running": []}
    await tsd.put(("m", T, 1, {"host": "a"}))
    answered(await tsd.get(f"query?start={T}&end={T + 60}&m=sum:m"))
    unknown = {"start": T, "queries": [{"aggregator": "sum", "metric": "nix"}]}
    assert (await tsd.post("query", unknown)).status == 400
    found = answered(await tsd.get("stats/query"))
    assert found["running"] == []
    refused, good = found["completed"]
    assert (refused["httpResponse"], good["httpResponse"]) == (
        {"code": 400, "reasonPhrase": "Bad Request"},
        {"code": 200, "reasonPhrase": "OK"},
    )
    assert "No such name for 'metrics': 'nix'" in refused["exception"]
    assert (good["exception"], good["sentToClient"], good["numRunningQueries"]) == ("null", True, 0)
    assert good["query"]["start"] == str(T)
    assert good["query"]["queries"][0]["metric"] == "m"
    assert refused["query"]["queries"][0]["aggregator"] == "sum"
    await tsd.post("query", unknown, method="DELETE")
    assert answered(await tsd.get("stats/query"))["completed"][0]["query"] == refused["query"]
    assert good["queryStartTimestamp"] <= good["queryCompletedTimestamp"]


async def test_what_runs(tsd: RealRoom) -> None:
    watch, may_end = QueryWatch(), asyncio.Event()
    shown: Any = Shown()

    async def handler(scope: Any, parameters: Any, body: bytes, reply: Any) -> None:
        await may_end.wait()

    one = asyncio.ensure_future(watch.watching(handler)(GET, {"start": ["1"], "m": ["sum:m"]}, b"", shown))
    await asyncio.sleep(0)
    await watch.query(GET, {}, b"", shown)
    assert b'"completed":[]' in shown.body
    assert b'"numRunningQueries":1' in shown.body
    may_end.set()
    await one
    await watch.query(GET, {}, b"", shown)
    assert b'"running":[]' in shown.body


async def test_every_member_of_a_question_is_told(tsd: RealRoom) -> None:
    rate = {"counter": True, "counterMax": 100, "resetValue": "7"}
    sub = {"aggregator": "sum", "metric": "m", "rateOptions": rate, "limit": 1, "offset": 0, "globalLimit": 3}
    await tsd.post("query", {"start": T, "queries": [sub]})
    for counter in ("counter", "dropcounter"):
        await tsd.get(f"query?start={T}&m=sum:rate%7B{counter},100,7%7D:m")
    completed = answered(await tsd.get("stats/query"))["completed"]
    dropping, by_url, by_body = (one["query"]["queries"][0] for one in completed)
    for told, drops in ((by_body, None), (by_url, False), (dropping, True)):
        options = {"counter": True, "counterMax": 100, "resetValue": 7, "dropResets": drops}
        assert told["rateOptions"] == options
    assert (by_body["limit"], by_body["offset"], by_body["globalLimit"]) == (1, 0, 3)


async def test_only_so_many_are_remembered_and_none_that_is_large(tsd: RealRoom) -> None:
    for _ in range(limits.OPENTSDB_QUERIES_REMEMBERED + 5):
        await tsd.get("query?start=1")
    long = {"start": T, "queries": [{"aggregator": "sum", "metric": "m" * limits.OPENTSDB_QUERY_REMEMBERED_BYTES_MAX}]}
    await tsd.post("query", long)
    await tsd.post("query", "[" * 2000)
    broken, large, *others = answered(await tsd.get("stats/query"))["completed"]
    assert broken["query"] is None
    assert large["query"] is None
    assert len(others) == limits.OPENTSDB_QUERIES_REMEMBERED - 2
