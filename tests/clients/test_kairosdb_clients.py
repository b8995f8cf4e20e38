"""Writers and readers of KairosDB against a real server process: collectd's write_http, kairosdb-python, telnet."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
import urllib.request
from pathlib import Path
from typing import Any

import kairosdb
import pytest
from serverprocess import ServerProcess, running

COLLECT_S = 6

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
LoadPlugin load
LoadPlugin uptime
LoadPlugin write_http
<Plugin write_http>
  <Node "headrace">
    URL "http://127.0.0.1:{port}/api/v1/datapoints"
    Format "KAIROSDB"
    TTL 3600
    BufferSize 4096
  </Node>
</Plugin>
"""


def ask(server: ServerProcess, metric: str, **more: Any) -> Any:
    """The one result for a metric, by the client library."""
    client = kairosdb.KairosDB(f"http://127.0.0.1:{server.port}/")
    answer = client.query({"start_relative": {"value": 1, "unit": "hours"}, "metrics": [{"name": metric, **more}]})
    ((result,),) = [query["results"] for query in answer["queries"]]
    return result


@pytest.mark.peer("collectd", plugins=("write_http",))
def test_collectd_writes_by_http_and_a_kill_loses_nothing(tmp_path: Path) -> None:
    with running(tmp_path / "data") as server:
        configuration = tmp_path / "collectd.conf"
        configuration.write_text(CONFIGURATION.format(folder=tmp_path, port=server.port))
        agent = subprocess.Popen([shutil.which("collectd") or "collectd", "-f", "-C", str(configuration)])
        time.sleep(COLLECT_S)
        agent.terminate()
        agent.wait(timeout=20)
        server.kill()
        server.start()

        client = kairosdb.KairosDB(f"http://127.0.0.1:{server.port}")
        names = client.get_metric_names()["results"]
        (uptime,) = (name for name in names if "uptime" in name)
        result = ask(server, uptime)
        assert result["tags"]["host"] == ["collector"]
        assert result["group_by"] == [{"name": "type", "type": "number"}]
        # It sends at the end what it has, so that nothing is lost but the first seconds in which it begins.
        assert len(result["values"]) >= COLLECT_S - 3
        with Path("/proc/uptime").open() as now:
            assert 0 < result["values"][-1][1] <= float(now.read().split()[0])
        assert any("load" in name for name in names)


def test_kairosdb_python_reads_what_was_written(tmp_path: Path) -> None:
    """It asks /health/check first, and raises on any status but 200 to 204."""
    with running(tmp_path / "data") as server:
        now_ms = int(time.time() * 1000) - 60_000
        points = [[now_ms + at, at] for at in range(1000)]
        body = json.dumps([{"name": "client.http", "datapoints": points, "tags": {"host": "a"}}]).encode()
        assert server.request("POST", "/api/v1/datapoints", body) == (204, b"")
        client = kairosdb.KairosDB(f"http://127.0.0.1:{server.port}")
        assert client.check_health_status() == ["JVM-Thread-Deadlock: OK", "Datastore-Query: OK"]
        assert [kind["name"] for kind in client.features()] == ["group_by", "aggregators"]
        assert client.get_metric_names("client.") == {"results": ["client.http"]}
        assert ask(server, "client.http")["values"] == points
        summed = ask(server, "client.http", aggregators=[{"name": "sum", "sampling": {"value": 1, "unit": "hours"}}])
        assert sum(value for _, value in summed["values"]) == 499_500


def test_telnet_under_the_law_of_kairosdb_and_its_cors(tmp_path: Path) -> None:
    with running(tmp_path / "data", "--telnet", "kairosdb", "--cors-origins", "*") as server:
        with urllib.request.urlopen(f"http://127.0.0.1:{server.port}/api/v1/version") as version:
            assert version.headers["access-control-allow-origin"] == "*", "as KairosDB's own has it"
        now_ms = int(time.time() * 1000) - 60_000
        with server.telnet() as line:
            puts = [f"putm client.telnet {now_ms + at} {at} host=a\r\n" for at in range(1000)]
            line.sendall("".join(puts).encode() + b"put bad\nversion\n")
            assert line.recv(1000).startswith(b"KairosDB 1.3.0")
        assert ask(server, "client.telnet")["values"] == [[now_ms + at, at] for at in range(1000)]
