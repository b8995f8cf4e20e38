"""vmctl from Debian moves what headrace holds to VictoriaMetrics, as it would from OpenTSDB."""

from __future__ import annotations

import json
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import pytest
from serverprocess import free_port, running
from test_readme import PROTOCOLS, block, paste

MINUTES = 60


@contextmanager
def victoria_metrics(folder: Path) -> Iterator[str]:
    """Its address, once it answers."""
    address = f"127.0.0.1:{free_port()}"
    with (folder / "vm.log").open("wb") as log:
        command = ["victoria-metrics", "-httpListenAddr", address, "-storageDataPath", str(folder / "vm")]
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        deadline = time.monotonic() + 30
        while True:
            try:
                asked(f"http://{address}/health")
                break
            except OSError:
                assert time.monotonic() < deadline, (folder / "vm.log").read_text()
                time.sleep(0.05)
        yield f"http://{address}"
    finally:
        process.kill()
        process.wait()


def asked(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=30) as answer:
        body: bytes = answer.read()
    return body


@pytest.mark.peer("vmctl")
@pytest.mark.peer("victoria-metrics")
def test_vmctl(tmp_path: Path) -> None:
    """It asks /api/suggest for 10^8 metrics, /api/search/lookup for their series, and an hour of each a question."""
    hour_s = (int(time.time()) // 3600 - 2) * 3600
    points = [
        {"metric": "system.load1", "timestamp": hour_s + 10 * number, "value": number, "tags": {"host": host}}
        for number in range(6 * MINUTES)
        for host in "ab"
    ]
    with running(tmp_path / "data") as server, victoria_metrics(tmp_path) as victoria:
        assert server.put(points)[0] == 204
        command = block("vmctl opentsdb", server, PROTOCOLS / "opentsdb-reading.md")
        paste(command.replace("http://127.0.0.1:8428", victoria))
        asked(f"{victoria}/internal/force_flush")
        exported = asked(f"{victoria}/api/v1/export?match[]={quote('system_load1')}").decode()
    found = {series["metric"]["host"]: series for series in map(json.loads, exported.splitlines())}
    assert set(found) == {"a", "b"}
    for series in found.values():
        assert series["timestamps"] == [(hour_s + 60 * minute) * 1000 for minute in range(MINUTES)]
        assert series["values"] == [6 * minute + 2.5 for minute in range(MINUTES)]
