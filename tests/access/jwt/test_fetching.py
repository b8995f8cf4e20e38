"""Fetching of an issuer's keys, from servers that do what they should not."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
import trustme
from issuing import JwksServer, jwks_server

from headrace import limits
from headrace.access.jwt.fetching import NotFetched, fetch, read_file


@pytest.fixture
def server() -> Iterator[JwksServer]:
    with jwks_server() as running:
        running.body = b"the keys"
        yield running


def why(address: str, timeout_s: float = 5) -> str:
    with pytest.raises(NotFetched) as fault:
        fetch(address, timeout_s)
    return str(fault.value)


@contextmanager
def raw(say: Callable[[socket.socket], None]) -> Iterator[str]:
    """A server that reads a request and says what `say` says."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            try:
                connection = listening.accept()[0]
            except OSError:
                return
            with connection:
                connection.recv(65536)
                with suppress(OSError):  # who asked has gone
                    say(connection)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}/jwks?a=b"
        finally:
            listening.shutdown(socket.SHUT_RDWR)
            thread.join()


def test_what_is_there(server: JwksServer) -> None:
    assert fetch(f"{server.url}?a=b%20c") == b"the keys"
    assert server.asked == ["/jwks?a=b%20c"]


def test_statuses_and_redirects(server: JwksServer) -> None:
    for status in (404, 500, 203):
        server.status = status
        assert f"status {status}" in why(server.url)
    server.status, server.headers = 302, {"Location": f"{server.url}/elsewhere"}
    assert "are elsewhere (status 302): redirects are not followed" in why(server.url)
    assert server.asked == ["/jwks"] * 4


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (b"HTTP/1.1 200 OK\r\n\r\nall of it", b"all of it"),
        (b"HTTP/1.0 200 OK\r\n\r\n", b""),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nall\r\n3\r\n of\r\n0\r\n\r\n", b"all of"),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nall", b"all"),
    ],
)
def test_how_an_answer_may_end(said: bytes, expected: bytes) -> None:
    with raw(lambda connection: connection.sendall(said)) as address:
        assert fetch(address) == expected


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (b"", "were cut off"),
        (b"HTTP/1.1 200 OK\r\nContent-Le", "were cut off"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf", "were cut off"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nall\r\n", "were cut off"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "do not come by HTTP"),
    ],
)
def test_answers_that_are_none(said: bytes, words: str) -> None:
    with raw(lambda connection: connection.sendall(said)) as address:
        assert why(address) == words


def test_huge_answers() -> None:
    def endless(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            connection.sendall(b"x" * 65536)

    with raw(endless) as address:
        assert why(address) == f"have more than {limits.JWKS_BYTES_MAX} bytes"


@pytest.mark.parametrize(
    "drop", [b"H", b"HTTP/1.1 200 OK\r\n\r\nx", b"HTTP/1.1 200 OK\r\nContent-Length: 99999\r\n\r\nx"]
)
def test_slow_answers(drop: bytes) -> None:
    def drip(connection: socket.socket) -> None:
        connection.sendall(drop)
        for _ in range(100):
            time.sleep(0.05)
            connection.sendall(b"T")

    with raw(drip) as address:
        begin = time.monotonic()
        assert why(address, 0.3) in ("did not come within 0.3 s", "do not come by HTTP")
        assert time.monotonic() - begin < 2


def test_nobody_there() -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    assert why(f"http://127.0.0.1:{port}/") == "can not be reached: Connection refused"
    assert "can not be reached" in why("http://nobody.invalid/")


def test_over_tls(server: JwksServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    server.http.socket = context.wrap_socket(server.http.socket, server_side=True)
    port = server.url.split(":")[2]
    words = "come by TLS that can not be trusted"
    assert why(f"https://localhost:{port}").startswith(words)
    file = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(file))
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    assert fetch(f"https://localhost:{port}") == b"the keys"
    assert why(f"https://127.0.0.1:{port}").startswith(words)


def test_no_tls_where_it_should_be(server: JwksServer) -> None:
    assert why(server.url.replace("http", "https")).startswith("do not come by TLS: ")


def test_files(tmp_path: Path) -> None:
    file = tmp_path / "jwks.json"
    with pytest.raises(NotFetched, match="can not be read: No such file"):
        read_file(file)
    file.write_bytes(b"x" * (2 * limits.JWKS_BYTES_MAX))
    assert len(read_file(file)) == limits.JWKS_BYTES_MAX + 1
