"""A writer that ends by a fault of ours ends the server, with a clear line and an exit code that a supervisor sees."""

from __future__ import annotations

import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

FAULTY = """
import sys
from headrace.store.embedded.journal.journal import Journal
def append(self, records):
    raise KeyError("a fault of ours")
Journal.append = append
from headrace.cli import main
main(["serve", "--port", "0", "--data-dir", sys.argv[1]])
"""


def test_the_server_ends_when_its_writer_does(tmp_path: Path) -> None:
    command = [sys.executable, "-c", FAULTY, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        address = server.stdout.readline().split()[3]
        body = b'{"metric":"m","timestamp":1700000000,"value":1,"tags":{"host":"a"}}'
        try:
            with urllib.request.urlopen(f"{address}/api/put", body, timeout=30) as answer:
                status = answer.status
        except urllib.error.HTTPError as error:
            status = error.code
        assert status == 500, "no client waits for ever"
        _, said = server.communicate(timeout=60)
        assert server.returncode == 1
        assert said.rstrip().endswith("headrace: the writer failed by a fault of ours (see the log); start it again")
