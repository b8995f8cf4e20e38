"""What README.md tells a newcomer to paste works as it stands there, save for the port."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest
from serverprocess import ServerProcess, running

README = Path(__file__).parent.parent.parent / "README.md"


def block(begin: str, server: ServerProcess) -> str:
    """The block of shell commands that begins with `begin`, against the test's server."""
    found: list[str] = [
        text for text in re.findall(r"```bash\n(.*?)```", README.read_text(), re.DOTALL) if text.startswith(begin)
    ]
    assert len(found) == 1, found
    return found[0].replace("4242", str(server.port))


def paste(commands: str) -> str:
    return subprocess.run(["bash", "-euc", commands], check=True, capture_output=True, timeout=30).stdout.decode()


@pytest.mark.peer("curl")
def test_a_point_in_and_back_out(tmp_path: Path) -> None:
    with running(tmp_path / "data") as server:
        head, _, answer = paste(block("curl -i", server)).rpartition("\r\n\r\n")
        assert head.startswith("HTTP/1.1 204 ")
        (series,) = json.loads(answer)
        assert series["tags"] == {"room": "kitchen"}
        assert list(series["dps"].values()) == [21.5]


def test_a_point_by_telnet(tmp_path: Path) -> None:
    with running(tmp_path / "data") as server:
        paste(block("exec 3<>", server))
        # Telnet has no answer to a good point, so there is nothing to wait for but the point itself.
        question = "/api/query?start=1h-ago&m=none:room.temperature"
        deadline = time.monotonic() + 10
        while (answer := server.get(question))[0] != 200 and time.monotonic() < deadline:
            time.sleep(0.02)
        (series,) = json.loads(answer[1])
        assert series["tags"] == {"room": "hall"}
        assert list(series["dps"].values()) == [20.9]


@pytest.mark.peer("curl")
def test_what_came_in_by_one_door_is_shown_by_the_other(tmp_path: Path) -> None:
    with running(tmp_path / "data") as server:
        paste(block("curl -i", server))
        (metric,) = json.loads(paste(block("curl 127.0.0.1:4242/api/v1/datapoints", server)))["queries"]
        (result,) = metric["results"]
        assert result["tags"] == {"room": ["kitchen"]}
        assert [value for _, value in result["values"]] == [21.5]
        status, body = server.get("/api/query?start=1h-ago&m=sum:room.humidity")
        assert status == 200
        assert list(json.loads(body)[0]["dps"].values()) == [48.5]


@pytest.mark.peer("curl")
def test_data_quality_by_the_aws_cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("HOME", str(tmp_path))
    with running(tmp_path / "data") as server:
        posted, _, series = paste(block("export AWS_DEFAULT_REGION", server)).partition("}\n[")
        assert json.loads(posted + "}")["forms"][0]["formName"] == "dq"
        [answer] = json.loads("[" + series)
        assert answer["dps"] == {"1704164645": 88}


@pytest.mark.peer("curl")
def test_a_device_of_apollo(tmp_path: Path) -> None:
    with running(tmp_path / "data") as server:
        answers = paste(block("curl 127.0.0.1:4242/apollo/devices", server))
        assert answers.count('"Code":"202"') == 2
        read = json.loads(answers[answers.rindex('{"status":{"message"') :])
        assert [sample["val"] for sample in read["data"]] == [6]
