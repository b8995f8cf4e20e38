"""What docs/install.md tells to paste works as it stands there, but for where it installs to, and without an index."""

from __future__ import annotations

import configparser
import os
import shlex
import subprocess
import sys
from importlib.metadata import distribution
from pathlib import Path

import pytest
from installed import ROOT, needed_by, put_into
from serverprocess import ServerProcess
from test_readme import blocks

from headrace.kernels import cache

PAGE = ROOT / "docs" / "install.md"


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """In which pip need not ask an index: what headrace needs, and what builds it, is there."""
    there = tmp_path / "there"
    there.mkdir()
    put_into(there, {*needed_by("headrace"), *needed_by("hatchling"), distribution("hatchling")})
    made = cache.in_use().folder
    assert made is not None
    return {
        **{name: text for name, text in os.environ.items() if not name.startswith(("PIP_", "HEADRACE_"))},
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(there),
        "PIP_NO_INDEX": "1",
        "PIP_NO_BUILD_ISOLATION": "0",  # pip's way to say by a variable that there is none
        "HEADRACE_CACHE_DIR": str(made.parent),
    }


def test_pip_installs_a_server(tmp_path: Path, environment: dict[str, str]) -> None:
    [told] = [text for text in blocks(PAGE) if text.startswith("python3 -m venv")]
    lines = told.replace("/opt/headrace", str(tmp_path / "opt")).replace("/var/lib", str(tmp_path)).splitlines()
    for line in lines[:3]:
        subprocess.run(shlex.split(line), check=True, cwd=ROOT, env=environment, capture_output=True)
    program, *serving = shlex.split(lines[3])
    assert serving == ["serve", "--data-dir", str(tmp_path / "headrace")]
    server = ServerProcess(tmp_path / "headrace", environment=environment, program=(program,))
    server.start()
    try:
        assert server.stop() == 0
    finally:
        if server.process is not None and server.process.poll() is None:
            server.kill()
    assert "Compiling" not in server.log.read_text()


def test_the_unit_starts_what_pip_installs() -> None:
    [told] = [text for text in blocks(PAGE) if text.startswith("install -D")]
    copied = shlex.split(told.splitlines()[0])
    assert copied[-1] == "/etc/systemd/system/headrace.service"
    unit = configparser.RawConfigParser(strict=False)
    unit.read(ROOT / copied[-2])
    assert shlex.split(unit["Service"]["ExecStart"])[0] == "/opt/headrace/bin/headrace"
    assert unit["Install"]["WantedBy"] == "multi-user.target"
