"""/api/query/last, as OpenTSDB's documentation and Alibaba's SDK ask it."""

from __future__ import annotations

import time
from typing import Any

import pytest
from real_room import RealRoom, answered, error

T = 1356998400


async def fill(tsd: RealRoom) -> None:
    web01, web02 = {"host": "web01", "dc": "lga"}, {"host": "web02", "dc": "lga"}
    await tsd.put(
        ("sys.cpu", T + 10, 3, web01),
        ("sys.cpu", T, 1, web01),
        ("sys.cpu", T, 10, web02),
        ("sys.cpu", int(time.time()) - 60, 1.5, web02),
        ("load", (T + 5) * 1000 + 250, 0.5, {"host": "web01"}),
        ("state", T, 'on "air"', {"host": "web01"}),
        ("door", T, True, {"host": "web01"}),
    )


def shorn(entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{key: value for key, value in entry.items() if key != "tsuid"} for entry in entries]


async def test_time_in_ms_and_value_as_text(tsd: RealRoom) -> None:
    await fill(tsd)
    found = answered(await tsd.get("query/last?timeseries=sys.cpu{host=web01}&timeseries=load&resolve"))
    assert shorn(found) == [
        {
            "metric": "sys.cpu",
            "tags": {"host": "web01", "dc": "lga"},
            "timestamp": (T + 10) * 1000,
            "value": "3",
        },
        {"metric": "load", "tags": {"host": "web01"}, "timestamp": (T + 5) * 1000 + 250, "value": "0.5"},
    ]
    unresolved = answered(await tsd.get("query/last?timeseries=load"))
    assert set(unresolved[0]) == {"timestamp", "value", "tsuid"}


async def test_texts_and_booleans(tsd: RealRoom) -> None:
    await fill(tsd)
    asked = {"queries": [{"metric": "state"}, {"metric": "door", "tags": {}}]}
    assert [entry["value"] for entry in answered(await tsd.post("query/last", asked))] == ['on "air"', "true"]


async def test_by_tsuids_with_unknown_ones_passed_over(tsd: RealRoom) -> None:
    await fill(tsd)
    every = answered(await tsd.get("query/last?timeseries=sys.cpu"))
    tsuids = [entry["tsuid"] for entry in every]
    asked = {"queries": [{"tsuids": [*tsuids, "0" * 32]}], "resolveNames": False}
    assert answered(await tsd.post("query/last", asked)) == every
    assert answered(await tsd.get(f"query/last?tsuids={','.join(tsuids)}")) == every
    assert answered(await tsd.get(f"query/last?tsuids={'0' * 32}")) == []
    assert answered(await tsd.get(f"query/last?tsuids=000001000001000001,{tsuids[0]}")) == every[:1]


@pytest.mark.parametrize("hours", ["0", "-1"])
async def test_a_back_scan_of_nothing_is_all_of_history(tsd: RealRoom, hours: str) -> None:
    await fill(tsd)
    every = answered(await tsd.get("query/last?timeseries=sys.cpu"))
    assert answered(await tsd.get(f"query/last?timeseries=sys.cpu&back_scan={hours}")) == every


async def test_back_scan_and_the_sdks_timestamp(tsd: RealRoom) -> None:
    await fill(tsd)
    recent = answered(await tsd.get("query/last?timeseries=sys.cpu&back_scan=24&resolve"))
    assert [entry["tags"]["host"] for entry in recent] == ["web02"]
    for moment in (T + 9, (T + 9) * 1000):
        asked = {"queries": [{"metric": "sys.cpu", "tags": {"dc": "lga"}}], "timestamp": moment, "msResolution": True}
        before = answered(await tsd.post("query/last", asked))
        assert [(entry["timestamp"], entry["value"]) for entry in before] == [(T * 1000, "1"), (T * 1000, "10")]


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("query/last", "Missing sub queries"),
        ("query/last?timeseries=nope{host=web01}", "No such name for 'metrics': 'nope'"),
        ("query/last?timeseries=load{host", "Missing '}' at the end of: load{host"),
        ("query/last?timeseries=load&back_scan=x", "Unable to parse 'back_scan' parameter"),
        ("query/last?tsuids=zz", "No such name for 'tsuids': 'zz'"),
    ],
)
async def test_mistakes(tsd: RealRoom, target: str, message: str) -> None:
    await fill(tsd)
    assert error(await tsd.get(target)) == (400, message)


async def test_mistakes_of_post(tsd: RealRoom) -> None:
    assert error(await tsd.post("query/last", "")) == (400, "Missing message content")
    assert error(await tsd.post("query/last", "{}")) == (400, "Missing sub queries")
    assert error(await tsd.post("query/last", '{"queries":[{}]}'))[0] == 400
    assert error(await tsd.post("query/last", '{"queries":[{"metric":"a"}],"timestamp":5}'))[0] == 400
