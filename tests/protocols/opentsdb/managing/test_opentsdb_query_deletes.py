"""DELETE /api/query, and `delete` in its body."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from real_room import RealRoom, answered, error, real_room

from headrace.errors import Unavailable

T = 1356998400
ALL = f"query?start={T}&end={T + 100}&m=none:m"
WHOLE = {"start": T, "end": T + 20, "queries": [{"aggregator": "sum", "metric": "m", "tags": {"host": "a"}}]}


async def stored(tsd: RealRoom) -> None:
    for n in range(4):
        await tsd.put(("m", T + 10 * n, n, {"host": "a"}), ("m", T + 10 * n, 10 * n, {"host": "b"}))


async def left(tsd: RealRoom) -> dict[str, dict[str, Any]]:
    return {one["tags"]["host"]: one["dps"] for one in answered(await tsd.get(ALL))}


BEFORE = {"a": {str(T + 10 * n): n for n in range(4)}, "b": {str(T + 10 * n): 10 * n for n in range(4)}}


@pytest.mark.parametrize("form", ["DELETE with a query string", "DELETE with a body", "POST with delete"])
async def test_what_is_answered_is_deleted_and_stays_so(tmp_path: Path, form: str) -> None:
    with real_room(tmp_path, opentsdb_delete=True) as tsd:
        await stored(tsd)
        if form == "DELETE with a query string":
            target = f"/api/query?start={T}&end={T + 20}&m=sum:20s-sum:m%7Bhost=a%7D"
            reply = await tsd.ask(target, method="DELETE")
        else:
            method, body = ("DELETE", WHOLE) if form == "DELETE with a body" else ("POST", {**WHOLE, "delete": True})
            reply = await tsd.post("query", body, method=method)
        [gone] = answered(reply)
        assert gone["tags"] == {"host": "a"}
        assert sum(gone["dps"].values()) in (3, 6)  # by 20 s the last bucket also shows a point after the end
        assert await left(tsd) == {**BEFORE, "a": {str(T + 30): 3}}
        assert answered(await tsd.post("query", {**WHOLE, "delete": True})) == []
    with real_room(tmp_path) as tsd:
        assert await left(tsd) == {**BEFORE, "a": {str(T + 30): 3}}


async def test_several_sub_queries_and_tsuids(tmp_path: Path) -> None:
    with real_room(tmp_path, opentsdb_delete=True) as tsd:
        await stored(tsd)
        await tsd.put(("other", T, "text", {"host": "a"}), ("kept", T, 1, {"host": "a"}))
        [tsuid] = [one["tsuid"] for one in answered(await tsd.get("query/last?timeseries=m%7Bhost=b%7D"))]
        target = f"/api/query?start={T}&m=none:other&tsuid=sum:{tsuid}&arrays"
        found = answered(await tsd.ask(target, method="DELETE"))
        assert {one["metric"]: len(one["dps"]) for one in found} == {"other": 1, "m": 4}
        assert await left(tsd) == {"a": BEFORE["a"]}
        assert answered(await tsd.get(f"query?start={T}&m=none:other")) == []
        assert len(answered(await tsd.get(f"query?start={T}&m=none:kept"))) == 1


async def test_only_where_it_is_allowed(tmp_path: Path) -> None:
    with real_room(tmp_path) as tsd:
        await stored(tsd)
        for reply in (
            await tsd.ask(f"/api/{ALL}", method="DELETE"),
            await tsd.post("query", {**WHOLE, "delete": True}),
            await tsd.get(f"{ALL}&method_override=delete"),
        ):
            assert error(reply) == (400, "Deleting data is not enabled")
        assert answered(await tsd.get("config"))["tsd.http.query.allow_delete"] == "false"
        assert await left(tsd) == BEFORE


@pytest.mark.parametrize(
    ("body", "headers", "message"),
    [
        (
            {**WHOLE, "queries": [{**WHOLE["queries"][0], "limit": 1}]},  # type: ignore[index]
            {},
            "limit, offset, globalLimit, dpValue and preDpValue do not go with deleting",
        ),
        (
            {**WHOLE, "queries": [{**WHOLE["queries"][0], "preDpValue": ">1"}]},  # type: ignore[index]
            {},
            "limit, offset, globalLimit, dpValue and preDpValue do not go with deleting",
        ),
        ({**WHOLE, "queries": [{"aggregator": "sum", "metric": "nix"}]}, {}, "No such name for 'metrics': 'nix'"),
        (
            {**WHOLE, "end": T - 1},
            {},
            f"End time [{T - 1}000] must be greater than or equal to the start time [{T}000]",
        ),
    ],
)
async def test_what_is_wrong_deletes_nothing(tmp_path: Path, body: Any, headers: dict[str, str], message: str) -> None:
    with real_room(tmp_path, opentsdb_delete=True) as tsd:
        assert answered(await tsd.get("config"))["tsd.http.query.allow_delete"] == "true"
        await stored(tsd)
        reply = await tsd.ask("/api/query", json.dumps({**body, "delete": True}), headers=headers)
        assert error(reply) == (400, message)
        assert await left(tsd) == BEFORE


async def test_a_store_that_takes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def full(*_: Any) -> int:
        raise Unavailable("the disk is full")

    with real_room(tmp_path, opentsdb_delete=True) as tsd:
        await stored(tsd)
        monkeypatch.setattr(tsd.opened, "delete", full)
        reply = await tsd.post("query", WHOLE, method="DELETE")
        assert reply.status == 503
        assert "retry-after" in reply.headers
        assert await left(tsd) == BEFORE
