"""One store behind all rooms: points of every kind go in by each of them and are read by every other."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from serverprocess import ServerProcess, running

TAGS = {"host": "a", "dc": "eu"}
NOW_MS = 1_700_000_000_000

NUMBERS = {0: 7, 1000: -(2**63), 2000: 2**63 - 1, 3000: 1.5, 4000: -2.5e-7, 5000: 1e300}
TEXTS = {0: "on", 1000: 'with "quotes", \\ and é', 2000: "1e5 apples"}
FLAGS = {0: True, 1000: False}


def opentsdb_http(server: ServerProcess, metric: str, points: dict[int, Any]) -> None:
    body = [{"metric": metric, "timestamp": NOW_MS + at, "value": value, "tags": TAGS} for at, value in points.items()]
    assert server.put(body)[0] == 204


def kairosdb_http(server: ServerProcess, metric: str, points: dict[int, Any]) -> None:
    pairs = [[NOW_MS + at, value] for at, value in points.items()]
    body = json.dumps({"name": metric, "datapoints": pairs, "tags": TAGS}).encode()
    assert server.request("POST", "/api/v1/datapoints", body) == (204, b"")


def telnet(server: ServerProcess, metric: str, points: dict[int, Any]) -> None:
    lines = [f"put {metric} {NOW_MS + at} {value!r} host=a dc=eu\n" for at, value in points.items()]
    with server.telnet() as line:
        line.sendall("".join(lines).encode() + b"version\n")
        assert line.recv(1000)


def by_opentsdb(server: ServerProcess, metric: str, tags: dict[str, str] = TAGS) -> dict[int, Any]:
    queries = [{"metric": metric, "aggregator": "none"}]
    (answer,) = server.query(start=NOW_MS, end=NOW_MS + 60_000, msResolution=True, queries=queries)
    assert answer["tags"] == tags
    return {int(at) - NOW_MS: value for at, value in answer["dps"].items()}


def by_kairosdb(server: ServerProcess, metric: str, tags: dict[str, str] = TAGS) -> dict[int, Any]:
    question = {"start_absolute": NOW_MS, "end_absolute": NOW_MS + 60_000, "metrics": [{"name": metric}]}
    status, body = server.request("POST", "/api/v1/datapoints/query", json.dumps(question).encode())
    assert status == 200, body
    (answer,) = json.loads(body)["queries"]
    shown = {key: [value] for key, value in tags.items()}
    assert all(result["tags"] == (shown if result["values"] else {}) for result in answer["results"])
    return {at - NOW_MS: value for result in answer["results"] for at, value in result["values"]}


def apollo(server: ServerProcess, metric: str, points: dict[int, Any]) -> dict[str, str]:
    """By a device that registers a point of this type. Returns the tags that other rooms see."""
    path = "/apollo/devices/device%201/timeseries"
    status, body = server.request("POST", path, json.dumps([{"id": metric, "pointType": metric}]).encode())
    assert status == 202, body
    series_id = json.loads(body)["data"]["relationships"][0]["timeseriesId"]
    samples = [{"timeseriesId": series_id, "val": value, "timestamp": iso(at)} for at, value in points.items()]
    assert server.request("POST", f"{path}/samples", json.dumps(samples).encode())[0] == 202
    return {"device": "device 1", "point": metric, "timeseriesId": series_id, "metric": "Raw"}


def iso(at: int) -> str:
    zone = timezone(timedelta(hours=2))
    return datetime.fromtimestamp((NOW_MS + at) / 1000, zone).isoformat(timespec="milliseconds")


WRITERS = {"opentsdb": opentsdb_http, "kairosdb": kairosdb_http, "telnet": telnet}
READERS = {"opentsdb": by_opentsdb, "kairosdb": by_kairosdb}


@pytest.fixture(scope="module", params=["opentsdb", "kairosdb"])
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """By the law of each room for telnet lines."""
    folder: Path = tmp_path_factory.mktemp(request.param)
    with running(folder / "data", "--telnet", request.param) as server:
        yield server


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("writer", WRITERS)
def test_numbers(server: ServerProcess, writer: str, reader: str) -> None:
    # KairosDB's telnet takes no exponent without a point, and Python spells 1e300 so.
    points = {at: value for at, value in NUMBERS.items() if writer != "telnet" or value != 1e300}
    WRITERS[writer](server, f"numbers.{writer}", points)
    found = READERS[reader](server, f"numbers.{writer}")
    assert found == points
    assert all(isinstance(found[at], int) for at in (0, 1000, 2000)), "a long comes back in all its digits"


@pytest.mark.parametrize("writer", ["opentsdb", "kairosdb"])
@pytest.mark.parametrize("reader", READERS)
def test_texts(server: ServerProcess, writer: str, reader: str) -> None:
    WRITERS[writer](server, f"texts.{writer}", TEXTS)
    assert READERS[reader](server, f"texts.{writer}") == TEXTS


@pytest.mark.parametrize("reader", READERS)
def test_booleans_of_opentsdb(server: ServerProcess, reader: str) -> None:
    opentsdb_http(server, "flags", FLAGS)
    found = READERS[reader](server, "flags")
    assert {at: str(value).lower() for at, value in found.items()} == {0: "true", 1000: "false"}


def test_custom_values_of_kairosdb(server: ServerProcess) -> None:
    value = {"real": 2.3, "imaginary": 5}
    body = {"name": "impedance", "type": "complex-number", "timestamp": NOW_MS, "value": value, "tags": TAGS}
    assert server.request("POST", "/api/v1/datapoints", json.dumps(body).encode()) == (204, b"")
    assert by_kairosdb(server, "impedance") == {0: value}


def by_apollo(server: ServerProcess, series_id: str) -> dict[int, Any]:
    path = f"/apollo/devices/device%201/timeseries/samples?timeseries_ids={series_id}"
    status, body = server.get(path)
    assert status == 200, body
    return {one["unixTimestamp"] - NOW_MS: one["val"] for one in json.loads(body)["data"]}


@pytest.mark.parametrize("points", [NUMBERS, TEXTS], ids=["numbers", "texts"])
def test_samples_of_apollo_are_points_for_every_room(server: ServerProcess, points: dict[int, Any]) -> None:
    metric = f"apollo.{len(points)}"
    tags = apollo(server, metric, points)
    for found in (
        by_opentsdb(server, metric, tags),
        by_kairosdb(server, metric, tags),
        by_apollo(server, tags["timeseriesId"]),
    ):
        assert found == points
        assert [type(value) for _, value in sorted(found.items())] == [type(value) for value in points.values()]


def test_booleans_of_apollo(server: ServerProcess) -> None:
    tags = apollo(server, "apollo.flags", FLAGS)
    assert by_apollo(server, tags["timeseriesId"]) == FLAGS
    for found in (by_opentsdb(server, "apollo.flags", tags), by_kairosdb(server, "apollo.flags", tags)):
        assert {at: str(value).lower() for at, value in found.items()} == {0: "true", 1000: "false"}


def test_points_of_other_rooms_are_samples_only_under_the_very_name_of_a_series(server: ServerProcess) -> None:
    tags = apollo(server, "apollo.mixed", {0: 1})
    stamped = {"name": "apollo.mixed", "timestamp": NOW_MS + 1000, "value": 2}
    more_tags = tags | {"host": "a"}
    for body in (stamped | {"tags": tags}, stamped | {"tags": more_tags}, stamped | {"tags": {"device": "device 1"}}):
        assert server.request("POST", "/api/v1/datapoints", json.dumps(body).encode()) == (204, b"")
    assert by_apollo(server, tags["timeseriesId"]) == {0: 1, 1000: 2}
    path = f"/apollo/devices/device%201/timeseries/samples?timeseries_ids={tags['timeseriesId']}&limit=1"
    [sample] = json.loads(server.get(path)[1])["data"]
    assert (sample["ingestUnixTimestamp"], sample["timeOffset"]) == (NOW_MS + 1000, "+00:00")
    kairosdb_http(server, "apollo.never", {0: 1})
    unknown = "00000000-0000-4000-8000-000000000000"
    assert server.get(f"/apollo/devices/device%201/timeseries/{unknown}")[0] == 404


def test_the_last_write_wins_whichever_room_it_came_by(server: ServerProcess) -> None:
    for number, writer in enumerate(["opentsdb", "kairosdb", "telnet", "kairosdb", "opentsdb"]):
        WRITERS[writer](server, "again", {0: number})
        assert by_opentsdb(server, "again") == by_kairosdb(server, "again") == {0: number}
    kairosdb_http(server, "again", {0: "text"})
    assert by_kairosdb(server, "again") == {0: "text"}
    opentsdb_http(server, "again", {0: 1.5})
    assert by_kairosdb(server, "again") == {0: 1.5}


def test_a_metric_deleted_by_one_room_is_gone_for_all(server: ServerProcess) -> None:
    opentsdb_http(server, "gone", {0: 1})
    assert server.request("DELETE", "/api/v1/metric/gone") == (204, b"")
    assert by_kairosdb(server, "gone") == {}
    assert server.get("/api/suggest?type=metrics&q=gone") == (200, b"[]")


def test_numbers_in_forms_of_datazone(server: ServerProcess) -> None:
    content = json.dumps({"passingPercentage": 87.5, "evaluations": [{"score": 1}], "rows": {"failed": 2**53 + 1}})
    form = {"formName": "dq", "typeIdentifier": "t", "timestamp": NOW_MS / 1000, "content": content}
    path = "/v2/domains/dzd_a/entities/ASSET/orders/time-series-data-points"
    status, _ = server.request("POST", path, json.dumps({"forms": [form]}).encode(), content_type="application/json")
    assert status == 201
    tags = {"domain": "dzd_a", "entityType": "ASSET", "entity": "orders", "type": "t", "form": "dq"}
    for metric, expected in {"dq.passingPercentage": 87.5, "dq.rows.failed": 2**53 + 1}.items():
        queries = [{"metric": metric, "aggregator": "none"}]
        [by_one] = server.query(start=NOW_MS, end=NOW_MS + 1000, msResolution=True, queries=queries)
        assert (by_one["tags"], by_one["dps"]) == (tags, {str(NOW_MS): expected})
        question = {"start_absolute": NOW_MS, "metrics": [{"name": metric}]}
        status, body = server.request("POST", "/api/v1/datapoints/query", json.dumps(question).encode())
        [by_other] = json.loads(body)["queries"][0]["results"]
        assert by_other["tags"] == {key: [value] for key, value in tags.items()}
        assert by_other["values"] == [[NOW_MS, expected]]
    assert server.get("/api/suggest?type=metrics&q=dq.evaluations") == (200, b"[]")
    assert server.request("DELETE", f"{path}?formName=dq") == (204, b"")
    assert server.get("/api/suggest?type=metrics&q=dq") == (200, b"[]")


def test_lines_that_only_kairosdb_knows_are_taken_on_every_port(server: ServerProcess) -> None:
    # What metrics4j's TelnetSink sends to the default port.
    with server.telnet() as line:
        line.sendall(
            f"putm lent {NOW_MS} 7 host=a dc=eu\n put lent {NOW_MS // 1000 + 1} 8 host=a dc=eu\n"
            f'puts lent {NOW_MS + 2000} "a b" host=a dc=eu\nversion\n'.encode()
        )
        assert b"KairosDB" in (said := line.recv(1000)) or b"headrace" in said
    assert by_kairosdb(server, "lent") == {0: 7, 1000: 8, 2000: "a b"}
