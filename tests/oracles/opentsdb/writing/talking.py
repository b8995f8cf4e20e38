"""Lines of telnet to both servers, and which of their answers is about which line."""

from __future__ import annotations

import itertools
import re
import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass

ANSWERED_WITHIN_S = 10
PAUSE_S = 0.003
"""Between two pieces of what is sent, so that they are two packets."""

MARK = re.compile(r"unknown command: zz([0-9]+)\.  Try `help'\.( \(line ([0-9]+)\))?")
"""The answer to a line that no server knows: it stands behind that to the line before."""

SUFFIX = re.compile(r"(.*?) \(line ([0-9]+)(?:, metric (.*))?\)", re.DOTALL)


@dataclass(frozen=True)
class Reply:
    """headrace's answer to one line, and which line and metric it named, if it did."""

    words: str
    line: int | None = None
    metric: str | None = None


def talk(port: int, pieces: Sequence[bytes], last: int) -> str:
    """All that is answered until mark number `last`, or until the connection is closed; latin-1 is of no one's making:
    bytes that are no UTF-8 are shown as such."""
    came = b""
    with socket.create_connection(("127.0.0.1", port), timeout=ANSWERED_WITHIN_S) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        wanted = b"zz%d." % last
        try:
            for piece in pieces:
                connection.sendall(piece)
                time.sleep(PAUSE_S if len(pieces) > 1 else 0)
            while not (wanted in came and came.endswith(b"\n")) and (more := connection.recv(1 << 16)):
                came += more
        except (ConnectionResetError, BrokenPipeError):
            pass  # After `exit`.
    return came.decode(errors="backslashreplace")


def marked(lines: Sequence[bytes], end: bytes) -> bytes:
    """The lines with a mark before the first and behind each."""
    return b"zz0\n" + b"".join(line + end + b"zz%d\n" % number for number, line in enumerate(lines, 1))


def unmarked(lines: Sequence[bytes], end: bytes) -> bytes:
    """The lines as one block, with a mark before the first and behind the last."""
    return b"zz0\n" + b"".join(line + end for line in lines) + b"zz%d\n" % len(lines)


def by_mark(came: str, count: int) -> list[list[str]]:
    """For each line the answers to it."""
    found: list[list[str]] = [[] for _ in range(count + 1)]
    at = 0
    for line in came.split("\n")[:-1]:
        if mark := MARK.fullmatch(line):
            at = int(mark[1]) + 1
        elif at <= count:
            found[at].append(line)
    return found[1:]


def pieces_of(data: bytes, cuts: Sequence[float]) -> list[bytes]:
    """Cut at these parts of the whole."""
    places = sorted({0, len(data), *(int(cut * len(data)) for cut in cuts)})
    return [data[start:end] for start, end in itertools.pairwise(places)]


def reply_of(line: str) -> Reply:
    """An answer of headrace's without what it adds to OpenTSDB's words."""
    found = SUFFIX.fullmatch(line)
    return Reply(found[1], int(found[2]), found[3]) if found else Reply(line)
