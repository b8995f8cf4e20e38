"""What the tests of DataZone's clients share: credentials, names, and a way to the server that may fail on request."""

from __future__ import annotations

import http.client
import os
import ssl
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from serverprocess import ServerProcess

ROOT = Path(__file__).parent.parent.parent
KEY_ID, SECRET = "AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
DOMAIN, TYPE = "dzd_abc123", "amazon.datazone.DataQualityResultFormType"
CONTENT = '{"evaluations":[{"status":"PASS"}],"passingPercentage":88.0,"evaluationsCount":8}'
SUMMARY = '{"passingPercentage":88.0,"evaluationsCount":8}'
PREFIX = "/base"

SETTINGS = {"HEADRACE_DATAZONE_CREDENTIALS": f'{{"{KEY_ID}": "{SECRET}"}}', "HEADRACE_DATAZONE_PREFIX": PREFIX}
"""In the environment of a server that believes nobody."""


def environment(home: Path, **more: str) -> dict[str, str]:
    """For a client's process: our credentials, and nothing of whoever runs the tests."""
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "AWS_ACCESS_KEY_ID": KEY_ID,
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "LANG": "C.UTF-8",
        **more,
    }


def installed(program: Path) -> Path:
    """A client that scripts/clients or the test group installs; skips visibly where it is absent."""
    if not program.exists():
        pytest.skip(f"{program} is not there; scripts/clients installs it")
    return program


class Proxy:
    """Hands requests on as they are, or fails as `failures` says, one a request: "refuse" answers 503 at once, "lose"
    hands the request on and answers 503, "drop" hands it on and closes the connection."""

    def __init__(self, server: ServerProcess, tls: ssl.SSLContext | None) -> None:
        self.failures: deque[str] = deque()
        self.seen: list[tuple[str, dict[str, str], bytes]] = []
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _hand_on(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                headers = {name.lower(): value for name, value in self.headers.items()}
                proxy.seen.append((f"{self.command} {self.path}", headers, body))
                failure = proxy.failures.popleft() if proxy.failures else ""
                status, answer, content = 503, {"content-type": "application/json"}, b'{"message":"injected"}'
                if failure != "refuse":
                    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
                    connection.request(self.command, self.path, body or None, dict(self.headers.items()))
                    answered = connection.getresponse()
                    if not failure:
                        status, content = answered.status, answered.read()
                        answer = dict(answered.getheaders())
                    connection.close()
                if failure == "drop":
                    self.close_connection = True
                    return
                self.send_response_only(status)
                for name, value in {**answer, "content-length": str(len(content))}.items():
                    if not (status == 204 and name == "content-length"):
                        self.send_header(name, value)
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_POST = do_DELETE = _hand_on  # noqa: N815 - the library's names

            def log_message(self, *_: Any) -> None:
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        if tls is not None:
            self.http.socket = tls.wrap_socket(self.http.socket, server_side=True)
        self.url = f"http{'s' * (tls is not None)}://127.0.0.1:{self.http.server_port}"


@contextmanager
def proxied(server: ServerProcess, tls: ssl.SSLContext | None = None) -> Iterator[Proxy]:
    proxy = Proxy(server, tls)
    thread = threading.Thread(target=proxy.http.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield proxy
    finally:
        proxy.http.shutdown()
        proxy.http.server_close()
        thread.join()
