"""`headrace restore-segment` as an operator runs it, beside a server that has told of the damage."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from pathlib import Path

from serverprocess import running

START_S = 1_700_000_000


def headrace(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "headrace", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_points_are_back_after_a_restore(tmp_path: Path) -> None:
    data = tmp_path / "data"
    question = {"start": START_S, "end": START_S + 1000, "queries": [{"metric": "m", "aggregator": "none"}]}
    with running(data, "--seal-points", "100") as server:
        for host in ("a", "b", "c"):
            points = [{"metric": "m", "timestamp": START_S + i, "value": i, "tags": {"host": host}} for i in range(100)]
            assert server.put(points)[0] == 204
        deadline = time.monotonic() + 20
        while len(files := sorted((data / "segments").glob("points-*.parquet"))) < 2:
            assert time.monotonic() < deadline
            time.sleep(0.02)
    copy = shutil.copy(files[0], tmp_path)
    files[0].write_bytes(files[0].read_bytes()[:-1] + b"X")
    with running(data) as server:
        assert {answer["tags"]["host"] for answer in server.query(**question)} == {"b", "c"}
        refused = headrace("restore-segment", data, copy)
        assert refused.returncode == 1
        assert "another server" in refused.stderr
    restored = headrace("restore-segment", data, copy)
    assert restored.stdout == f"{files[0].name} counts again, 100 points\n", restored.stderr
    with running(data) as server:
        assert {answer["tags"]["host"] for answer in server.query(**question)} == {"a", "b", "c"}
