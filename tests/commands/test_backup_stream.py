"""`headrace backup SOURCE -`: what a pipe gets of a running server and of a stopped database, and what is not whole."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path

from answering import answering_posts
from serverprocess import running

from headrace import operating
from headrace.commands import backup_stream
from headrace.store.embedded.backups.restoring import verify_backup

HEADRACE = [sys.executable, "-m", "headrace"]


def streamed(source: object, folder: Path) -> str:
    """Unpacks the archive into a new folder. Returns what standard error got."""
    folder.mkdir()
    with subprocess.Popen(
        [*HEADRACE, "backup", str(source), "-"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=False
    ) as backup:
        subprocess.run(["tar", "-xf", "-", "-C", str(folder)], stdin=backup.stdout, check=True)
        assert backup.stderr is not None
        said = backup.stderr.read().decode()
    assert backup.returncode == 0, said
    return said


def test_it_asks_where_the_server_answers() -> None:
    asked = (backup_stream.BACKUP_TAR_PATH, backup_stream.LAST_RECORD_HEADER)
    assert asked == (operating.BACKUP_TAR_PATH, operating.LAST_RECORD_HEADER)


def test_of_a_running_server_and_of_a_stopped_database(tmp_path: Path) -> None:
    point = {"metric": "m", "timestamp": 1_700_000_000, "value": 1, "tags": {"a": "b"}}
    with running(tmp_path / "data") as server:
        assert server.put(point)[0] == 204
        said = streamed(f"http://127.0.0.1:{server.port}", tmp_path / "running")
        assert said.startswith("backed up: through record ")
        server.stop()
    assert not (tmp_path / "data" / "streaming").exists()
    streamed(tmp_path / "data", tmp_path / "stopped")
    for folder in ("running", "stopped"):
        _, verified = verify_backup(tmp_path / folder)
        assert verified.findings == ()
        assert verified.sealed_points + verified.journal_points == 1
    assert not list(tmp_path.glob("*.headrace-stream*"))


@contextmanager
def breaking_off(sent: bytes, told: int) -> Iterator[str]:
    """A server that says it has `told` bytes and sends fewer."""

    def answer(request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.send_header("Content-Length", str(told))
        request.send_header(operating.LAST_RECORD_HEADER, "7")
        request.end_headers()
        request.wfile.write(sent)

    with answering_posts(answer, "HTTP/1.0") as url:
        yield url


def test_what_is_not_whole_is_a_sentence_and_exit_code_1(tmp_path: Path) -> None:
    with breaking_off(b"x" * 1000, 2000) as url:
        ended = subprocess.run([*HEADRACE, "backup", url, "-"], capture_output=True, check=False)
        assert ended.returncode == 1
        assert b"broke off after 1000 of 2000 bytes: what was written is no backup" in ended.stderr
        with Path("/dev/full").open("wb") as full:
            ended = subprocess.run([*HEADRACE, "backup", url, "-"], stdout=full, stderr=subprocess.PIPE, check=False)
        assert ended.returncode == 1
    ended = subprocess.run([*HEADRACE, "backup", str(tmp_path), "-"], capture_output=True, check=False)
    assert (ended.returncode, ended.stdout) == (1, b"")
    assert b"holds no database" in ended.stderr


def test_a_terminal_gets_no_archive(tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    try:
        ended = subprocess.run(
            [*HEADRACE, "backup", str(tmp_path), "-"], stdout=theirs, stderr=subprocess.PIPE, check=False
        )
    finally:
        os.close(ours)
        os.close(theirs)
    assert ended.returncode == 2
    assert b"not for a terminal" in ended.stderr
