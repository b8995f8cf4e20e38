"""The head of a HTTP answer as bytes, and how its body is framed."""

from __future__ import annotations

import http
from collections.abc import Iterable
from enum import Enum


class Framing(Enum):
    """How the client learns where the body ends."""

    NONE = "there is none"
    LENGTH = "content-length"
    CHUNKED = "transfer-encoding: chunked"
    CLOSE = "the connection closes"


# See request_reader.NOTHING.
NONE, LENGTH, CHUNKED, CLOSE = Framing


def _status_line(status: int) -> bytes:
    try:
        phrase = http.HTTPStatus(status).phrase
    except ValueError:
        phrase = ""
    return f"HTTP/1.1 {status} {phrase}\r\n".encode()


STATUS_LINES = {status: _status_line(status) for status in range(100, 600)}


def answer_head(
    status: int,
    headers: Iterable[tuple[bytes, bytes]],
    date_line: bytes,
    *,
    bodiless: bool,
    http_1_0: bool,
    keep_alive: bool,
    body_bytes: int | None,
) -> tuple[bytes, Framing, int, bool]:
    """Returns (the head with its empty line, framing, bytes of body that must follow, whether the connection stays
    open).

    bodiless: the answer to a HEAD request.   body_bytes: length of the body if all of it is known, else None.
    A header `content-length` or `connection: close` of the application holds; what it says of transfer-encoding is ours
    to say and left out. Raises ValueError for a header that holds a line break.
    """
    lines = [STATUS_LINES[status], date_line]
    announced: int | None = None
    empty = status in (204, 304) or status < 200
    for name, value in headers:
        lowered = name.lower()
        if lowered == b"content-length":
            announced = int(value)
            if status == 204:
                continue  # RFC 9110, 8.6: a 204 has none
        elif lowered == b"connection":
            keep_alive = keep_alive and b"close" not in value.lower()
            continue
        elif lowered == b"transfer-encoding":
            continue
        line = b"%b: %b\r\n" % (name, value)
        if line.count(b"\n") != 1 or line.count(b"\r") != 1:
            raise ValueError(f"a header of the answer holds a line break: {line!r}")
        lines.append(line)
    framing = LENGTH
    if empty or bodiless:
        framing = NONE
    elif announced is None and body_bytes is not None:
        announced = body_bytes
        lines.append(b"content-length: %d\r\n" % body_bytes)
    elif announced is None and http_1_0:
        framing = CLOSE
        keep_alive = False
    elif announced is None:
        framing = CHUNKED
        lines.append(b"transfer-encoding: chunked\r\n")
    if not keep_alive:
        lines.append(b"connection: close\r\n")
    elif http_1_0:
        lines.append(b"connection: keep-alive\r\n")
    lines.append(b"\r\n")
    return b"".join(lines), framing, announced or 0, keep_alive
