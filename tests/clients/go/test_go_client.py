"""Version 2 of the AWS SDK for Go against a real server process that checks its signatures, behind a prefix."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from datazone_clients import CONTENT, DOMAIN, PREFIX, ROOT, SETTINGS, SUMMARY, TYPE, environment
from serverprocess import running

HERE = Path(__file__).parent
COMPILED = ROOT / ".clients" / "go"


@pytest.mark.go_client
def test_datazone(tmp_path: Path) -> None:
    sources = "".join((HERE / name).read_text() for name in ("main.go", "go.mod", "go.sum"))
    installed = COMPILED / "installed"
    if not installed.exists() or installed.read_text().strip() != sources.strip():
        pytest.skip("The client of Go is not compiled: scripts/clients does it where Go is as new as its go.mod asks")
    with running(tmp_path / "data", **SETTINGS) as server:
        url = f"http://127.0.0.1:{server.port}{PREFIX}"
        said = subprocess.run(
            [COMPILED / "datazone", url, DOMAIN, TYPE, CONTENT],
            env=environment(tmp_path),
            capture_output=True,
            timeout=60,
            check=False,
        )
    assert said.returncode == 0, said.stderr.decode()
    heard = said.stdout.decode().splitlines()
    assert heard[:-1] == [
        f"type {TYPE} ENABLED",
        "posted 5",
        f"listed 2024-01-02T03:04:05.681Z {SUMMARY}",
        f"listed 2024-01-02T03:04:05.68Z {SUMMARY}",
        f"listed 2024-01-02T03:04:05.679Z {SUMMARY}",
        f"listed 2024-01-02T03:04:05.678Z {SUMMARY}",
        "got true true 8",
        "missing true",
    ]
    assert heard[-1].startswith("elsewhere UnknownOperationException No operation is at GET ")
