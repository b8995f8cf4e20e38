"""Stands before the app of each room: who sends a request, from where, and whether it may do what its route says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import structlog
from starlette.types import Message, Receive, Scope, Send

from headrace.access.authority import Authority, Headers
from headrace.access.bounded.bounds import UNBOUNDED, within
from headrace.access.deeds import CHANGING, Deed
from headrace.access.principals import ANYBODY, Principal
from headrace.errors import Refused, Unavailable
from headrace.rules import Rule
from headrace.transport import (
    CameBy,
    LineReply,
    LineSession,
    Listener,
    OtherCommands,
    Room,
    Sender,
    SmallPosts,
    WholeAnswer,
)
from headrace.transport.guarding.denials import Denials
from headrace.transport.guarding.web_pages import Page, Pages
from headrace.transport.senders import sender_of

log = structlog.get_logger(__name__)

_ASKED: Final = "headrace.asked"
"""In a scope: the Asked of its request."""


@dataclass(slots=True)
class Asked:
    """What a request may do, and what is noted of it.   page: that may have sent it.   asks: whether who sends it is
    asked for credentials.   deletes: whether it was let in for that.   noted: see `note`."""

    room: str
    principal: Principal
    page: Page
    asks: bool
    denials: Denials
    deletes: bool = False
    noted: dict[str, object] = field(default_factory=dict)

    def check(self, scope: Scope, deed: Deed, domain: str | None = None) -> None:
        """Raises Refused, which is counted and logged: rule "read-only" for a change by a listener that takes none,
        "web-page" for what a foreign page may not do, "permission-missing" for what the principal is not granted.
        domain: of DataZone, where it is known."""
        listener = _listener(scope)
        if listener is not None and listener.read_only and deed in CHANGING:
            self.denials.add(scope, "read-only", listener=str(listener))
            raise Refused("read-only", READ_ONLY)
        if deed in CHANGING:
            self.check_page(scope, self.page.changes, "change anything")
        elif deed == "read":
            self.check_page(scope, self.page.reads or (None if self.asks else self.page.reads_unasked), "read this")
        if not self.principal.may(deed, self.room):
            self.denials.add(scope, "permission-missing", principal=self.principal.name, deed=deed)
            raise Refused("permission-missing", f"{self.principal.name} is not granted {deed} here")
        if domain is not None and not self.principal.may_in_domain(deed, self.room, domain):
            self.denials.add(scope, "permission-missing", principal=self.principal.name, deed=deed)
            raise Refused("permission-missing", f"{self.principal.name} is not granted {deed} in this domain")
        self.deletes |= deed == "delete"

    def check_page(self, scope: Scope, why_not: str | None, what: str) -> None:
        """Raises Refused (rule "web-page"), which is counted and logged, where there is a reason in the page."""
        if why_not is not None:
            self.denials.add(scope, "web-page", page=why_not)
            words = f"{why_not} may not {what} here: see the settings cors_origins, host_names"
            raise Refused("web-page", words)

    def put_on_record(self, scope: Scope, status: int) -> None:
        """One line of what cannot be undone. status: that was answered, 0 when there is no answer."""
        if not self.noted and (not self.deletes or 400 <= status < 500):
            return
        log.info(
            "on record",
            principal=self.principal.name,
            client=sender_of(scope),
            room=self.room,
            method=scope["method"],
            # As it was sent: decoded, a path may have lines of its own.
            path=scope["raw_path"].decode("ascii", "backslashreplace"),
            status=status,
            **self.noted,
        )


@dataclass(frozen=True)
class _Guard:
    """The app of a room behind the guard."""

    room: Room
    pages: Pages
    authority: Authority
    denials: Denials

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Raises Refused and Unavailable as Authority.of and Asked.check do."""
        deed = self.room.deed(scope)
        page = self.pages.page_of(scope["method"], scope["headers"])
        asked = Asked(self.room.name, ANYBODY, page, is_asked(scope, self.authority), self.denials)
        # Before anybody is asked: principals of those that ask by themselves are not known yet.
        asked.check(scope, deed)
        scope[_ASKED] = asked
        if deed != "open" and not self.room.asks_itself:
            asked.principal = _at_once(scope, self.authority) or await self._principal(scope)
            asked.check(scope, deed)
        status = 0

        async def send_on(message: Message) -> None:
            nonlocal status
            status = message.get("status", status)
            await send(message)

        try:
            with within(asked.principal.bounds(deed, self.room.name)):
                await self.room.app(scope, receive, send_on)
        except Unavailable:
            status = 503  # the router words it; whether anything was done is not known
            raise
        except Refused:
            status = 400
            raise
        finally:
            asked.put_on_record(scope, status)

    async def _principal(self, scope: Scope) -> Principal:
        try:
            return await self.authority.of(scope["headers"], sender_of(scope), certificate_of(scope))
        except Refused as refused:
            self.denials.add(scope, refused.rule, words=refused.detail)
            raise


def guarded(room: Room, pages: Pages, authority: Authority, denials: Denials) -> Room:
    """The room, whose app meets only requests that may do what their route declares (Room.deed). What turns out later
    to be more than that has to ask `demand`."""
    lines = room.lines

    def guarded_lines(sender: Sender) -> LineSession:
        assert lines is not None, "the room has telnet"
        return _GuardedLines(lines(sender), room.name, sender, authority, denials)

    def may_gather(headers: Headers, sender: CameBy) -> bool:
        if sender.listener.read_only:
            return False
        who = ANYBODY if sender.listener.trusted else authority.known(headers, sender.certificate)
        return who is not None and who.may("write", room.name) and not who.bounds("write", room.name)

    return replace(
        room,
        app=_Guard(room, pages, authority, denials),
        lines=lines and guarded_lines,
        small_posts={target: _Unbounded(posts) for target, posts in room.small_posts.items()},
        may_gather=may_gather,
    )


class _Unbounded:
    """Small posts (transport.SmallPosts) of those who may write all metrics, which may_gather has seen to."""

    def __init__(self, posts: SmallPosts) -> None:
        self._posts = posts
        self.body_bytes_max = posts.body_bytes_max

    async def take(self, bodies: Sequence[bytes]) -> Sequence[WholeAnswer | None]:
        """See SmallPosts."""
        with within(UNBOUNDED):
            return await self._posts.take(bodies)


async def principal_of(scope: Scope, authority: Authority) -> Principal:
    """Who sends the request. Raises Refused and Unavailable as Authority.of."""
    return _at_once(scope, authority) or await authority.of(scope["headers"], sender_of(scope), certificate_of(scope))


def _at_once(scope: Scope, authority: Authority) -> Principal | None:
    """As principal_of, where that is certain at once: what most requests need not wait for."""
    if not is_asked(scope, authority):
        return ANYBODY
    return authority.known(scope["headers"], certificate_of(scope))


def is_asked(scope: Scope, authority: Authority) -> bool:
    """Whether who sends the request is asked for credentials."""
    listener = _listener(scope)
    return authority.asks and not (listener is not None and listener.trusted)


def certificate_of(scope: Scope) -> str | None:
    """Subject common name of the client certificate, which was verified; None without."""
    found: str | None = scope.get("headrace.certificate")
    return found


def _listener(scope: Scope) -> Listener | None:
    found: Listener | None = scope.get("headrace.listener")
    return found


def known_as(scope: Scope, principal: Principal) -> None:
    """Called by a room that asks_itself, when it knows who sends a request."""
    asked = scope.get(_ASKED)
    if asked is not None:
        asked.principal = principal


def demand(scope: Scope, deed: Deed, domain: str | None = None) -> None:
    """Called where a request is about to do more than its route declares, or when it is known in which domain of
    DataZone. Raises Refused as Asked.check does."""
    asked = scope.get(_ASKED)
    if asked is not None:
        asked.check(scope, deed, domain)


def demand_script(scope: Scope) -> None:
    """Called where an answer is going to be a script: browsers run those of any origin in any page. Raises Refused
    (rule "web-page")."""
    asked = scope.get(_ASKED)
    if asked is not None:
        asked.check_page(scope, asked.page.scripts, "read this as a script")


def note(scope: Scope, **what: object) -> None:
    """Called by who deletes, sets how long something is kept, or takes a backup: what, and how much. It is in the line
    that goes on record when the request has ended; without secrets."""
    asked = scope.get(_ASKED)
    if asked is not None:
        asked.noted |= what


HTTP_AMONG_LINES: Final = "this port takes lines alone, and no HTTP, in whose body a web page may have put some"
READ_ONLY: Final = "this address is for reading alone"
NO_CREDENTIALS: Final = "credentials are needed here, and telnet has none but a client certificate"


_NOBODY: Final = Principal("", ())
"""Who has no credentials, where they are asked for."""


class _GuardedLines:
    """One connection of telnet (transport.LineSession), which is closed where its sender may not write."""

    def __init__(self, session: LineSession, room: str, sender: Sender, authority: Authority, denials: Denials) -> None:
        self._session = session
        self._room = room
        self._sender = sender
        self._authority = authority
        self._denials = denials

    async def feed(self, block: bytes, first_line: int, others: OtherCommands | None = None) -> LineReply:
        """See LineSession."""
        principal = self._principal()
        refusal = self._refusal(first_line, principal)
        if refusal is not None:
            return refusal
        with within(principal.bounds("write", self._room)):
            return await self._session.feed(block, first_line, others)

    def line_too_long(self, line: int) -> LineReply:
        """See LineSession."""
        return self._refusal(line, self._principal()) or self._session.line_too_long(line)

    def _principal(self) -> Principal:
        listener = self._sender.listener
        if listener is not None and listener.trusted:
            return ANYBODY
        return self._authority.known((), self._sender.certificate) or _NOBODY

    def _refusal(self, line: int, principal: Principal) -> LineReply | None:
        if self._sender.began_as_http:
            return self._refused(line, "web-page", HTTP_AMONG_LINES)
        listener = self._sender.listener
        if listener is not None and listener.read_only:
            return self._refused(line, "read-only", READ_ONLY)
        if principal is _NOBODY:
            return self._refused(line, "credentials-missing", NO_CREDENTIALS)
        if not principal.may("write", self._room):
            return self._refused(line, "permission-missing", f"{principal.name} is not granted write here")
        return None

    def _refused(self, line: int, reason: Rule, words: str) -> LineReply:
        self._denials.add_line(self._sender.address, line, reason)
        return LineReply(f"{words}: nothing is taken from line {line} on, and this is closed\n".encode(), close=True)
