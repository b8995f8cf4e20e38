"""HTTP and telnet on one port, or lines alone on another: sockets, byte limits, deadlines, decompression. Knows no
dialect."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import NoReturn, Protocol

from starlette.types import ASGIApp, Receive, Scope, Send

from headrace.about import About
from headrace.access.deeds import Deed, deed_of_method
from headrace.errors import Refused
from headrace.settings.pem import PemFiles


@dataclass(frozen=True, slots=True)
class LineReply:
    """What to write back for a block of telnet lines (maybe nothing), and whether to close the connection after it."""

    data: bytes = b""
    close: bool = False


class OtherCommands(Protocol):
    """Commands of other dialects (Room.own_commands)."""

    def are_in(self, block: bytes) -> bool:
        """Whether a line of whole lines begins with one, blanks before it or not."""
        ...


class OfOthers(Exception):  # noqa: N818 - it says what is there
    """Nothing of a block was taken, since lines of it begin with commands of other dialects."""


class LineSession(Protocol):
    """The telnet dialect on one connection. One block is in flight at a time, so arrival order holds."""

    async def feed(self, block: bytes, first_line: int, others: OtherCommands | None = None) -> LineReply:
        """Take a block of one or more whole lines, each ended by `\\n`, and return what to answer once everything in it
        is durable. Must not raise Refused; a raised Unavailable means: the transport stops reading and feeds the same
        block again after a pause.

        first_line: the number on this connection, from 1, of the first of them.   others: of other dialects, taken
        here too; a session whose own lines begin with a known command asks for them before it takes any line of a
        block that is not plainly its own, and raises OfOthers where they are.
        """
        ...

    def line_too_long(self, line: int) -> LineReply:
        """A line exceeded limits.TELNET_LINE_BYTES_MAX and was dropped up to its end.   line: its number."""
        ...


@dataclass(frozen=True, slots=True)
class Listener:
    """Where to listen, and what is there.

    port: 0 takes a free one.   telnet_room: the room whose law holds for telnet lines; None: no telnet.   http: False
    where only lines are spoken; elsewhere a connection that begins with a capital letter is HTTP.   rooms: names of
    those that are there; None: all.   read_only, trusted: the operator's word, that nothing may be changed here, and
    that nobody is asked for credentials.   tls: None: it speaks without.
    """

    host: str
    port: int
    telnet_room: str | None
    http: bool = True
    rooms: frozenset[str] | None = None
    read_only: bool = False
    trusted: bool = False
    tls: PemFiles | None = None

    def has(self, room: str) -> bool:
        """Whether the room of this name is there."""
        return self.rooms is None or room in self.rooms

    def __str__(self) -> str:
        """Host and port, as an operator writes them."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Sender:
    """Who is at the other end of a connection.

    address: of the other end, which behind a proxy is the proxy's; "" where it is not known.   listener: which the
    connection came by.   certificate: subject common name of the client certificate, which was verified; None without.
    began_as_http: whether its first bytes are those of a request, where only lines are spoken.
    """

    address: str
    listener: Listener | None = None
    certificate: str | None = None
    began_as_http: bool = False


LineSessions = Callable[[Sender], LineSession]
"""Makes the telnet session of a new connection."""


WholeAnswer = tuple[int, list[tuple[bytes, bytes]], bytes]
"""Status, headers, body."""

Refuse = Callable[[Scope, int, Refused], WholeAnswer]
"""Words a refusal with its status, as the answer to the request of the scope."""


def alike(refuse: Callable[[int, Refused], WholeAnswer]) -> Refuse:
    """For a dialect that words a refusal in the same way whatever was asked."""
    return lambda _scope, status, refused: refuse(status, refused)


class CameBy(Protocol):
    """A connection, as far as it says who may be at its other end."""

    certificate: str | None
    """See Sender."""

    @property
    def listener(self) -> Listener:
        """By which it came."""
        ...


class SmallPosts(Protocol):
    """The short way in for small posts to one address. What arrives in one turn of the event loop is handed over
    together, so that an agent's one point costs neither a task nor a scope nor a commit of its own."""

    body_bytes_max: int
    """Larger bodies go alone."""

    async def take(self, bodies: Sequence[bytes]) -> Sequence[WholeAnswer | None]:
        """The answer to each body, or None for one that has to go alone: it then reaches the app as if it had never
        been here. When this raises, all of them go alone, and the app words what it meets.

        bodies: unfolded; in UTF-8 as far as their senders know, since no head names another charset.
        """
        ...


Work = Callable[[], AbstractAsyncContextManager[None]]
"""Something is done in the background from when it is entered, which is before the server listens, until it is left,
which is when no request is under way any more."""


@dataclass(frozen=True, slots=True)
class Room:
    """One protocol as the transport sees it.

    prefixes: the URL paths it owns, lower case, longest match wins over all rooms (routing.Router); its app words
    everything below them, unknown paths included.   refuse: words a refusal or failure that happened before the app
    was reached (too large a body, bad gzip, a deadline), or that the app raised, in its dialect.   lines: its telnet,
    None if it has none.   small_posts: by the target (path and query) of a POST, exactly as it is usually sent; any
    other spelling goes to the app.   about: what it says of itself on the start page; None: it is not shown there.
    deed: what a request does, as its route declares it; what turns out to do more asks guard.demand.   asks_itself:
    whether its app looks at credentials by itself.   may_gather: whether a small post with these headers from this
    connection may go the short way; guard.guarded sets it.
    work: what it does besides answering.   own_commands: what begins lines of its telnet and of no other's, so that
    listeners of other dialects of commands take them.
    """

    name: str
    prefixes: tuple[str, ...]
    app: ASGIApp
    refuse: Refuse
    lines: LineSessions | None = None
    small_posts: Mapping[bytes, SmallPosts] = field(default_factory=dict)
    about: About | None = None
    work: Work | None = None
    own_commands: tuple[bytes, ...] = ()
    deed: Callable[[Scope], Deed] = lambda scope: deed_of_method(scope["method"])
    asks_itself: bool = False
    may_gather: Callable[[Iterable[tuple[bytes, bytes]], CameBy], bool] = lambda headers, sender: True


def lines_only(name: str, lines: LineSessions, about: About | None = None) -> Room:
    """A room that owns no path and speaks only lines, on a listener that names it (server.Listener)."""
    return Room(name, (), _never_asked, _never_refuses, lines, about=about)


async def _never_asked(scope: Scope, receive: Receive, send: Send) -> NoReturn:
    raise AssertionError("no path leads to a room without one")


def _never_refuses(scope: Scope, status: int, refused: Refused) -> NoReturn:
    raise AssertionError("no request is refused in a room without a path")
