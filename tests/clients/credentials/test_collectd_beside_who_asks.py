"""collectd's write_tsdb, which knows no credentials, on a trusted port of telnet, while the public port asks."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from asking_server import Asking, asking
from test_collectd import CONFIGURATION

COLLECT_S = 4

WRITER = """
LoadPlugin write_tsdb
<Plugin write_tsdb>
  <Node>
    Host "127.0.0.1"
    Port "{port}"
  </Node>
</Plugin>
"""


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asking]:
    with asking(tmp_path_factory.mktemp("collectd")) as house:
        yield house


def collect(folder: Path, port: int) -> None:
    folder.mkdir()
    configuration = folder / "collectd.conf"
    configuration.write_text(CONFIGURATION.format(folder=folder) + WRITER.format(port=port))
    agent = subprocess.Popen([shutil.which("collectd") or "collectd", "-f", "-C", str(configuration)])
    time.sleep(COLLECT_S)
    agent.terminate()
    agent.wait(timeout=20)


@pytest.mark.peer("collectd", plugins=("write_tsdb",))
def test_it_writes_by_the_trusted_port_alone(house: Asking, tmp_path: Path) -> None:
    collect(tmp_path / "public", house.public)
    assert house.server.says("telnet denied")
    assert house.denied("opentsdb", "credentials-missing") > 0
    assert house.server.get("/api/suggest?type=metrics") == (200, b"[]")
    collect(tmp_path / "lines", house.lines)
    status, names = house.server.get("/api/suggest?type=metrics&max=1000")
    assert status == 200
    assert b"uptime" in names
