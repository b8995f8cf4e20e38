"""Every protocol's way to delete, as its page tells to paste it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from serverprocess import ServerProcess, running
from test_readme import PROTOCOLS, README, block, paste

ALIBABA, OPENTSDB, KAIROSDB, APOLLO, DATAZONE = (
    PROTOCOLS / name for name in ("alibaba.md", "opentsdb-reading.md", "kairosdb.md", "apollo.md", "datazone.md")
)

pytestmark = pytest.mark.peer("curl")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    with running(tmp_path_factory.mktemp("deleting") / "data", "--opentsdb-delete") as running_server:
        yield running_server


def shown(server: ServerProcess, metric: str) -> dict[str, list[float]]:
    """Values of the last hour by the first tag, of a metric of which something is left."""
    status, body = server.get(f"/api/query?start=1h-ago&m=none:{metric}")
    assert status == 200, body
    return {next(iter(series["tags"].values())): list(series["dps"].values()) for series in json.loads(body)}


def is_known(server: ServerProcess, metric: str) -> bool:
    return metric in json.loads(server.get(f"/api/suggest?type=metrics&q={metric}")[1])


def cpu_of(server: ServerProcess, *hosts: str) -> None:
    now = int(time.time())
    points = [{"metric": "sys.cpu", "timestamp": now, "value": 1, "tags": {"host": host}} for host in hosts]
    assert server.put(points)[0] == 204


def test_alibaba(server: ServerProcess) -> None:
    lines = block("now=$(date +%s)\ncurl 127.0.0.1:4242/api/put", server, ALIBABA).splitlines(keepends=True)
    assert "delete_meta" in lines[-1]
    cpu_of(server, "web03")
    assert "200 OK" in paste("".join(lines[:-1]))
    assert shown(server, "sys.cpu") == {"web02": [2], "web03": [1]}
    answer = paste(lines[-1])
    assert answer.startswith("HTTP/1.1 200 ")
    assert answer.endswith("\r\n\r\n")
    assert shown(server, "sys.cpu") == {"web03": [1]}


def test_alibaba_means_every_series_with_the_tags(server: ServerProcess) -> None:
    cpu_of(server, *(f"alternative{number}" for number in range(4)))
    for hosts, left in (("alternative1|alternative2", ["alternative0", "alternative3"]), ("alternative*", [])):
        asked = {"metric": "sys.cpu", "tags": {"host": hosts}}
        assert server.request("POST", "/api/delete_meta", json.dumps(asked).encode()) == (200, b"")
        assert [host for host in shown(server, "sys.cpu") if host.startswith("alternative")] == left
    assert server.request("POST", "/api/delete_meta", json.dumps(asked).encode()) == (200, b""), "nothing has the tags"
    assert server.request("POST", "/api/delete_meta", b'{"metric":"sys.none"}')[0] == 400


def test_opentsdb(server: ServerProcess) -> None:
    cpu_of(server, "web01", "web02")
    by_address, by_body = paste(block("curl -g -X DELETE", server, OPENTSDB)).replace("][", "]\n[").splitlines()
    for answer, host in ((by_address, "web01"), (by_body, "web02")):
        [series] = json.loads(answer)
        assert (series["tags"], list(series["dps"].values())) == ({"host": host}, [1])
    assert not {"web01", "web02"} & set(shown(server, "sys.cpu"))


def test_annotations_of_opentsdb(server: ServerProcess) -> None:
    now = int(time.time())
    for age in (60, 70):
        noted = {"startTime": now - age, "description": "deployed"}
        assert server.request("POST", "/api/annotation", json.dumps(noted).encode())[0] == 200
    answers = paste(block("now=$(date +%s)\ncurl 127.0.0.1:4242/api/annotation", server, OPENTSDB))
    assert "HTTP/1.1 204 " in answers
    assert '"totalDeleted":2' in answers
    status, listed = server.get(f"/api/annotations?start_time={now - 3600}")
    assert (status, json.loads(listed)) == (200, [])


def test_kairosdb(server: ServerProcess) -> None:
    paste(block("curl -i", server, README))
    paste(block("curl 127.0.0.1:4242/api/v1/datapoints", server, README))
    assert is_known(server, "room.humidity")
    assert is_known(server, "room.temperature")
    answers = paste(block("curl -i 127.0.0.1:4242/api/v1/datapoints/delete", server, KAIROSDB))
    assert answers.count("HTTP/1.1 204 ") == 2
    assert not is_known(server, "room.humidity")
    assert not is_known(server, "room.temperature")


def test_a_metric_of_kairosdb_with_a_slash(server: ServerProcess) -> None:
    body = b'[{"name":"disk/free","timestamp":1,"value":1,"tags":{"host":"a"}}]'
    assert server.request("POST", "/api/v1/datapoints", body)[0] == 204
    assert server.request("DELETE", "/api/v1/metric/disk%2Ffree")[0] == 204
    assert not is_known(server, "disk/free")


def test_apollo(server: ServerProcess) -> None:
    before = paste(block("device=127.0.0.1:4242/apollo/devices/TestDevice\n\n", server, APOLLO))
    assert '"totalCount":1' in before
    answers = paste(
        block("device=127.0.0.1:4242/apollo/devices/TestDevice\nid=", server, APOLLO)
        + 'curl -s "$device/timeseries/samples?timeseries_ids=$id"\ncurl -s $device/timeseries/$id'
    )
    assert "HTTP/1.1 204 " in answers
    assert '"totalCount":0' in answers
    assert '"status":"active"' in answers, "it is registered still"


def test_datazone(server: ServerProcess, tmp_path: Path) -> None:
    environment = os.environ | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    environment["HOME"] = str(tmp_path)
    lines = block("export AWS_DEFAULT_REGION", server, README).splitlines()
    post = "\n".join(line for line in lines if not line.startswith("curl"))
    named = "export AWS_DEFAULT_REGION=us-east-1 AWS_ENDPOINT_URL_DATAZONE=http://127.0.0.1:4242\naws datazone delete"
    for commands, known in ((post, True), (block(named, server, DATAZONE), False)):
        subprocess.run(["bash", "-euc", commands], check=True, env=environment, timeout=100)
        assert is_known(server, "dq.passingPercentage") == known
