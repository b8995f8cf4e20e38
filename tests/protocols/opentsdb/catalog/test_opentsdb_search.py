"""/api/search, in the members that OpenTSDB documents."""

from __future__ import annotations

from typing import Any

import pytest
from real_room import RealRoom, answered, error

from headrace import limits

T = 1356998400


async def stored(tsd: RealRoom) -> None:
    await tsd.put(
        ("sys.cpu", T, 1, {"host": "web01"}),
        ("sys.cpu", T, 2, {"host": "web02"}),
        ("net.in", T, 3, {"host": "web01"}),
    )
    field = {"metric": "sys.wind", "timestamp": T, "fields": {"speed": 1}, "tags": {"sensor": "a"}}
    assert (await tsd.post("mput", [field])).status == 204


async def results(tsd: RealRoom, kind: str, query: Any) -> list[Any]:
    return list(answered(await tsd.post(f"search/{kind}", query))["results"])


async def test_the_members(tsd: RealRoom) -> None:
    await stored(tsd)
    found = answered(await tsd.get("search/tsmeta_summary?query=name:sys.*&limit=1&start_index=1"))
    [one] = found.pop("results")
    assert isinstance(found.pop("time"), int)
    assert found == {
        "type": "TSMETA_SUMMARY",
        "query": "name:sys.*",
        "metric": None,
        "tags": None,
        "limit": 1,
        "startIndex": 1,
        "totalResults": 2,
    }
    assert (one["metric"], one["tags"]) == ("sys.cpu", {"host": "web02"})
    looked_up = answered(await tsd.get("search/lookup?m=sys.cpu%7Bhost=web02%7D"))["results"]
    assert looked_up == [one]


@pytest.mark.parametrize(
    ("query", "metrics"),
    [
        ("*", {"net.in", "sys.cpu"}),
        ("name:*.cpu", {"sys.cpu"}),
        ('name:"sys.*"', {"sys.cpu"}),
        ("net.in", {"net.in"}),
        ("sys", set()),
    ],
)
async def test_series(tsd: RealRoom, query: str, metrics: set[str]) -> None:
    await stored(tsd)
    summaries = await results(tsd, "tsmeta_summary", {"query": query})
    assert {one["metric"] for one in summaries} == metrics
    tsuids = [one["tsuid"] for one in summaries]
    assert await results(tsd, "tsuids", {"query": query}) == tsuids
    metas = await results(tsd, "tsmeta", {"query": query})
    assert [one["tsuid"] for one in metas] == tsuids
    for one in metas:
        assert answered(await tsd.get(f"uid/tsmeta?tsuid={one['tsuid']}")) == one


async def test_names(tsd: RealRoom) -> None:
    await stored(tsd)
    found = await results(tsd, "uidmeta", {"query": "*", "limit": 100})
    assert [(one["type"], one["name"]) for one in found] == [
        *(("METRIC", name) for name in ("net.in", "sys.cpu")),
        *(("TAGK", name) for name in ("host", "sensor")),
        *(("TAGV", name) for name in ("a", "web01", "web02")),
    ]
    for one in found:
        assert answered(await tsd.get(f"uid/uidmeta?uid={one['uid']}&type={one['type']}")) == one
    page = answered(await tsd.post("search/uidmeta", {"query": "name:web*", "limit": 1, "startIndex": 1}))
    assert ([one["name"] for one in page["results"]], page["totalResults"]) == (["web02"], 2)


async def test_annotations(tsd: RealRoom) -> None:
    notes = [{"startTime": T + n, "description": "storm" if n % 2 else "deployed"} for n in range(250)]
    assert (await tsd.post("annotation/bulk", notes)).status == 200
    found = answered(await tsd.post("search/annotation", {"query": "dep*", "limit": 70, "startIndex": 20}))
    assert found["totalResults"] == 125
    assert [one["startTime"] for one in found["results"]] == [T + 2 * n for n in range(20, 90)]
    assert answered(await tsd.post("search/annotation", {"query": "*", "limit": 1}))["totalResults"] == 250


async def test_huge_numbers(tsd: RealRoom) -> None:
    await stored(tsd)
    query = {"query": "*", "limit": 10**30, "startIndex": 10**30}
    assert await results(tsd, "uidmeta", query) == await results(tsd, "annotation", query) == []
    assert len(await results(tsd, "tsuids", {**query, "startIndex": -(10**30)})) == 3


@pytest.mark.parametrize("limit", [None, 0, -1])
async def test_without_a_limit(tsd: RealRoom, limit: int | None) -> None:
    await tsd.put(*[("m", T, 1, {"host": f"web{n:02}"}) for n in range(40)])
    assert len(await results(tsd, "tsuids", {"query": "*", "limit": limit})) == 25


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("tsmeta", "Missing parameter <code>query</code>"),
        ("nix?query=*", "Invalid search query type supplied"),
        ("?query=*", "Invalid search query type supplied"),
        ("uidmeta?query=name:a%20AND%20b", "Unable to parse query: name:a AND b"),
        ("uidmeta?query=description:a", "Unable to parse query: description:a"),
        ("uidmeta?query=*&limit=x", "Unable to convert 'limit' or 'start_index' to a valid number"),
    ],
)
async def test_what_is_wrong(tsd: RealRoom, path: str, message: str) -> None:
    assert error(await tsd.get(f"search/{path}")) == (400, message)


async def test_annotations_of_more_bytes_than_an_answer_may_have(
    tsd: RealRoom, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "OPENTSDB_METAS_BYTES_MAX", 3000)
    notes = [{"startTime": T + at, "description": f"note{at}", "notes": "n" * 1000} for at in range(4)]
    assert (await tsd.post("annotation/bulk", notes)).status == 200
    assert len(await results(tsd, "annotation", {"query": "note*", "limit": 2})) == 2
    status, words = error(await tsd.post("search/annotation", {"query": "note*"}))
    assert (status, words) == (413, "more than 3000 bytes of meta data: ask for less")


async def test_names_that_are_looked_through_are_bounded_and_counted(
    tsd: RealRoom, monkeypatch: pytest.MonkeyPatch
) -> None:
    await stored(tsd)
    monkeypatch.setattr(limits, "OPENTSDB_SEARCHED_NAMES_MAX", 1)
    assert [one["metric"] for one in await results(tsd, "tsmeta_summary", {"query": "net*"})] == ["net.in"]
    assert error(await tsd.post("search/tsmeta_summary", {"query": "*"})) == (400, "More than 1 names begin with ''")
    monkeypatch.setattr(limits, "OPENTSDB_SEARCHED_NAMES_MAX", 100)
    monkeypatch.setattr(limits, "OPENTSDB_SEARCHED_NAME_BYTES", 2**40)
    for kind in ("tsmeta", "uidmeta"):
        assert "query_memory_bytes" in error(await tsd.post(f"search/{kind}", {"query": "*"}))[1]
