"""What stands before every room: what changes something does not reach it from foreign pages, nor anything from who may
not do it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import pytest
from starlette.types import Receive, Scope, Send
from structlog.testing import capture_logs

from headrace.access.authority import Authority
from headrace.access.bounded.bounds import UNBOUNDED, Bounds, bounds_now
from headrace.access.deeds import Deed, deed_of_method
from headrace.access.principals import ANYBODY, of_settings
from headrace.config import Settings
from headrace.errors import Refused, Unavailable
from headrace.metrics import Metrics
from headrace.transport import LineReply, Listener, OtherCommands, Room, Sender, WholeAnswer, alike
from headrace.transport.guarding.denials import Denials
from headrace.transport.guarding.guard import (
    HTTP_AMONG_LINES,
    NO_CREDENTIALS,
    READ_ONLY,
    Asked,
    demand,
    guarded,
    note,
)
from headrace.transport.guarding.web_pages import NO_PAGE, Pages

FOREIGN = [(b"host", b"127.0.0.1:4242"), (b"origin", b"https://evil.example"), (b"sec-fetch-site", b"cross-site")]
AGENT = [(b"host", b"any.example")]
TOKEN = "0123456789abcdef"
READS, WRITES = ([{"may": [deed], "rooms": ["opentsdb"]}] for deed in ("read", "write"))
PRINCIPALS = {"reader": {"token": TOKEN, "grants": READS}, "writer": {"token": TOKEN[::-1], "grants": WRITES}}


def by(token: str) -> list[tuple[bytes, bytes]]:
    return [*AGENT, (b"authorization", f"Bearer {token}".encode())]


class Lines:
    """A telnet session that takes everything."""

    bounds: Bounds | None = None

    async def feed(self, block: bytes, first_line: int, others: OtherCommands | None = None) -> LineReply:
        self.bounds = bounds_now()
        return LineReply(b"taken")

    def line_too_long(self, line: int) -> LineReply:
        return LineReply(b"too long")


class Seen:
    """A room that notes which requests reach it. /query only asks, whatever its method; /health asks nobody; /change
    turns out to delete something; /noted says what it did, /mistaken and /full fail."""

    def __init__(self, **settings: Any) -> None:
        self.methods: list[str] = []
        self.bounds: Bounds | None = None
        self.lines = Lines()
        self.metrics = Metrics()
        self.authority = Authority(of_settings(Settings(**settings)), lambda: 0)
        room = Room(
            "opentsdb", ("/",), self.app, alike(lambda *_: (0, [], b"")), lambda _: self.lines, deed=self.deed_of
        )
        self.denials = Denials(self.metrics.requests_denied, "opentsdb", lambda: 0)
        self.room = guarded(room, Pages([], []), self.authority, self.denials)

    def deed_of(self, scope: Scope) -> Deed:
        deeds: dict[str, Deed] = {"/query": "read", "/health": "open", "/change": "read"}
        return deeds.get(scope["path"], deed_of_method(scope["method"]))

    async def app(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] == "/change":
            demand(scope, "delete")
        if scope["path"] == "/noted":
            note(scope, deleted=3)
        if scope["path"] == "/mistaken":
            raise Refused("json", "no")
        if scope["path"] == "/full":
            raise Unavailable("full")
        self.methods.append(scope["method"])
        self.bounds = bounds_now()

    async def ask(self, method: str, path: str, headers: list[tuple[bytes, bytes]], **came_by: Any) -> None:
        scope = {"type": "http", "method": method, "path": path, "raw_path": path.encode(), "headers": headers}
        scope |= {f"headrace.{name}": value for name, value in came_by.items()}

        async def nothing(*_: object) -> None:
            raise AssertionError("nothing is sent or received here")

        await self.room.app(scope, nothing, nothing)  # type: ignore[arg-type]

    async def rule(self, method: str, path: str, headers: list[tuple[bytes, bytes]], **came_by: Any) -> str:
        """By which it is refused; "" where it is not."""
        before = list(self.methods)
        try:
            await self.ask(method, path, headers, **came_by)
        except Refused as refused:
            assert self.methods == before
            return refused.rule
        return ""


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "TRACE"])
async def test_a_change_of_a_foreign_page_does_not_reach_the_room(method: str) -> None:
    seen = Seen()
    with capture_logs() as logged, pytest.raises(Refused, match="may not change anything here") as refused:
        await seen.ask(method, "/put", FOREIGN)
    assert refused.value.rule == "web-page"
    assert seen.methods == []
    await seen.ask(method, "/put", AGENT)
    assert seen.methods == [method]
    [line] = logged
    assert (line["event"], line["reason"], line["path"]) == ("request denied", "web-page", "/put")
    assert line["page"] == "a web page of another site ('https://evil.example')"
    assert 'headrace_requests_denied_total{reason="web-page",room="opentsdb"} 1.0' in seen.metrics.render().decode()


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "POST"])
async def test_a_question_of_a_foreign_page_does(method: str) -> None:
    seen = Seen()
    await seen.ask(method, "/query", FOREIGN)
    assert seen.methods == [method]
    assert await seen.rule(method, "/change", FOREIGN) == "web-page"
    await seen.ask(method, "/change", AGENT)
    assert seen.methods == [method, method]


async def test_who_may_do_what() -> None:
    seen = Seen(principals=PRINCIPALS)
    for headers, read, wrote, found in (
        (AGENT, "credentials-missing", "credentials-missing", "credentials-missing"),
        (by("x"), "credentials-invalid", "credentials-invalid", "credentials-invalid"),
        (by(TOKEN), "", "permission-missing", "permission-missing"),
        (by(TOKEN[::-1]), "permission-missing", "", "permission-missing"),
    ):
        assert await seen.rule("POST", "/query", headers) == read
        assert await seen.rule("POST", "/put", headers) == wrote
        assert await seen.rule("GET", "/change", headers) == found
        assert await seen.rule("GET", "/health", headers) == ""


async def test_denials_are_told_without_secrets() -> None:
    seen = Seen(principals=PRINCIPALS)
    with capture_logs() as logged:
        for headers in (AGENT, by("wrong-secret"), by(TOKEN)):
            await seen.rule("POST", "/put", headers)
    reasons = ["credentials-missing", "credentials-invalid", "permission-missing"]
    assert [line["reason"] for line in logged] == reasons
    assert (logged[2]["principal"], logged[2]["deed"]) == ("reader", "write")
    assert "wrong-secret" not in str(logged)
    assert TOKEN not in str(logged)
    for reason in reasons:
        assert f'reason="{reason}",room="opentsdb"}} 1.0' in seen.metrics.render().decode()


OURS = Listener("127.0.0.1", 1, "opentsdb")
TRUSTED = replace(OURS, trusted=True)
READING = replace(OURS, read_only=True)
BY_CERTIFICATE = {"w": {"certificate": "writer.example", "grants": WRITES}, "r": {"certificate": "r", "grants": READS}}


async def test_a_trusted_listener_asks_nobody_and_one_for_reading_takes_no_change() -> None:
    for seen in (Seen(), Seen(principals=PRINCIPALS)):
        assert await seen.rule("POST", "/put", AGENT, listener=TRUSTED) == ""
        assert await seen.rule("POST", "/put", by("wrong"), listener=TRUSTED) == ""
        assert await seen.rule("POST", "/put", FOREIGN, listener=TRUSTED) == "web-page"
        for headers in (AGENT, by(TOKEN), by(TOKEN[::-1])):
            assert await seen.rule("POST", "/put", headers, listener=READING) == "read-only"
            assert await seen.rule("GET", "/health", headers, listener=READING) == ""
        assert await seen.rule("POST", "/query", by(TOKEN), listener=READING) == ""
        assert await seen.rule("GET", "/change", by(TOKEN), listener=READING) == "read-only"


async def test_by_certificate() -> None:
    seen = Seen(principals={**BY_CERTIFICATE, **PRINCIPALS})
    assert await seen.rule("POST", "/put", AGENT, certificate="writer.example") == ""
    assert await seen.rule("POST", "/put", AGENT, certificate="r") == "permission-missing"
    assert await seen.rule("POST", "/put", AGENT, certificate="other") == "credentials-invalid"
    # What a request says itself counts before the certificate of its connection.
    assert await seen.rule("POST", "/put", by(TOKEN), certificate="writer.example") == "permission-missing"
    assert await seen.rule("POST", "/put", by("writer.example")) == "credentials-invalid"
    forged = [*AGENT, (b"authorization", b"certificate  writer.example")]
    assert await seen.rule("POST", "/put", forged) == "credentials-invalid"


@dataclass
class By:
    """A connection that came by a listener."""

    listener: Listener
    certificate: str | None = None


def test_the_short_way_is_for_who_may_write() -> None:
    seen, open_one = Seen(principals=PRINCIPALS | BY_CERTIFICATE), Seen()
    everybody = (AGENT, by("x"), by(TOKEN), by(TOKEN[::-1]))
    assert [seen.room.may_gather(headers, By(OURS)) for headers in everybody] == [False, False, False, True]
    assert [seen.room.may_gather(headers, By(TRUSTED)) for headers in everybody] == [True] * 4
    assert [seen.room.may_gather(headers, By(READING)) for headers in everybody] == [False] * 4
    certified = [seen.room.may_gather(AGENT, By(OURS, name)) for name in ("writer.example", "r", "other")]
    assert certified == [True, False, False]
    assert open_one.room.may_gather(AGENT, By(OURS))
    assert not open_one.room.may_gather(AGENT, By(READING))


@pytest.mark.parametrize(
    ("principals", "sender", "refusal"),
    [
        ({}, Sender("10.0.0.1", OURS), ""),
        ({}, Sender("10.0.0.1", READING), READ_ONLY),
        (PRINCIPALS, Sender("10.0.0.1"), NO_CREDENTIALS),
        (PRINCIPALS, Sender("10.0.0.1", OURS), NO_CREDENTIALS),
        (PRINCIPALS, Sender("10.0.0.1", TRUSTED), ""),
        ({}, Sender("10.0.0.1", TRUSTED, began_as_http=True), HTTP_AMONG_LINES),
        (BY_CERTIFICATE, Sender("10.0.0.1", OURS, "writer.example"), ""),
        (BY_CERTIFICATE, Sender("10.0.0.1", OURS, "r"), "r is not granted write here"),
        (BY_CERTIFICATE, Sender("10.0.0.1", OURS, "other"), NO_CREDENTIALS),
    ],
)
async def test_telnet(principals: dict[str, Any], sender: Sender, refusal: str) -> None:
    seen = Seen(principals=principals)
    assert seen.room.lines is not None
    session = seen.room.lines(sender)
    with capture_logs() as logged:
        replies = [await session.feed(b"put m 1 1 a=b\n", 7), session.line_too_long(8)]
    told = [(line["event"], line["client"], line["line"]) for line in logged]
    if not refusal:
        assert replies == [LineReply(b"taken"), LineReply(b"too long")]
        assert told == []
        return
    assert [reply.close for reply in replies] == [True, True]
    assert replies[0].data.decode() == f"{refusal}: nothing is taken from line 7 on, and this is closed\n"
    assert told == [("telnet denied", "10.0.0.1", 7), ("telnet denied", "10.0.0.1", 8)]


SOME: Final = {
    "some": {"token": TOKEN, "certificate": "some", "grants": [{"may": ["read", "write"], "metrics": ["a.*"]}]},
    "domain": {"token": TOKEN[::-1], "grants": [{"may": ["read"], "domains": ["a"]}]},
}


async def test_the_room_is_told_the_bounds_of_each_request() -> None:
    seen = Seen(principals=SOME)
    await seen.ask("POST", "/query", by(TOKEN))
    assert seen.bounds is not None
    assert seen.bounds.sees is seen.bounds.writes
    assert seen.bounds.sees is not None
    assert (seen.bounds.sees.cover("a.x"), seen.bounds.sees.cover("b.x")) == (True, False)
    await seen.ask("GET", "/health", AGENT)
    assert seen.bounds is UNBOUNDED
    await seen.ask("POST", "/query", by(TOKEN), listener=TRUSTED)
    assert seen.bounds is UNBOUNDED
    with pytest.raises(LookupError):
        bounds_now()


async def test_telnet_and_the_short_way_keep_to_bounds_too() -> None:
    seen = Seen(principals=SOME)
    assert seen.room.lines is not None
    await seen.room.lines(Sender("10.0.0.1", OURS, "some")).feed(b"put a.x 1 1 a=b\n", 1)
    assert seen.lines.bounds
    await seen.room.lines(Sender("10.0.0.1", TRUSTED, "some")).feed(b"put a.x 1 1 a=b\n", 1)
    assert seen.lines.bounds is UNBOUNDED
    assert not seen.room.may_gather(by(TOKEN), By(OURS))
    assert seen.room.may_gather(by(TOKEN), By(TRUSTED))


async def test_small_posts_are_taken_without_bounds() -> None:
    class Posts:
        body_bytes_max = 7

        async def take(self, bodies: Sequence[bytes]) -> Sequence[WholeAnswer | None]:
            assert bounds_now() is UNBOUNDED
            return [None for _ in bodies]

    seen = Seen()
    room = guarded(replace(seen.room, small_posts={b"/put": Posts()}), Pages([], []), seen.authority, seen.denials)
    posts = room.small_posts[b"/put"]
    assert posts.body_bytes_max == 7
    assert await posts.take([b"a", b"b"]) == [None, None]


async def test_in_a_domain() -> None:
    seen = Seen(principals=SOME)
    asked = Asked("datazone", seen.authority.known(by(TOKEN[::-1])) or ANYBODY, NO_PAGE, True, seen.denials)
    scope: Scope = {"method": "GET", "raw_path": b"/x", "headers": []}
    asked.check(scope, "read", "a")
    with pytest.raises(Refused, match="domain is not granted read in this domain") as refused:
        asked.check(scope, "read", "b")
    assert refused.value.rule == "permission-missing"


@pytest.mark.parametrize(("method", "path"), [("DELETE", "/x"), ("GET", "/change"), ("POST", "/noted")])
async def test_what_cannot_be_undone_is_on_record(method: str, path: str) -> None:
    may = [{"may": ["read", "write", "delete"]}]
    seen = Seen(principals={"ann": {"token": TOKEN, "grants": may}})
    with capture_logs() as logged:
        await seen.ask(method, path, by(TOKEN))
        await seen.ask("GET", "/query", by(TOKEN))
        await seen.ask("POST", "/put", by(TOKEN))
    [line] = logged
    assert (line["event"], line["log_level"]) == ("on record", "info")
    assert (line["principal"], line["room"]) == ("ann", "opentsdb")
    assert (line["method"], line["path"]) == (method, path)
    assert line.get("deleted") == (3 if path == "/noted" else None)


async def test_what_was_refused_is_not_on_record() -> None:
    seen = Seen()
    with capture_logs() as logged, pytest.raises(Refused):
        await seen.ask("DELETE", "/mistaken", AGENT)
    assert logged == []
    with capture_logs() as logged, pytest.raises(Unavailable):
        await seen.ask("DELETE", "/full", AGENT)
    assert [(line["event"], line["status"]) for line in logged] == [("on record", 503)]
