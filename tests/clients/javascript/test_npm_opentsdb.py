"""npm's opentsdb against a real server process: it writes by telnet, and reads by HTTP."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from datazone_clients import environment, installed
from serverprocess import running

HERE = Path(__file__).parent
START_MS = 1_700_000_000_000


def test_opentsdb(tmp_path: Path) -> None:
    installed(HERE / "node_modules" / "opentsdb")
    node = installed(Path(sys.executable).parent / "node")
    with running(tmp_path / "data") as server:
        command = [str(node), str(HERE / "opentsdb.mjs"), str(server.port), "npm.metric", str(START_MS)]
        said = subprocess.run(command, env=environment(tmp_path), capture_output=True, timeout=60, check=False)
    assert said.returncode == 0, said.stderr.decode()
    heard = json.loads(said.stdout)
    [found] = heard["found"]
    assert found["tags"] == {"host": "a"}
    assert found["dps"] == [[START_MS + number, number + 0.25] for number in range(100)]
    assert heard["version"]["version"].startswith("2.4.0")
