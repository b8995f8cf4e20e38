"""`headrace verify` of a server that is written to: sound while it is, and rot is named as it lies in its directory."""

from __future__ import annotations

import http.client
import json
import threading
import time
from pathlib import Path

from click.testing import CliRunner, Result
from serverprocess import ServerProcess, running

from headrace import cli

PATH = "/api/headrace/v1/verify"
POST = "POST", PATH, b"{}", {"content-type": "application/json"}


def verify(server: ServerProcess, *flags: str) -> Result:
    return CliRunner().invoke(cli.main, ("verify", f"http://127.0.0.1:{server.port}", *flags))


class Writer(threading.Thread):
    """Sends points until it is told to stop."""

    def __init__(self, server: ServerProcess) -> None:
        super().__init__()
        self.stopping = threading.Event()
        self.refused: list[object] = []
        self.sent = 0
        self._server = server

    def run(self) -> None:
        while not self.stopping.is_set():
            tags = {"series": str(self.sent % 500)}
            batch = range(self.sent, self.sent + 50)
            points = [{"metric": "m", "timestamp": 1_700_000_000 + i, "value": i, "tags": tags} for i in batch]
            status, answer = self._server.put(points)
            self.refused += [answer] if status != 204 else []
            self.sent += 50


def until_gone(data: Path) -> None:
    deadline = time.monotonic() + 20
    while (data / "verifying").exists():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_running_server_is_verified(tmp_path: Path) -> None:
    data = tmp_path / "data"
    flags = ("--seal-points", "1500", "--seal-age-s", "0.5", "--scrub-bytes-per-s", "0")
    with running(data, *flags) as server:
        writer = Writer(server)
        writer.start()
        time.sleep(1)
        said = verify(server)
        assert said.exit_code == 0, said.output
        assert said.stdout.startswith("sound: ")
        writer.stopping.set()
        writer.join()
        assert not writer.refused
        assert not (data / "verifying").exists()

        listed = json.loads(server.get("/api/headrace/v1/segments")[1])["files"]
        rotten = max((file for file in listed if file["points"]), key=lambda file: file["bytes"])["file"]
        content = bytearray((data / rotten).read_bytes())
        content[60] ^= 1
        with (data / rotten).open("r+b") as file:  # the same inode, as rot has it
            file.write(content)
        said = verify(server, "--json")
        assert said.exit_code == 1
        report = json.loads(said.stdout)
        assert report["sound"] is False
        assert {finding["file"] for finding in report["findings"]} == {rotten}
        missed = next(file["points"] for file in listed if file["file"] == rotten)
        assert report["sealed_points"] + report["journal_points"] == writer.sent - missed

        going = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
        going.request(*POST)
        time.sleep(0.1)
        again = verify(server)
        assert again.exit_code == 2
        assert "answers 409" in again.stderr
        going.getresponse().close()
        going.close()
        until_gone(data)
