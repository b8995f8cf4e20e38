"""A page of another origin in a real Chromium tries to read what is there, and to write by a port that takes lines."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import ThreadingHTTPServer
from pathlib import Path

import pytest
from serverprocess import ServerProcess, free_port
from test_chromium import Stranger, open_in_a_browser, point, running_at

pytestmark = [pytest.mark.peer("chromium-headless-shell"), pytest.mark.timeout(180)]

SECRET = "only.we.know"
PAGE = """<!doctype html><meta name="referrer" content="%s"><body><script>
const failed = (what) => fetch("/failed?" + what);
window.byScript = (answer) => fetch("/read?script&" + encodeURIComponent(JSON.stringify(answer)));
(async () => {
  for (const host of ["127.0.0.1", "lan.example"]) {
    await new Promise((done) => {
      const script = document.createElement("script");
      script.src = `http://${host}:%d/api/suggest?type=metrics&jsonp=byScript`;
      [script.onload, script.onerror] = [done, () => failed("script." + host).then(done)];
      document.body.append(script);
    });
    await fetch(`http://${host}:%d/api/suggest?type=metrics`).then((answer) => answer.text())
      .then((text) => fetch("/read?fetch&" + encodeURIComponent(text)), () => failed("fetch." + host));
  }
  const lines = "put forged.line 1700000000 1 a=b\\n";
  for (const path of ["", "x".repeat(100000)]) {
    const sent = {method: "POST", mode: "no-cors", body: lines};
    await fetch(`http://127.0.0.1:%d/${path}`, sent).catch(() => null);
  }
  await failed("all");
})();
</script></body>"""


class Listening(Stranger):
    """Remembers what its page tells it."""

    def __init__(self, page: bytes, told: list[str], *connection: object) -> None:
        self._told = told
        super().__init__(page, *connection)

    def do_GET(self) -> None:  # noqa: N802 - the library's name
        self._told.append(self.path)
        super().do_GET()


@contextmanager
def listening(referrer: str, port: int, lines: int) -> Iterator[tuple[str, list[str]]]:
    """Origin of a page that reads, and what it tells.   referrer: its policy."""
    page = PAGE.replace("%s", referrer, 1)
    for number in (port, port, lines):
        page = page.replace("%d", str(number), 1)
    told: list[str] = []
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Listening, page.encode(), told)) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}", told
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("referrer", ["no-referrer", "unsafe-url"])
@pytest.mark.parametrize("allowed", [False, True])
def test_a_page_reads_only_where_the_operator_allows_its_origin(tmp_path: Path, referrer: str, allowed: bool) -> None:
    """The name lan.example stands for an address that browsers do not trust as they trust loopback: there they say
    nothing of the page that asks."""
    server, lines = ServerProcess(tmp_path / "data"), free_port()
    listeners = [
        {"address": f"127.0.0.1:{server.port}"},
        {"address": f"127.0.0.1:{lines}", "http": False, "trusted": True},
    ]
    with listening(referrer, server.port, lines) as (origin, told):
        flags = ["--listeners", json.dumps(listeners), "--host-names", "lan.example"]
        with running_at(server, *flags, *(["--cors-origins", origin] if allowed else [])):
            assert server.put([point(SECRET)]) == (204, b"")
            rules = "--host-resolver-rules=MAP lan.example 127.0.0.1"
            open_in_a_browser(origin, tmp_path / "profile", lambda: "/failed?all" in told, rules)
            read = [path for path in told if SECRET in path]
            if allowed:
                # Two by fetch; a script only where it is known whose page it is in.
                assert len(read) == (2 if referrer == "no-referrer" else 4), told
            else:
                assert read == []
                assert len([path for path in told if path.startswith("/failed?") and "all" not in path]) == 4
            assert json.loads(server.get("/api/suggest?type=metrics")[1]) == [SECRET]
            assert server.says("telnet denied")
