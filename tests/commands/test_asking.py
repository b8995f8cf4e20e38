"""What a command makes of the answers of a server, and of none."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler

import pytest
from answering import answering_posts
from click.testing import CliRunner, Result
from serverprocess import free_port

from headrace import cli
from headrace.commands.asking import NotAnswered, is_url, posted

PROGRESS = b'{"read": 1, "of": 2}'
FOUND = {"kind": "damage", "file": "segments/a.parquet", "what": "page 1 is wrong"}
UNREADABLE = FOUND | {"kind": "unreadable"}


def report(sound: bool | None, *findings: dict[str, str]) -> bytes:
    return json.dumps({"sound": sound, "findings": findings, "series": 3, "sealed_points": 7}).encode()


@contextmanager
def answering(status: int, *lines: bytes) -> Iterator[str]:
    """The address of a server that answers every post with these lines, one a chunk, and breaks off behind the last."""

    def answer(request: BaseHTTPRequestHandler) -> None:
        assert request.headers["content-type"] == "application/json"
        assert request.rfile.read(int(request.headers["content-length"])) == b"{}"
        request.send_response(status)
        request.send_header("transfer-encoding", "chunked")
        request.end_headers()
        for line in lines:
            request.wfile.write(b"%x\r\n%s\n\r\n" % (len(line) + 1, line))
        if not lines or b"sound" in lines[-1] or status != 200:
            request.wfile.write(b"0\r\n\r\n")
        request.close_connection = True

    with answering_posts(answer) as url:
        yield url


def verify(url: str, *flags: str) -> Result:
    return CliRunner().invoke(cli.main, ("verify", url, *flags))


def test_a_report_is_told_as_that_of_a_folder() -> None:
    read = "3 series, 7 points in 0 segments, 0 in the journal, 0 documents"
    for line, exit_code, said in (
        (report(True), 0, f"sound: {read}\n"),
        (report(False, FOUND), 1, f"damage: segments/a.parquet: page 1 is wrong\n1 finding: {read}\n"),
        (report(None, UNREADABLE), 2, f"unreadable: segments/a.parquet: page 1 is wrong\n1 finding: {read}\n"),
    ):
        with answering(200, PROGRESS, line) as url:
            told = verify(url)
            assert (told.exit_code, told.stdout, told.stderr) == (exit_code, said, "")
            as_json = verify(url, "--json")
            assert (as_json.exit_code, as_json.stdout) == (exit_code, line.decode() + "\n")


@pytest.mark.parametrize(
    ("status", "lines", "why"),
    [
        (200, [PROGRESS, b'{"sound": null, "reason": "it was ended"}'], "it was ended"),
        (200, [PROGRESS], "has not come to the end of it"),
        (200, [], "has not come to the end of it"),
        (409, [b'{"error": "already"}'], "answers 409"),
        (503, [b'{"error": "no room"}'], "no room"),
    ],
)
def test_no_report_is_no_verdict(status: int, lines: list[bytes], why: str) -> None:
    with answering(status, *lines) as url:
        told = verify(url, "--json")
    assert told.exit_code == 2
    assert told.stderr.startswith("headrace: ")
    assert why in told.stderr
    assert json.loads(told.stdout)["sound"] is None


def test_nobody_answers() -> None:
    for url, why in (
        (f"http://127.0.0.1:{free_port()}", "does not answer"),
        ("ftp://headrace", "is not http://host:port"),
    ):
        assert is_url(url)
        with pytest.raises(NotAnswered, match=why), posted(url, "/", {}):
            pass
    assert not is_url("data")
