"""`headrace health`: which listener is asked, and what is made of its answer."""

from __future__ import annotations

import json
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest
from certified import Authority
from click.testing import CliRunner, Result
from serverprocess import free_port

from headrace import cli
from headrace.settings.pem import PemFiles


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HOST", "PORT", "LISTENERS", "CONFIG"):
        monkeypatch.delenv(f"HEADRACE_{name}", raising=False)
    monkeypatch.chdir(tmp_path)


@contextmanager
def answering(status: int, files: PemFiles | None = None) -> Iterator[int]:
    """The port of a server that answers so to GET /health, and knows nothing else."""

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = b'{"status":"as told"}'
            self.send_response(status if self.path == "/health" else 404)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None: ...

    with HTTPServer(("127.0.0.1", 0), Answer) as server:
        if files is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(files.certificate, files.key)
            server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()


def health(*flags: str, **variables: str) -> Result:
    return CliRunner().invoke(cli.main, ("health", *flags), env=variables)


def listeners(*each: dict[str, object]) -> tuple[str, str]:
    return "--listeners", json.dumps(each)


def test_well_is_what_answers_200() -> None:
    with answering(200) as port:
        well = health("--port", str(port))
        assert (well.exit_code, well.stdout, well.stderr) == (0, '{"status":"as told"}\n', "")
    with answering(503) as port:
        ill = health("--port", str(port))
        assert (ill.exit_code, ill.stdout, ill.stderr) == (1, "", '{"status":"as told"}\n')
    gone = health("--port", str(port))
    assert (gone.exit_code, gone.stdout) == (1, "")
    assert gone.stderr.startswith(f"127.0.0.1:{port} does not answer: ")


def test_mistakes_are_told() -> None:
    # And never 2, which the health checks of images keep for themselves.
    told = health("--port", "70000", "--log-level", "loud")
    assert (told.exit_code, told.stdout, told.stderr.count("\n")) == (1, "", 2)


def test_who_listens_everywhere_is_asked_on_this_machine() -> None:
    with answering(200) as port:
        assert health(HEADRACE_HOST="0.0.0.0", HEADRACE_PORT=str(port), HEADRACE_INSECURE="true").exit_code == 0


def test_over_tls_whatever_name_the_certificate_has(tmp_path: Path) -> None:
    files = Authority(tmp_path).issue()
    with answering(200, files) as port:
        tls = {"tls_certificate": str(files.certificate), "tls_key": str(files.key)}
        assert health(*listeners({"address": f"127.0.0.1:{port}", **tls})).exit_code == 0


def test_the_listener_that_has_it_is_asked(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    files = authority.issue()
    tls = {"tls_certificate": str(files.certificate), "tls_key": str(files.key)}
    unable: list[dict[str, object]] = [
        {"address": f"127.0.0.1:{free_port()}", "http": False},
        {"address": f"127.0.0.1:{free_port()}", "rooms": ["kairosdb"]},
        {"address": f"127.0.0.1:{free_port()}", **tls, "tls_client_ca": str(authority.root)},
        {"address": "127.0.0.1:0"},
    ]
    none = health(*listeners(*unable))
    assert (none.exit_code, none.stdout) == (1, "")
    assert none.stderr.startswith("no listener answers /health: ")
    with answering(200) as port:
        able: list[dict[str, object]] = [
            {"address": f"127.0.0.1:{free_port()}", **tls},
            {"address": f"127.0.0.1:{port}", "rooms": ["headrace"]},
        ]
        assert health(*listeners(*unable, *able)).exit_code == 0
