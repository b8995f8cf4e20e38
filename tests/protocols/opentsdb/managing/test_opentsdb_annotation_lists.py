"""GET /api/annotations, as OpenTSDB 2.4.1 answers it."""

from __future__ import annotations

import json

import pytest
from real_room import RealRoom, answered, error

T = 1356998400
TSUID = "0" * 31 + "A"


async def noted(tsd: RealRoom) -> None:
    for start, tsuid in ((T + 10, ""), (T + 20, ""), (T + 11, TSUID)):
        assert (await tsd.post("annotation", {"startTime": start, "tsuid": tsuid, "description": "d"})).status == 200


@pytest.mark.parametrize(
    ("query", "starts"),
    [
        (f"start_time={T}&end_time={T + 60}", [T + 10, T + 20]),
        (f"start_time={T}&end_time={T + 60}&global", [T + 10, T + 20]),
        (f"start_time={T}000&end_time={T + 60}000", [T + 10, T + 20]),
        (f"start_time={T + 10}&end_time={T + 10}", [T + 10]),
        (f"start_time={T + 11}&end_time={T + 19}", []),
        ("start_time=1h-ago&end_time=now", []),
        (f"start_time={T}", [T + 10, T + 20]),
        (f"start_time={T}&end_time={T + 60}&tsuid={TSUID.lower()}", [T + 11]),
    ],
)
async def test_by_range(tsd: RealRoom, query: str, starts: list[int]) -> None:
    await noted(tsd)
    assert [note["startTime"] for note in answered(await tsd.get(f"annotations?{query}"))] == starts


async def test_a_list_of_many_pages(tsd: RealRoom) -> None:
    many = [{"startTime": T + n, "description": "d"} for n in range(250)]
    assert (await tsd.post("annotation/bulk", many)).status == 200
    found = answered(await tsd.get(f"annotations?start_time={T}&end_time={T + 300}"))
    assert [note["startTime"] for note in found] == [T + n for n in range(250)]


@pytest.mark.parametrize(
    ("query", "status", "message"),
    [
        ("", 400, "Missing start time"),
        ("end_time=1356998400", 400, "Missing start time"),
        ("start_time=0&end_time=1", 400, "Missing start time"),
        (f"start_time={T}&end_time={T - 1}", 400, "The end timestamp cannot be less than the start timestamp"),
        (f"start_time={T}&tsuid=zz", 400, "No such name for 'tsuids': 'zz'"),
    ],
)
async def test_what_is_wrong(tsd: RealRoom, query: str, status: int, message: str) -> None:
    assert error(await tsd.get(f"annotations?{query}")) == (status, message)


async def test_all_but_its_get_is_about_one(tsd: RealRoom) -> None:
    written = answered(await tsd.post("annotations", {"startTime": T, "description": "d"}))
    assert written["description"] == "d"
    gone = await tsd.ask(f"/api/annotations?start_time={T}", method="DELETE")
    assert (gone.status, gone.body) == (204, b"")
    assert json.loads((await tsd.get(f"annotations?start_time={T}")).body) == []
