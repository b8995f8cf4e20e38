"""A page of another origin in a real Chromium tries everything that a page can send without being asked."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from serverprocess import ServerProcess, running

pytestmark = pytest.mark.peer("chromium-headless-shell")

POINT = {"metric": "history", "timestamp": 1_700_000_000, "value": 1, "tags": {"k": "v"}}
FORGED = {"metric": "forged", "timestamp": 1_700_000_000, "value": 1, "tags": {"k": "v"}}
FORGED_PAIRS = {"name": "forged", "datapoints": [[1_700_000_000_000, 1]], "tags": {"k": "v"}}
SAVING = {
    "start_absolute": 1,
    "metrics": [{"name": "history", "aggregators": [{"name": "save_as", "metric_name": "forged"}]}],
}

ATTEMPTS = f"""
const to = (path, method, body) => fetch(target + path, {{method, mode: "no-cors", body}}).catch(() => null);
await to("/api/ttl", "POST", '{{"val":1}}');
await to("/api/delete_meta", "POST", '{{"metric":"history","tags":{{}}}}');
await to("/api/put", "POST", '{json.dumps([FORGED])}');
await to("/api/v1/datapoints", "POST", '{json.dumps([FORGED_PAIRS])}');
await to("/api/v1/datapoints/delete", "POST", '{{"start_absolute":1,"metrics":[{{"name":"history"}}]}}');
await to("/api/v1/datapoints/query?query=" + encodeURIComponent('{json.dumps(SAVING)}'), "GET");
await to("/api/query?start=1&m=none:history&method_override=delete", "GET");
navigator.sendBeacon(target + "/api/put", '{json.dumps([FORGED])}');
const image = new Image();
await new Promise(go_on => {{
  image.onload = image.onerror = go_on;
  image.src = target + "/api/query?start=1&m=none:history&method_override=delete";
}});
const form = document.createElement("form");
[form.method, form.action, form.enctype, form.target] = ["post", target + "/api/put", "text/plain", "frame"];
const field = document.createElement("input");
[field.name, field.value] = ['{json.dumps(FORGED)[:-1]}, "x": "', '"}}'];
form.append(field);
const frame = document.createElement("iframe");
frame.name = "frame";
document.body.append(frame, form);
const framed = new Promise(go_on => frame.onload = go_on);
form.submit();
await Promise.race([framed, new Promise(go_on => setTimeout(go_on, 3000))]);  // a 204 loads nothing
"""

PAGE = """<!doctype html><body><script type="module">
const target = "http://127.0.0.1:%d";
%s
await fetch("/done", {method: "POST"});
</script></body>"""


class Stranger(BaseHTTPRequestHandler):
    """Serves one page, and hears when it is done."""

    def __init__(self, page: bytes, done: threading.Event, *connection: object) -> None:
        self._page = page
        self._done = done
        super().__init__(*connection)  # type: ignore[arg-type]

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(self._page)))
        self.end_headers()
        self.wfile.write(self._page)

    def do_POST(self) -> None:
        self.send_response(204)
        self.end_headers()
        self._done.set()

    def log_message(self, *_: object) -> None:
        """The test's output is not the place for it."""


@contextmanager
def stranger(target: int) -> Iterator[tuple[str, threading.Event]]:
    """The origin of a page that attacks the server at this port, and what is set when all was tried."""
    done = threading.Event()
    page = (PAGE % (target, ATTEMPTS)).encode()
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Stranger, page, done)) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}", done
        server.shutdown()
        thread.join()


def opened_in_a_browser(origin: str, done: threading.Event, profile: Path) -> None:
    command = [
        "chromium-headless-shell",
        *("--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-dev-shm-usage", "--remote-debugging-port=0"),
        f"--user-data-dir={profile}",
        f"{origin}/page",
    ]
    with (profile.parent / "chromium.log").open("wb") as log:
        # Debian's program is a script that starts the browser, which starts others.
        browser = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
        try:
            assert done.wait(60), (profile.parent / "chromium.log").read_text()
        finally:
            os.killpg(browser.pid, signal.SIGKILL)
            browser.wait()


def read(server: ServerProcess) -> tuple[int, bytes]:
    return server.get("/api/query?start=1&m=none:history")


@pytest.mark.timeout(180)
def test_a_page_of_another_origin_changes_nothing(tmp_path: Path) -> None:
    with running(tmp_path / "data", "--opentsdb-delete") as server, stranger(server.port) as (origin, done):
        assert server.put([POINT]) == (204, b"")
        before = read(server)
        opened_in_a_browser(origin, done, tmp_path / "profile")
        assert read(server) == before
        assert b"forged" not in server.get("/api/v1/metricnames")[1]
        denied = [line for line in server.get("/metrics")[1].decode().splitlines() if 'reason="web-page"' in line]
        counts = {line.partition('room="')[2].partition('"')[0]: float(line.split()[-1]) for line in denied}
        assert counts == {"opentsdb": 7, "kairosdb": 3}


@pytest.mark.timeout(180)
def test_a_page_that_the_operator_allows_does_all_of_it(tmp_path: Path) -> None:
    """Or the page of the other test would prove nothing."""
    server = ServerProcess(tmp_path / "data")
    with stranger(server.port) as (origin, done), running_at(server, "--opentsdb-delete", "--cors-origins", origin):
        assert server.put([POINT]) == (204, b"")
        opened_in_a_browser(origin, done, tmp_path / "profile")
        assert read(server)[0] == 400, "the name is unknown"
        assert b"forged" in server.get("/api/v1/metricnames")[1]


@contextmanager
def running_at(server: ServerProcess, *flags: str) -> Iterator[None]:
    server.flags = flags
    server.start()
    try:
        yield
    finally:
        server.kill()
