"""One port for HTTP and telnet: sockets, byte limits, deadlines, decompression. Knows no dialect."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from starlette.types import ASGIApp, Scope

from headrace.errors import Refused


@dataclass(frozen=True, slots=True)
class LineReply:
    """What to write back for a block of telnet lines (maybe nothing), and whether to close the connection after it."""

    data: bytes = b""
    close: bool = False


class LineSession(Protocol):
    """The telnet dialect on one connection. One block is in flight at a time, so arrival order holds."""

    async def feed(self, block: bytes) -> LineReply:
        """Take a block of one or more whole lines, each ended by `\\n`, and return what to answer once everything in it
        is durable. Must not raise Refused; a raised Unavailable means: the transport stops reading and feeds the same
        block again after a pause."""
        ...

    def line_too_long(self) -> LineReply:
        """A line exceeded limits.TELNET_LINE_BYTES_MAX and was dropped up to its end."""
        ...


RefusedAnswer = tuple[int, list[tuple[bytes, bytes]], bytes]
"""Status, headers, body."""

Refuse = Callable[[Scope, int, Refused], RefusedAnswer]
"""Words a refusal with its status, as the answer to the request of the scope."""


def alike(refuse: Callable[[int, Refused], RefusedAnswer]) -> Refuse:
    """For a dialect that words a refusal in the same way whatever was asked."""
    return lambda _scope, status, refused: refuse(status, refused)


@dataclass(frozen=True, slots=True)
class Room:
    """One protocol as the transport sees it.

    prefixes: the URL paths it owns, lower case, longest match wins over all rooms; its app words everything below them,
    unknown paths included.   refuse: words a refusal or failure that happened before the app was reached (too large a
    body, bad gzip, a deadline), or that the app raised, in its dialect.   lines: makes a telnet session for a new
    connection, None if the room has no telnet.
    """

    name: str
    prefixes: tuple[str, ...]
    app: ASGIApp
    refuse: Refuse
    lines: Callable[[], LineSession] | None = None
