"""A page of another origin in a real Chromium tries everything that a page can send without being asked."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from serverprocess import ServerProcess, running

pytestmark = pytest.mark.peer("chromium-headless-shell")

TIME = 1_700_000_000
HISTORY = ("by.meta", "by.question", "by.get", "by.image", "kept")
"""What is there: a metric for each way to delete, and one that is only read."""

FORGED = ("forged.put", "forged.pairs", "forged.copy", "forged.beacon", "forged.form")
"""What there is not: a metric for each way to write."""

TO_LIVE_S = 2_000_000_000


def point(metric: str) -> dict[str, object]:
    return {"metric": metric, "timestamp": TIME, "value": 1, "tags": {"k": "v"}}


PAIRS = {"name": "forged.pairs", "datapoints": [[TIME * 1000, 1]], "tags": {"k": "v"}}
SAVING = {
    "start_absolute": 1,
    "metrics": [{"name": "kept", "aggregators": [{"name": "save_as", "metric_name": "forged.copy"}]}],
}

ATTEMPTS = f"""
const to = (path, method, body) => fetch(target + path, {{method, mode, body}}).catch(() => null);
await to("/api/ttl", "POST", '{{"val":{TO_LIVE_S}}}');
await to("/api/delete_meta", "POST", '{{"metric":"by.meta","tags":{{}}}}');
await to("/api/put", "POST", '{json.dumps([point("forged.put")])}');
await to("/api/v1/datapoints", "POST", '{json.dumps([PAIRS])}');
await to("/api/v1/datapoints/delete", "POST", '{{"start_absolute":1,"metrics":[{{"name":"by.question"}}]}}');
await to("/api/v1/datapoints/query?query=" + encodeURIComponent('{json.dumps(SAVING)}'), "GET");
await to("/api/query?start=1&m=none:by.get&method_override=delete", "GET");
navigator.sendBeacon(target + "/api/put", '{json.dumps([point("forged.beacon")])}');
new Image().src = target + "/api/query?start=1&m=none:by.image&method_override=delete";
const form = document.createElement("form");
[form.method, form.action, form.enctype, form.target] = ["post", target + "/api/put", "text/plain", "frame"];
const field = document.createElement("input");
[field.name, field.value] = ['{json.dumps(point("forged.form"))[:-1]}, "x": "', '"}}'];
form.append(field);
const frame = document.createElement("iframe");
frame.name = "frame";
document.body.append(frame, form);
form.submit();
"""

PAGE = """<!doctype html><body><script type="module">
const target = "http://127.0.0.1:%d", mode = "%s";
%s
</script></body>"""

DENIED = {"opentsdb": 7, "kairosdb": 3}
"""Attempts in each room."""


class Stranger(BaseHTTPRequestHandler):
    """Serves one page."""

    def __init__(self, page: bytes, *connection: object) -> None:
        self._page = page
        super().__init__(*connection)  # type: ignore[arg-type]

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(self._page)))
        self.end_headers()
        self.wfile.write(self._page)

    def log_message(self, *_: object) -> None:
        """The test's output is not the place for it."""


@contextmanager
def stranger(target: int, mode: str) -> Iterator[str]:
    """The origin of a page that attacks the server at this port. mode: of its `fetch`; in "no-cors" a GET does not say
    of which origin it is."""
    page = (PAGE % (target, mode, ATTEMPTS)).encode()
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Stranger, page)) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


def open_in_a_browser(origin: str, profile: Path, is_done: Callable[[], bool], *flags: str) -> None:
    """Until all has been tried: the last of it the browser sends when it likes, so the server is asked what came."""
    command = [
        "chromium-headless-shell",
        *("--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-dev-shm-usage", "--remote-debugging-port=0"),
        f"--user-data-dir={profile}",
        *flags,
        f"{origin}/page",
    ]
    log = profile.parent / "chromium.log"
    with log.open("wb") as output:
        # Debian's program is a script that starts the browser, which starts others.
        browser = subprocess.Popen(command, stdout=output, stderr=output, start_new_session=True)
        try:
            deadline = time.monotonic() + 90
            while not is_done():
                assert time.monotonic() < deadline, log.read_text()
                assert browser.poll() is None, log.read_text()
                time.sleep(0.05)
        finally:
            os.killpg(browser.pid, signal.SIGKILL)
            browser.wait()


def write_history(server: ServerProcess) -> None:
    assert server.put([point(metric) for metric in HISTORY]) == (204, b"")


def held(server: ServerProcess) -> tuple[set[str], Any]:
    """The metrics of which there are points, and how long points live."""
    names = json.loads(server.get("/api/v1/metricnames")[1])["results"]
    there = {name for name in names if server.get(f"/api/query?start=1&m=none:{name}")[1] not in (b"", b"[]")}
    return there, json.loads(server.get("/api/ttl")[1])["val"]


def denied(server: ServerProcess) -> dict[str, float]:
    lines = [line for line in server.get("/metrics")[1].decode().splitlines() if 'reason="web-page"' in line]
    return {line.partition('room="')[2].partition('"')[0]: float(line.split()[-1]) for line in lines}


@pytest.mark.timeout(180)
def test_a_page_of_another_origin_changes_nothing(tmp_path: Path) -> None:
    with running(tmp_path / "data", "--opentsdb-delete") as server, stranger(server.port, "no-cors") as origin:
        write_history(server)
        before = held(server)
        open_in_a_browser(origin, tmp_path / "profile", lambda: denied(server) == DENIED)
        assert held(server) == before
        assert before[0] == set(HISTORY)


@pytest.mark.timeout(180)
def test_a_page_that_the_operator_allows_does_all_that_its_browser_says_is_its(tmp_path: Path) -> None:
    """Or the page of the other test would prove nothing. That an image is of this page no browser says."""
    server = ServerProcess(tmp_path / "data")
    with (
        stranger(server.port, "cors") as origin,
        running_at(server, "--opentsdb-delete", "--cors-origins", origin),
    ):
        write_history(server)
        done = ({"kept", "by.image", *FORGED}, TO_LIVE_S), {"opentsdb": 1}
        open_in_a_browser(origin, tmp_path / "profile", lambda: (held(server), denied(server)) == done)


@contextmanager
def running_at(server: ServerProcess, *flags: str) -> Iterator[None]:
    server.flags = flags
    try:
        server.start()
        yield
    finally:
        server.kill()
