"""telegraf, compiled from its release, with the very lines of README.md, against a real server process."""

from __future__ import annotations

import json
import re
import subprocess
import time
from pathlib import Path

import pytest
from serverprocess import ServerProcess, running
from test_readme import PROTOCOLS, ROOT, block

TELEGRAF = ROOT / ".clients" / "telegraf" / "telegraf"

INPUTS = """
[agent]
  hostname = "web01"
[[inputs.mem]]
[[inputs.system]]
"""


@pytest.mark.go_client
def test_telegraf(tmp_path: Path) -> None:
    if not TELEGRAF.exists():
        pytest.skip("telegraf is not compiled: scripts/clients does it where Go is as new as its go.mod asks")
    with running(tmp_path / "data") as server:
        output = block("[[outputs.opentsdb]]", server)
        assert output == block("[[outputs.opentsdb]]", server, PROTOCOLS / "opentsdb.md"), "the pages agree"
        told = []
        for number, lines in enumerate((output, output.replace("= 1000", "= 10"), output.replace("http:", "tcp:"))):
            (tmp_path / "telegraf.conf").write_text(INPUTS + lines)
            command = [str(TELEGRAF), "--once", "--config", str(tmp_path / "telegraf.conf")]
            ran = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
            assert ran.returncode == 0, ran.stderr
            assert " E! " not in ran.stderr, ran.stderr
            told.append(counted(server, more_than=30 * (number + 1)))
        points, requests = zip(*told, strict=True)
        assert requests == (1, 1 + -(-(points[1] - points[0]) // 10), requests[1])
        # telegraf rounds its times to seconds, up as well as down.
        soon = int(time.time()) + 60
        status, body = server.get(f"/api/query?start=1h-ago&end={soon}&m=max:mem_total%7Bhost=web01%7D")
        assert status == 200
        [value] = set(json.loads(body)[0]["dps"].values())
        found = re.search(r"^MemTotal: +(\d+) kB$", Path("/proc/meminfo").read_text(), re.MULTILINE)
        assert found
        assert value == int(found[1]) * 1024


def counted(server: ServerProcess, more_than: int) -> tuple[int, int]:
    """Points that OpenTSDB's room has accepted, as soon as there are more, and its requests. Lines have no answer."""
    deadline = time.monotonic() + 10
    points = 0
    while points <= more_than and time.monotonic() < deadline:
        metrics = server.get("/metrics")[1].decode()
        assert 'points_refused_total{room="opentsdb"' not in metrics
        points = _count(metrics, "points_accepted_total")
    assert points > more_than
    return points, _count(metrics, "requests_total")


def _count(metrics: str, name: str) -> int:
    found = re.search(rf'^headrace_{name}{{room="opentsdb"[^}}]*}} (\d+)', metrics, re.MULTILINE)
    return int(found[1]) if found else 0
