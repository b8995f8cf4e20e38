"""netdata and icinga2 from Debian, with their writers of OpenTSDB, against a real server process."""

from __future__ import annotations

import getpass
import grp
import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
from serverprocess import ServerProcess, running
from test_readme import PROTOCOLS, block

OPENTSDB = PROTOCOLS / "opentsdb.md"

AGENT_WITHIN_S = 40
"""icinga2 connects ten seconds after its start."""

NETDATA = """
[global]
  run as user = {user}
  hostname = collector
  update every = 1
[directories]
  config = {folder}/conf
  stock config = {folder}
  cache = {folder}
  lib = {folder}
  log = {folder}
  plugins = {folder}
[db]
  mode = ram
  retention = 300
[web]
  mode = none
[health]
  enabled = no
[ml]
  enabled = no
[statsd]
  enabled = no
[plugins]
  idlejitter = no
  timex = no
  tc = no
  diskspace = no
  cgroups = no
  enable running new plugins = no
"""

NETDATA_EXPORTING = """
[opentsdb:http:posts]
  enabled = yes
  destination = 127.0.0.1:{port}
  prefix = http
"""
"""Beside what the page of the protocol says."""

NETDATA_SOON = """[exporting:global]
  update every = 1
  send charts matching = system.uptime system.load
"""

ICINGA2 = """
include <itl>
const NodeName = "collector"
const ZoneName = NodeName
object Endpoint NodeName {}
object Zone ZoneName { endpoints = [ NodeName ] }
object IcingaApplication "app" {}
object CheckerComponent "checker" {}
object CheckCommand "said" { command = [ "/bin/sh", "-c", "echo 'OK | load1=0.5;1;2;0;4 users=3'" ] }
object Host "web01" { check_command = "said", check_interval = 1s, vars.site = "test" }
object Service "load" { host_name = "web01", check_command = "said", check_interval = 1s }
"""
"""Beside what the page of the protocol says."""


@contextmanager
def agent(command: Sequence[str], log: Path) -> Iterator[None]:
    """An agent with all the processes that it starts, which end here."""
    with log.open("wb") as said:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=said, stderr=said, start_new_session=True)
    try:
        yield
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def values(server: ServerProcess, metric: str, tags: str, least: int, log: Path) -> dict[str, float]:
    """The points of the last hour of a series, as soon as there are so many."""
    deadline = time.monotonic() + AGENT_WITHIN_S
    while time.monotonic() < deadline:
        status, body = server.get(f"/api/query?start=1h-ago&m=max:{metric}%7B{tags}%7D")
        if status == 200 and (answers := json.loads(body)) and len(answers[0]["dps"]) >= least:
            dps: dict[str, float] = answers[0]["dps"]
            return dps
        time.sleep(0.2)
    raise AssertionError(f"{metric} has not come:\n{log.read_text()[-5000:]}")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    with running(tmp_path_factory.mktemp("agents") / "data") as server:
        yield server


@pytest.mark.peer("netdata")
def test_netdata(server: ServerProcess, tmp_path: Path) -> None:
    """The same numbers by telnet and by HTTP."""
    folder = tmp_path / "netdata"
    (folder / "conf").mkdir(parents=True)
    (folder / "conf" / "netdata.conf").write_text(NETDATA.format(user=getpass.getuser(), folder=folder))
    lines = block("[exporting:global]", server, OPENTSDB).replace("[exporting:global]\n", NETDATA_SOON)
    (folder / "conf" / "exporting.conf").write_text(lines + NETDATA_EXPORTING.format(port=server.port))
    log = folder / "error.log"
    log.touch()
    with agent(["netdata", "-D", "-c", str(folder / "conf" / "netdata.conf")], folder / "out.log"):
        for prefix in ("netdata", "http"):
            uptimes = values(server, f"{prefix}.system.uptime.uptime", "host=collector", 3, log)
            with Path("/proc/uptime").open() as now:
                assert 0 < max(uptimes.values()) <= float(now.read().split()[0])
    assert b'points_refused_total{room="opentsdb"' not in server.get("/metrics")[1]


@pytest.mark.peer("icinga2")
def test_icinga2(server: ServerProcess, tmp_path: Path) -> None:
    """What a check says behind its bar, and the state."""
    folder = tmp_path / "icinga2"
    names = ("Data", "Log", "Cache", "Spool", "InitRun")
    for name in names:
        (folder / name).mkdir(parents=True)
    user, group = getpass.getuser(), grp.getgrgid(os.getgid()).gr_name
    settings = [f"-DConfiguration.{name}Dir={folder / name}" for name in names]
    settings += [f"-DConfiguration.RunAsUser={user}", f"-DConfiguration.RunAsGroup={group}"]
    log = folder / "out.log"
    (folder / "icinga2.conf").write_text(ICINGA2 + block("object OpenTsdbWriter", server, OPENTSDB))
    with agent(["icinga2", "daemon", "-c", str(folder / "icinga2.conf"), *settings], log):
        loads = values(server, "icinga.service.load.load1", "host=web01,site=test", 2, log)
        assert set(loads.values()) == {0.5}
        assert set(values(server, "icinga.service.load.users", "host=web01,site=test", 1, log).values()) == {3}
        assert set(values(server, "icinga.host.state", "host=web01", 1, log).values()) == {0}
    assert b'points_refused_total{room="opentsdb"' not in server.get("/metrics")[1]
