"""Reads the keys of an issuer, from an address or a file. On a thread: it waits."""

from __future__ import annotations

import socket
import ssl
import time
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

import httptools

from headrace import __version__, limits


class NotFetched(Exception):  # noqa: N818 - as errors.Refused
    """In words that go on behind "the keys": no secret, and nothing of what was received but a status."""


def read_file(file: Path) -> bytes:
    """Up to one byte more than limits.JWKS_BYTES_MAX. Raises NotFetched."""
    try:
        with file.open("rb") as opened:
            return opened.read(limits.JWKS_BYTES_MAX + 1)
    except OSError as fault:
        raise NotFetched(f"can not be read: {fault.strerror}") from None


def fetch(address: str, timeout_s: float = limits.JWKS_TIMEOUT_S) -> bytes:
    """What a GET answers, within that time and limits.JWKS_BYTES_MAX; redirects are not followed. Only the look-up of
    the host's name is bounded by the system alone. Raises NotFetched."""
    ends = time.monotonic() + timeout_s
    parts = urlsplit(address)
    try:
        with _connected(parts, ends) as connection:
            connection.sendall(_request(parts))
            return _received(connection, ends)
    except TimeoutError:
        raise NotFetched(f"did not come within {timeout_s:g} s") from None
    except ssl.SSLCertVerificationError as fault:
        raise NotFetched(f"come by TLS that can not be trusted: {fault.verify_message}") from None
    except ssl.SSLError as fault:
        raise NotFetched(f"do not come by TLS: {(fault.reason or 'broken off').lower().replace('_', ' ')}") from None
    except (OSError, UnicodeError) as fault:
        raise NotFetched(f"can not be reached: {getattr(fault, 'strerror', None) or fault}") from None


def _connected(parts: SplitResult, ends: float) -> socket.socket:
    assert parts.hostname is not None, "the setting has a host"
    port = parts.port or (443 if parts.scheme == "https" else 80)
    connection = socket.create_connection((parts.hostname, port), _left_s(ends))
    if parts.scheme != "https":
        return connection
    try:
        connection.settimeout(_left_s(ends))
        return ssl.create_default_context().wrap_socket(connection, server_hostname=parts.hostname)
    except BaseException:
        connection.close()
        raise


def _request(parts: SplitResult) -> bytes:
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    host = parts.netloc
    return (
        f"GET {target} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: headrace/{__version__}\r\n"
        "Accept: application/jwk-set+json, application/json\r\nAccept-Encoding: identity\r\nConnection: close\r\n\r\n"
    ).encode()


class _Answer:
    """What the parser tells of an answer."""

    def __init__(self) -> None:
        self.on_message_begin()

    def on_message_begin(self) -> None:
        # Again after one of status 100.
        self.body = bytearray()
        self.begun = self.framed = self.whole = False

    def on_header(self, name: bytes, value: bytes) -> None:
        self.framed |= name.lower() in (b"content-length", b"transfer-encoding")

    def on_headers_complete(self) -> None:
        self.begun = True

    def on_body(self, data: bytes) -> None:
        self.body += data

    def on_message_complete(self) -> None:
        self.whole = True


def _received(connection: socket.socket, ends: float) -> bytes:
    answer, count = _Answer(), 0
    parser = httptools.HttpResponseParser(answer)
    while not answer.whole:
        connection.settimeout(_left_s(ends))
        block = connection.recv(limits.READ_BYTES)
        if not block and answer.begun and not answer.framed:
            break  # its body ends with the connection
        if not block:
            raise NotFetched("were cut off")
        count += len(block)
        if count > limits.JWKS_BYTES_MAX + limits.HEADER_BYTES_MAX:
            raise NotFetched(f"have more than {limits.JWKS_BYTES_MAX} bytes")
        try:
            parser.feed_data(block)
        except httptools.HttpParserError:
            raise NotFetched("do not come by HTTP") from None
    status = parser.get_status_code()
    if 300 <= status < 400:
        raise NotFetched(f"are elsewhere (status {status}): redirects are not followed, name the address itself")
    if status != 200:
        raise NotFetched(f"were answered with status {status}")
    return bytes(answer.body)


def _left_s(ends: float) -> float:
    left = ends - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left
