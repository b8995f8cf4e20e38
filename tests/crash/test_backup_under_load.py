"""Backups of a server that is written to, sealed and merged meanwhile, as folders and as archives: each, restored,
opens without a finding and has every point that was acknowledged before it began, and nothing that was never sent."""

from __future__ import annotations

import json
import shutil
import subprocess
import threading
import time
from pathlib import Path

from serverprocess import ServerProcess, running

from headrace.store.embedded.backups.restoring import restore, verify_backup

WRITERS = 3
BACKUPS = 4
START_S = 1_700_000_000


class Writer(threading.Thread):
    """Sends point after point of a series of its own, and now and then a new series; counts what was acknowledged."""

    def __init__(self, server: ServerProcess, number: int) -> None:
        super().__init__()
        self.acknowledged = 0
        """Points 0 .. acknowledged - 1 of the series are."""
        self.stopping = threading.Event()
        self.failures: list[object] = []
        self._server = server
        self._number = number

    def run(self) -> None:
        while not self.stopping.is_set():
            batch = range(self.acknowledged, self.acknowledged + 20)
            points = [self._point(str(self._number), number) for number in batch]
            points.append(self._point(f"{self._number}.{batch.start}", batch.start))
            note = {"startTime": START_S + batch.start, "description": f"note {self._number}.{batch.start}"}
            for path, body in (("/api/put", points), ("/api/annotation", note)):
                status, answer = self._server.request("POST", path, json.dumps(body).encode())
                if status not in (200, 204):
                    self.failures.append((status, answer))
                    return
            self.acknowledged = batch.stop

    def _point(self, series: str, number: int) -> dict[str, object]:
        return {"metric": "m", "timestamp": START_S + number, "value": number, "tags": {"series": series}}


def test_backups_of_a_server_under_load(tmp_path: Path) -> None:
    target = tmp_path / "backups" / "newest"
    kept: list[tuple[Path, list[int]]] = []
    with running(tmp_path / "data", "--seal-points", "1500", "--seal-age-s", "0.5") as server:
        writers = [Writer(server, number) for number in range(WRITERS)]
        for writer in writers:
            writer.start()
        for number in range(BACKUPS):
            time.sleep(0.8)
            acknowledged = [writer.acknowledged for writer in writers]
            body = json.dumps({"target": str(target)}).encode()
            status, answer = server.request("POST", "/api/headrace/v1/backup", body, content_type="application/json")
            assert status == 200, answer
            kept.append((shutil.copytree(target, tmp_path / f"backup-{number}"), acknowledged))
            acknowledged = [writer.acknowledged for writer in writers]
            kept.append((streamed(server, tmp_path / f"stream-{number}"), acknowledged))
        for writer in writers:
            writer.stopping.set()
            writer.join()
        assert not [failure for writer in writers for failure in writer.failures]
        sent = [writer.acknowledged for writer in writers]
        server.kill()
    assert all(kept[-1][1])
    for number, (backup, acknowledged) in enumerate(kept):
        label, verified = verify_backup(backup)
        assert verified.findings == ()
        restore(backup, tmp_path / f"restored-{number}")
        check_restored(tmp_path / f"restored-{number}", acknowledged, sent)
        assert label.database
    assert sorted(path.name for path in target.parent.iterdir()) == ["newest"]


def streamed(server: ServerProcess, folder: Path) -> Path:
    """The archive that the server sends, unpacked."""
    status, archive = server.request("POST", "/api/headrace/v1/backup.tar", b"{}", content_type="application/json")
    assert status == 200, archive
    folder.mkdir()
    subprocess.run(["tar", "-xf", "-", "-C", folder], input=archive, check=True)
    return folder


def check_restored(data: Path, acknowledged: list[int], sent: list[int]) -> None:
    with running(data) as server:
        health = json.loads(server.get("/health")[1])
        assert health["status"] == "ok"
        assert "damaged" not in health
        asked = {"metric": "m", "aggregator": "none"}
        answers = server.query(start=START_S - 1, end=START_S + 10**6, queries=[asked])
        found = {answer["tags"]["series"]: answer["dps"] for answer in answers}
        for number, (count, most) in enumerate(zip(acknowledged, sent, strict=True)):
            points = {int(time) - START_S: value for time, value in found[str(number)].items()}
            assert all(value == place for place, value in points.items())
            assert set(range(count)) <= points.keys() <= set(range(most + 20))
            for begun in range(0, count, 20):
                assert found[f"{number}.{begun}"] == {str(START_S + begun): begun}
        assert "accepted" not in server.log.read_text()
        assert "damage" not in server.log.read_text()
        server.stop()
