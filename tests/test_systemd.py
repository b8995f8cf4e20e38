"""The unit's command, as systemd would run it: its environment and no other, no home, no power over files."""

from __future__ import annotations

import configparser
import os
import shlex
import socket
import sys
from pathlib import Path

from powerless import without_power_over_files
from serverprocess import ServerProcess

from headrace.kernels import cache

UNIT = Path(__file__).parents[1] / "ops" / "systemd" / "headrace.service"


def service() -> dict[str, str]:
    """The last of each key of the section Service."""
    parser = configparser.RawConfigParser(strict=False, interpolation=None)
    parser.optionxform = str  # type: ignore[method-assign, assignment]
    parser.read(UNIT)
    return dict(parser["Service"])


def test_its_command_starts_is_ready_when_it_serves_and_stops(tmp_path: Path) -> None:
    said = service()
    program, command, *flags = shlex.split(said["ExecStart"])
    assert (program, command) == ("/opt/headrace/bin/headrace", "serve")
    assert flags == ["--data-dir", "/var/lib/headrace"]
    given = dict(assignment.split("=", 1) for assignment in shlex.split(said["Environment"]))
    assert given == {"HEADRACE_CACHE_DIR": "/var/cache/headrace", "HEADRACE_LOG_FORMAT": "json"}
    made = cache.in_use().folder
    assert made is not None
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / made.name).symlink_to(made)
    environment = {
        "PATH": os.defpath,
        "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
        "NOTIFY_SOCKET": str(tmp_path / "notify"),
        **given,
        "HEADRACE_CACHE_DIR": str(tmp_path / "cache"),
    }
    server = ServerProcess(tmp_path / "data", before=without_power_over_files(), environment=environment)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as wire:
        wire.settimeout(60)
        wire.bind(str(tmp_path / "notify"))
        server.start()
        try:
            assert wire.recv(100) == b"READY=1"
            assert server.put([{"metric": "m", "timestamp": 1_700_000_000, "value": 1, "tags": {"a": "b"}}]) == (
                204,
                b"",
            )
            assert server.stop() == 0
            assert wire.recv(100) == b"STOPPING=1"
        finally:
            if server.process is not None and server.process.poll() is None:
                server.kill()
    assert (said["Type"], said["Restart"], said["RestartPreventExitStatus"]) == ("notify", "on-failure", "2")
