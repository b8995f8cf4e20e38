"""What docs/operations.md and docs/backup.md tell to paste works as it stands there, save for the port."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from serverprocess import running
from test_readme import ROOT, block, blocks, paste

from headrace.store.embedded.backups.restoring import verify_backup

NIGHTLY = "/var/backups/headrace"
OPERATIONS, BACKUP = ROOT / "docs" / "operations.md", ROOT / "docs" / "backup.md"


@pytest.fixture(autouse=True)
def _our_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`headrace` is the one that is tested, and `data` is a folder of the test."""
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.chdir(tmp_path)


def test_verifying(tmp_path: Path) -> None:
    with running(tmp_path / "data") as server:
        assert server.put({"metric": "m", "timestamp": 1_700_000_000, "value": 1, "tags": {"a": "b"}})[0] == 204
        for_people = paste(block("headrace verify http", server, BACKUP))
        server.stop()
        for_machines = paste(block("headrace verify data", server, BACKUP))
    assert for_people.strip() == "sound: 1 series, 0 points in 0 segments, 1 in the journal, 0 documents"
    assert json.loads(for_machines)["sound"] is True


def test_backing_up_restoring_and_sealing(tmp_path: Path) -> None:
    point = {"metric": "m", "timestamp": 1_700_000_000, "value": 1, "tags": {"a": "b"}}
    with running(tmp_path / "data") as server:
        assert server.put(point)[0] == 204
        assert paste(block("headrace seal", server, OPERATIONS)).startswith("sealed through record ")
        assert len(list((tmp_path / "data" / "segments").glob("points-*"))) == 1
        assert server.put(point | {"timestamp": 1_700_000_001})[0] == 204
        said = paste(block("headrace backup http://127.0.0.1:4242 backups", server, BACKUP)).splitlines()
    assert said[0].startswith(f"backed up into {tmp_path / 'backups' / 'newest'}: through record ")
    assert said[1].startswith("restored into data-again: through record ")
    assert said[1].endswith(", 2 points, verified")


def test_a_backup_as_an_archive(tmp_path: Path) -> None:
    with running(tmp_path / "data") as server:
        assert server.put({"metric": "m", "timestamp": 1_700_000_000, "value": 1, "tags": {"a": "b"}})[0] == 204
        paste(block("headrace backup http://127.0.0.1:4242 -", server, BACKUP))
    _, verified = verify_backup(tmp_path / "newest")
    assert (verified.findings, verified.journal_points) == ((), 1)


def test_a_backup_every_night_and_the_way_back(tmp_path: Path) -> None:
    """What cron runs is all behind the time and the user, with its backslashes gone."""
    (tmp_path / "nightly").mkdir()
    with running(tmp_path / "data") as server:
        assert server.put({"metric": "m", "timestamp": 1_700_000_000, "value": 1, "tags": {"a": "b"}})[0] == 204
        [line] = [line for line in block("# HEADRACE_TOKEN", server, BACKUP).splitlines() if not line.startswith("#")]
        *when, user, command = line.split(maxsplit=6)
        assert (len(when), user) == (5, "root")
        for turn in range(2):  # the second replaces the first
            paste(command.replace("\\%", "%").replace("/opt/headrace/bin/", "").replace(NIGHTLY, "nightly"))
            assert [path.suffix for path in (tmp_path / "nightly").iterdir()] == [".tar"], turn
        # It is not to run here when the lines are read, so the server is the test's.
        lines = block("mkdir trial", server, BACKUP).replace(NIGHTLY, "nightly").splitlines()
        assert lines.pop() == "headrace serve --data-dir trial-data --port 4343"
        assert "1 points, verified" in paste("\n".join(lines))
    with running(tmp_path / "trial-data") as server:
        [answer] = json.loads(server.get("/api/query?start=1700000000&end=1700000001&m=none:m")[1])
        assert answer["dps"] == {"1700000000": 1}


def test_bringing_back_what_a_mistyped_retention_dropped(tmp_path: Path) -> None:
    start_s = 1_700_000_000
    points = [{"metric": "m", "timestamp": start_s + i, "value": i, "tags": {"a": "b"}} for i in range(100)]
    with running(tmp_path / "data", "--seal-points", "50", "--retention", "1d") as server:
        assert server.put(points[:50])[0] == 204
        assert server.put(points[50:])[0] == 204
        assert server.says("dropped for its age, kept for its grace")
        assert b"\nheadrace_grace_bytes 0" not in server.get("/metrics")[1]
        server.stop()
        said = paste(block("headrace restore-segment", server, OPERATIONS))
    assert said.endswith(" counts again, 50 points\n")
    with running(tmp_path / "data") as server:
        question = {"start": start_s, "end": start_s + 99, "queries": [{"metric": "m", "aggregator": "none"}]}
        [answer] = server.query(**question)
        assert list(answer["dps"].values()) == list(range(100))


def test_who_may_do_what(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    [table] = [text for text in blocks(OPERATIONS) if text.startswith("[principals.collectd]")]
    (tmp_path / "headrace.toml").write_text(table)
    with running(tmp_path / "data", "--config", str(tmp_path / "headrace.toml")) as server:
        assert server.get("/api/version")[0] == 401
        assert paste(block("curl -u grafana", server, OPERATIONS)) == "[]"
        assert paste(block("curl -u grafana", server, OPERATIONS)) == '["m"]'
        with pytest.raises(subprocess.CalledProcessError):
            paste(block("headrace seal", server, OPERATIONS))
        [operator] = re.findall(r'\[principals.operator\]\ntoken = "(\w+)"', table)
        monkeypatch.setenv("HEADRACE_TOKEN", operator)
        assert paste(block("headrace seal", server, OPERATIONS)).startswith("sealed through record ")


def test_tokens_that_are_made_while_it_runs(tmp_path: Path) -> None:
    with running(tmp_path / "data") as server:
        lines = block("headrace token create grafana", server, OPERATIONS).splitlines()
        assert [line.split()[2] for line in lines] == ["create", "list", "rotate", "revoke"]
        made = paste(lines[0]).strip()
        assert paste(lines[1]).splitlines()[1].endswith("holds")
        renewed = paste(lines[2]).strip()
        for token in (made, renewed):
            assert server.request("GET", "/api/version", Authorization=f"Bearer {token}")[0] == 200
        assert paste(lines[3]) == ""
        assert server.says("what='token revoked'")
        for token in (made, renewed):
            assert server.request("GET", "/api/version", Authorization=f"Bearer {token}")[0] == 401
