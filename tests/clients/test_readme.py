"""What README.md and the pages of the protocols tell to paste works as it stands there, save for the port."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from datazone_clients import environment
from serverprocess import ServerProcess, running

ROOT = Path(__file__).parent.parent.parent
README = ROOT / "README.md"
PROTOCOLS = ROOT / "docs" / "protocols"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """One for all that does not mind what the others have written."""
    with running(tmp_path_factory.mktemp("readme") / "data") as running_server:
        yield running_server


def blocks(page: Path) -> list[str]:
    """All that a page shows to be pasted."""
    found: list[str] = re.findall(r"^```\w*\n(.*?)^```$", page.read_text(), re.DOTALL | re.MULTILINE)
    return found


def block(begin: str, server: ServerProcess, page: Path = README) -> str:
    """The block of a page that begins with `begin`, against the test's server."""
    found = [text for text in blocks(page) if text.startswith(begin)]
    assert len(found) == 1, found
    return found[0].replace("4242", str(server.port))


def paste(commands: str) -> str:
    return subprocess.run(["bash", "-euc", commands], check=True, capture_output=True, timeout=100).stdout.decode()


@pytest.mark.peer("curl")
def test_a_point_in_and_back_out(server: ServerProcess) -> None:
    head, _, answer = paste(block("curl -i", server)).rpartition("\r\n\r\n")
    assert head.startswith("HTTP/1.1 204 ")
    (series,) = json.loads(answer)
    assert series["tags"] == {"room": "kitchen"}
    assert set(series["dps"].values()) == {21.5}


def test_a_point_by_telnet(tmp_path: Path) -> None:
    with running(tmp_path / "data") as server:
        paste(block("exec 3<>", server))
        # Telnet has no answer to a good point, so there is nothing to wait for but the point itself: its metric may be
        # known a moment before.
        question = "/api/query?start=1h-ago&m=none:room.temperature"
        deadline = time.monotonic() + 10
        while ((answer := server.get(question))[0] != 200 or answer[1] == b"[]") and time.monotonic() < deadline:
            time.sleep(0.02)
        (series,) = json.loads(answer[1])
        assert series["tags"] == {"room": "hall"}
        assert list(series["dps"].values()) == [20.9]


@pytest.mark.peer("curl")
def test_what_came_in_by_one_room_is_shown_by_the_other(server: ServerProcess) -> None:
    paste(block("curl -i", server))
    (metric,) = json.loads(paste(block("curl 127.0.0.1:4242/api/v1/datapoints", server)))["queries"]
    (result,) = metric["results"]
    assert result["tags"] == {"room": ["kitchen"]}
    assert {value for _, value in result["values"]} == {21.5}
    status, body = server.get("/api/query?start=1h-ago&m=sum:room.humidity")
    assert status == 200
    assert set(json.loads(body)[0]["dps"].values()) == {48.5}


@pytest.mark.peer("curl")
def test_data_quality_by_the_aws_cli(server: ServerProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("HOME", str(tmp_path))
    posted, _, series = paste(block("export AWS_DEFAULT_REGION", server)).partition("}\n[")
    assert json.loads(posted + "}")["forms"][0]["formName"] == "dq"
    [answer] = json.loads("[" + series)
    assert answer["dps"]["1704164645"] == 88


@pytest.mark.peer("curl")
def test_a_device_of_apollo(server: ServerProcess) -> None:
    stored, _, read = paste(block("device=", server)).rpartition('{"status":{"message"')
    assert stored.count('"Code":"202"') == 1
    [sample] = json.loads('{"status":{"message"' + read)["data"]
    assert sample["val"] == 6
    again = server.request("POST", "/apollo/devices/TestDevice/timeseries", b'[{"id":"PointId1","pointType":"x"}]')[1]
    assert sample["timeseriesId"] == json.loads(again)["data"]["relationships"][0]["timeseriesId"]


@pytest.mark.peer("curl")
def test_who_keeps_it_makes_tokens_and_a_backup(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".venv").symlink_to(Path(sys.executable).parent.parent)
    with running(tmp_path / "data") as server:
        head, _, said = paste(block("export PATH=", server)).rpartition("\r\n\r\n")
        assert head.startswith("HTTP/1.1 204 ")
        assert said.startswith(f"backed up into {tmp_path / 'backups' / 'newest'}: ")
        assert server.get("/api/suggest?type=metrics")[0] == 401


@pytest.mark.peer("curl")
def test_the_pages_of_the_protocols(server: ServerProcess, tmp_path: Path) -> None:
    apollo, datazone, reading = (PROTOCOLS / name for name in ("apollo.md", "datazone.md", "opentsdb-reading.md"))
    answers = paste(block("device=127.0.0.1:4242/apollo/devices/TestDevice\n\n", server, apollo))
    assert answers.count('"Code":"202"') == 2
    assert answers.count('"code":"200"') == 2
    [series] = json.loads(paste(block("curl -g", server, apollo)))
    assert (series["metric"], series["dps"]) == ("temperature", {"1517011200": 6})

    listed = subprocess.run(
        [sys.executable, "-c", block("import boto3, botocore", server, datazone)],
        check=True,
        capture_output=True,
        # Nothing of the machine's own: neither credentials nor an endpoint.
        env={"HOME": str(tmp_path), "PATH": os.environ["PATH"]},
    ).stdout
    assert b"contentSummary" in listed
    [quality] = json.loads(paste(block("curl -g", server, datazone)))
    assert set(quality["dps"].values()) == {88}

    for begin, names, asks in (
        ("import boto3\n\ncatalog", ["quality"], "catalog"),
        ("from urllib.parse", ["datazone"], "datazone"),
    ):
        asked = f"""
asset = {{"domainIdentifier": "dzd_quality", "entityType": "ASSET", "entityIdentifier": "orders"}}
for client in ({", ".join(names)},):
    [item, *_] = client.list_time_series_data_points(**asset, formName="dq")["items"]
    print(client.get_time_series_data_point(**asset, formName="dq", identifier=item["id"])["formName"])

def stop(request, **_):
    print(request.url)
    raise SystemExit

{asks}.meta.events.register("before-send.datazone.GetAsset", stop)
{asks}.get_asset(domainIdentifier="dzd_quality", identifier="orders")
"""
        heard = subprocess.run(
            [sys.executable, "-c", block(begin, server, datazone) + asked],
            check=True,
            capture_output=True,
            text=True,
            env=environment(tmp_path),
        ).stdout.split()
        assert heard[0] == "dq"
        assert re.fullmatch(r"https://datazone\.us-east-1\.[a-z.]+/v2/domains/dzd_quality/assets/orders", heard[1])

    expressions = PROTOCOLS / "opentsdb-expressions.md"
    share, busiest, change = (
        paste(block("now=", server, expressions)).replace("}][", "}]\n[").replace("}[", "}\n[").split("\n")
    )
    [output] = json.loads(share)["outputs"]
    assert (output["alias"], output["dpsMeta"]["series"]) == ("errors in percent", 2)
    assert [len(json.loads(answer)) for answer in (busiest, change)] == [1, 1]

    answers = paste(block("curl -g 'http://127.0.0.1:4242/api/query", server, reading))
    for metric in ("'sys.cpu'", "'net.bytes'"):
        assert metric in answers, "an unknown metric, asked for without its braces"


@pytest.mark.peer("curl")
def test_a_roll_up(server: ServerProcess) -> None:
    page = PROTOCOLS / "kairosdb-rollups.md"
    made, end = json.JSONDecoder().raw_decode(told := paste(block("curl 127.0.0.1:4242/api/v1/rollups", server, page)))
    assert [task["id"] for task in json.loads(told[end:])] == [made["id"]]
    lines = paste(block("curl 127.0.0.1:4242/metrics", server, page))
    assert f'headrace_rollup_lag_seconds{{name="load by the hour",task="{made["id"]}"}}' in lines
