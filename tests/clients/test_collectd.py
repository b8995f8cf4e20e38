"""collectd from Debian with write_tsdb: this machine's real metrics, through a `kill -9`, and back by queries."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from pathlib import Path
from urllib.parse import quote

import pytest
from serverprocess import running
from test_readme import PROTOCOLS, block

COLLECT_S = 8

CONFIGURATION = """
Hostname "collector"
FQDNLookup false
BaseDir "{folder}"
PIDFile "{folder}/collectd.pid"
Interval 1
LoadPlugin logfile
<Plugin logfile>
  LogLevel info
  File "{folder}/collectd.log"
</Plugin>
LoadPlugin cpu
LoadPlugin load
LoadPlugin memory
LoadPlugin uptime
"""
"""Beside what the page of the protocol says."""


@pytest.mark.peer("collectd", plugins=("write_tsdb",))
def test_collectd_writes_this_machines_metrics(tmp_path: Path) -> None:
    with running(tmp_path / "data") as server:
        begin = int(time.time())
        configuration = tmp_path / "collectd.conf"
        lines = block("LoadPlugin write_tsdb", server, PROTOCOLS / "opentsdb.md")
        assert set(block("LoadPlugin cpu", server).splitlines()) - {"LoadPlugin cpu", "LoadPlugin memory"} <= set(
            lines.splitlines()
        ), "what README.md says is a part of it"
        configuration.write_text(CONFIGURATION.format(folder=tmp_path) + lines)
        collectd = shutil.which("collectd") or "/usr/sbin/collectd"
        agent = subprocess.Popen([collectd, "-f", "-C", str(configuration)])
        time.sleep(COLLECT_S)
        agent.terminate()
        agent.wait(timeout=20)

        server.kill()
        server.start()

        names = json.loads(server.get("/api/suggest?type=metrics&max=1000")[1])
        assert {"load.shortterm", "uptime", "memory.memory.free"} & set(names) or len(names) > 5, names
        uptime = next(name for name in names if "uptime" in name)
        status, body = server.get(f"/api/query?start={begin - 5}&m=max:{quote(uptime)}")
        assert status == 200, body
        [answer] = json.loads(body)
        assert answer["tags"]["site"] == "berlin"
        assert answer["tags"]["fqdn"] == "collector"
        times = sorted(map(int, answer["dps"]))
        # write_tsdb collects lines in a buffer and sends it when it is full and at the end; nothing of it may be lost.
        assert len(times) >= COLLECT_S - 3, times
        assert begin - 2 <= times[0] <= times[-1] <= time.time()
        with Path("/proc/uptime").open() as now:
            assert 0 < answer["dps"][str(times[-1])] <= float(now.read().split()[0])
        cpus = json.loads(
            server.request(
                "POST",
                "/api/query",
                json.dumps(
                    {
                        "start": begin - 5,
                        "queries": [
                            {"metric": name, "aggregator": "none"} for name in names if name.startswith("cpu.")
                        ],
                    }
                ).encode(),
            )[1]
        )
        assert cpus
        assert all(isinstance(value, int) for one in cpus for value in one["dps"].values()), "jiffies are integers"
