"""With `log_format = json` a pipeline can read every line that the server writes, from the first to the last."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

from serverprocess import running

Line = dict[str, Any]
"""The object on a line."""


def read(text: str) -> list[Line]:
    lines = [json.loads(line) for line in text.splitlines()]
    for line in lines:
        assert {"event", "level", "logger", "timestamp"} <= line.keys()
    return lines


def test_a_life_of_a_server(tmp_path: Path) -> None:
    point = {"metric": "m", "timestamp": 1_700_000_000, "value": 1, "tags": {"a": "b"}}
    with running(tmp_path / "data", "--log-format", "json", HEADRACE_PROT="1") as server:
        assert server.put(point)[0] == 204
        assert server.put(point | {"tags": {}})[0] == 400
        assert server.stop() == 0
    lines = read(server.log.read_text())
    events = [line["event"] for line in lines]
    assert events[0].startswith("the variable HEADRACE_PROT is not looked at")
    [banner] = [line for line in lines if " serves http://127.0.0.1:" in line["event"]]
    assert "POST /api/put" in banner["more"]
    assert {"store open", "serving", "point refused", "stopping"} <= set(events)


def test_a_start_that_fails(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "catalog").mkdir()
    (tmp_path / "catalog" / "journal").mkdir()
    (tmp_path / "catalog" / "documents.sqlite").touch()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        for flags, code, words in (
            (("--data-dir", "file", "--port", port), 1, ["file is no directory", "Address already in use"]),
            (("--data-dir", "d", "--port", "0", "--telnet", "smtp"), 2, ["is not allowed"]),
            (("--data-dir", "catalog", "--port", "0"), 1, ["the database is not complete"]),
        ):
            command = [sys.executable, "-m", "headrace", "serve", *flags]
            environment = {**os.environ, "HEADRACE_LOG_FORMAT": "json"}
            ended = subprocess.run(
                command, capture_output=True, text=True, check=False, cwd=tmp_path, env=environment, timeout=100
            )
            assert (ended.returncode, ended.stdout) == (code, "")
            errors = [line["event"] for line in read(ended.stderr) if line["level"] == "error"]
            assert len(errors) == len(words)
            assert all(word in error for word, error in zip(words, errors, strict=True))
