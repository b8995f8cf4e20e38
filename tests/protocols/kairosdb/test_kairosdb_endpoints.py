"""The small endpoints, in the shapes that KairosDB's clients read (its MetricsResource and FeaturesResource)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from urllib.parse import quote

import pytest
from kairosdb_room import KairosDB, kairosdb_room

from headrace import limits
from headrace.protocols.kairosdb import endpoints, faults, routes


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KairosDB]:
    with kairosdb_room(tmp_path_factory.mktemp("kairosdb") / "data") as room:
        yield room


@pytest.fixture
async def kairos(room: KairosDB) -> KairosDB:
    """Empty before each test; opening a store takes longer than most of them."""
    for name in (await room.get("metricnames")).json["results"]:
        await room.ask(f"metric/{quote(name, safe='')}", method="DELETE")
    return room


async def fill(kairos: KairosDB) -> None:
    points = [
        {"name": name, "tags": {"host": host, "dc": "x"}, "datapoints": [[t, t] for t in range(1, 6)]}
        for name in ("cpu/user", "cpu.sys", "Mem")
        for host in ("a", "b")
    ]
    assert (await kairos.ask("datapoints", points)).status == 204


async def test_version_health_and_features(kairos: KairosDB, monkeypatch: pytest.MonkeyPatch) -> None:
    version = await kairos.get("version")
    assert version.json == {"version": endpoints.VERSION}
    assert version.json["version"].startswith("KairosDB 1.3.0")
    check = await kairos.get("health/check")
    assert (check.status, check.headers["content-type"]) == (204, "application/json;charset=utf-8")
    assert (await kairos.get("health/status")).json == ["JVM-Thread-Deadlock: OK", "Datastore-Query: OK"]
    monkeypatch.setattr(type(kairos.store), "refusing", "the disk is full")
    check = await kairos.get("health/check")
    assert (check.status, check.body) == (500, b"")
    assert (await kairos.get("health/status")).json[1] == "Datastore-Query: FAIL"

    kinds = (await kairos.get("features")).json
    assert [kind["name"] for kind in kinds] == ["group_by", "aggregators"]
    assert (await kairos.get("features/group_by")).json == kinds[0]["properties"]
    aggregators = {one["name"]: one for one in (await kairos.get("features/aggregators")).json}
    assert "sum" in aggregators
    assert {"name", "label", "properties"} <= aggregators["sum"].keys()
    unknown = await kairos.get("features/intel")
    assert (unknown.status, unknown.errors) == (404, ["Unknown feature 'intel'"])


async def test_names(kairos: KairosDB) -> None:
    assert (await kairos.get("metricnames")).body == b'{"results":[]}'
    await fill(kairos)
    assert (await kairos.get("metricnames")).json == {"results": ["Mem", "cpu.sys", "cpu/user"]}
    assert (await kairos.get("metricnames/?prefix=cpu.")).json == {"results": ["cpu.sys"]}
    assert (await kairos.get("metricnames?prefix=m")).json == {"results": []}
    assert (await kairos.get("tagnames")).json == {"results": ["dc", "host"]}
    assert (await kairos.get("tagvalues")).json == {"results": ["a", "b", "x"]}


async def test_delete_of_a_question(kairos: KairosDB) -> None:
    await fill(kairos)
    question = {
        "start_absolute": 2,
        "end_absolute": 4,
        "metrics": [{"name": "Mem", "tags": {"host": "a"}}, {"name": "nobody"}, {"name": "cpu.sys"}],
    }
    reply = await kairos.ask("datapoints/delete", question)
    assert (reply.status, reply.body) == (204, b"")
    assert (await kairos.stored("Mem"))["number"] == [[1, 1], [1, 1], [2, 2], [3, 3], [4, 4], [5, 5], [5, 5]]
    assert (await kairos.stored("cpu.sys"))["number"] == [[1, 1], [1, 1], [5, 5], [5, 5]]
    assert len((await kairos.stored("cpu/user"))["number"]) == 10


async def test_names_of_which_nothing_is_left_leave_the_lists(kairos: KairosDB) -> None:
    await fill(kairos)
    everything = {"start_absolute": 0, "end_absolute": 9}
    await kairos.ask("datapoints/delete", {**everything, "metrics": [{"name": "Mem", "tags": {"host": "a"}}]})
    tags = await kairos.ask("datapoints/query/tags", {**everything, "metrics": [{"name": "Mem"}]})
    assert tags.json["queries"][0]["results"][0]["tags"] == {"dc": ["x"], "host": ["b"]}
    assert (await kairos.get("metricnames")).json == {"results": ["Mem", "cpu.sys", "cpu/user"]}
    await kairos.ask("datapoints/delete", {**everything, "metrics": [{"name": "Mem"}]})
    assert (await kairos.get("metricnames")).json == {"results": ["cpu.sys", "cpu/user"]}
    await fill(kairos)
    assert len((await kairos.stored("Mem"))["number"]) == 10


async def test_of_very_many_series_at_a_time_the_names_stay(kairos: KairosDB, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "KAIROSDB_FORGOTTEN_SERIES_MAX", 1)
    await fill(kairos)
    everything = {"start_absolute": 0, "end_absolute": 9, "metrics": [{"name": "Mem"}]}
    await kairos.ask("datapoints/delete", everything)
    assert await kairos.stored("Mem") == {}
    assert (await kairos.get("metricnames")).json == {"results": ["Mem", "cpu.sys", "cpu/user"]}
    for host in ("a", "b"):
        one = {**everything, "metrics": [{"name": "Mem", "tags": {"host": host}}]}
        await kairos.ask("datapoints/delete", one)
    assert (await kairos.get("metricnames")).json == {"results": ["cpu.sys", "cpu/user"]}


async def test_delete_has_the_errors_of_a_query(kairos: KairosDB) -> None:
    reply = await kairos.ask("datapoints/delete", {"metrics": [{"name": "m"}]})
    assert (reply.status, reply.errors) == (
        400,
        ["query.metric[0].start_time relative or absolute time must be set"],
    )
    assert (await kairos.ask("datapoints/delete", b"")).errors == ["query json must not be null or empty"]


@pytest.mark.parametrize("name", ["cpu%2Fuser", "cpu/user", "cpu%2Fuser/"])
async def test_delete_of_a_metric(kairos: KairosDB, name: str) -> None:
    await fill(kairos)
    reply = await kairos.ask(f"metric/{name}", b"{}", method="DELETE")
    assert (reply.status, reply.body) == (204, b"")
    assert await kairos.stored("cpu/user") == {}
    assert (await kairos.get("metricnames")).json == {"results": ["Mem", "cpu.sys"]}
    await fill(kairos)
    assert len((await kairos.stored("cpu/user"))["number"]) == 10


async def test_delete_of_an_unknown_metric(kairos: KairosDB) -> None:
    assert (await kairos.ask("metric/nobody", method="DELETE")).status == 204
    nameless = await kairos.ask("metric/", method="DELETE")
    assert (nameless.status, len(nameless.errors)) == (404, 1)


async def test_unknown_paths_and_methods(kairos: KairosDB) -> None:
    unknown = await kairos.get("datapoints/nothing")
    assert (unknown.status, len(unknown.errors)) == (404, 1)
    wrong = await kairos.get("datapoints")
    assert (wrong.status, wrong.headers["allow"]) == (405, "POST")
    assert (await kairos.ask("version")).status == 405


@pytest.mark.parametrize("path", ["put", "query", "suggest", "aggregators", "metrics"])
def test_all_else_below_api_v1_is_opentsdbs(path: str) -> None:
    assert not any((routes.ROOT + path).startswith(prefix) for prefix in routes.PREFIXES)


def test_answers_are_never_cached() -> None:
    _, headers, _ = faults.json_answer(json.dumps([]).encode())
    assert (b"cache-control", b"no-cache") in headers
