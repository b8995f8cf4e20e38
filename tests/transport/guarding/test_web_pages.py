"""Which requests come from pages of others, as the Fetch standard and Fetch Metadata have browsers say it."""

from __future__ import annotations

import socket

import pytest
from smallhouse import GRAFANA

from headrace.transport.guarding.web_pages import NO_PAGE, Pages

OURS = Pages([], ["tsdb.example.net"])
MACHINE = socket.gethostname().encode()


def said(host: bytes, origin: bytes = b"", site: bytes = b"") -> list[tuple[bytes, bytes]]:
    headers = [(b"host", host), (b"origin", origin), (b"sec-fetch-site", site), (b"content-type", b"text/plain")]
    return [(name, value) for name, value in headers if value]


@pytest.mark.parametrize(
    "headers",
    [
        [],
        said(b"whatever.example:4242"),
        said(b"127.0.0.1:4242", b"http://127.0.0.1:4242", b"same-origin"),
        said(b"127.0.0.1:4242", b"http://127.0.0.1:4242"),
        said(b"127.0.0.1:4242", site=b"none"),
        said(b"LocalHost:4242", b"http://localhost:4242", b"same-origin"),
        said(b"a.localhost", b"http://a.localhost"),
        said(b"[::1]:4242", b"http://[::1]:4242"),
        said(b"[::1]", b"http://[::1]"),
        said(b"192.0.2.7:4242", b"http://192.0.2.7:4242"),
        said(b"tsdb.example.net", b"https://tsdb.example.net", b"same-origin"),
        said(b"TSDB.example.net:4242", b"http://tsdb.example.net:4242"),
        said(MACHINE + b":4242", b"http://" + MACHINE.lower() + b":4242"),
    ],
)
def test_agents_and_our_own_pages(headers: list[tuple[bytes, bytes]]) -> None:
    assert OURS.page_of("POST", headers) == OURS.page_of("GET", headers) == NO_PAGE


@pytest.mark.parametrize(
    ("headers", "why"),
    [
        (said(b"127.0.0.1:4242", b"https://evil.example"), "of another origin ('https://evil.example')"),
        (said(b"127.0.0.1:4242", b"https://evil.example", b"cross-site"), "of another site ('https://evil.example')"),
        (said(b"127.0.0.1:4242", site=b"cross-site"), "of another site"),
        (said(b"localhost:4242", b"http://localhost:3000", b"same-site"), "of another site"),
        (said(b"localhost:4242", b"http://localhost:3000"), "of another origin"),
        (said(b"localhost:4242", b"http://127.0.0.1:4242", b"same-origin"), "of another origin"),
        (said(b"127.0.0.1:4242", b"null", b"cross-site"), "of another site"),
        (said(b"127.0.0.1:4242", b"null"), "of another origin ('null')"),
        (said(b"", b"http://evil.example"), "of another origin"),
        (said(b"evil.example:4242", b"http://evil.example:4242", b"same-origin"), "by a name it does not have"),
        (said(b"evil.example:4242", b"http://evil.example:4242"), "by a name it does not have ('evil.example:4242')"),
        (said(b"127.0.0.1.evil.example", b"http://127.0.0.1.evil.example"), "by a name it does not have"),
        (said(b"localhost.evil.example", b"http://localhost.evil.example"), "by a name it does not have"),
        (said(b"evillocalhost", b"http://evillocalhost"), "by a name it does not have"),
        (said(b"x.tsdb.example.net", b"http://x.tsdb.example.net"), "by a name it does not have"),
        (said(b"\xff\n", b"http://\xff\n"), "by a name it does not have ('\\xff\\n')"),
    ],
)
def test_foreign_pages(headers: list[tuple[bytes, bytes]], why: str) -> None:
    for method in ("GET", "POST"):
        assert why in str(OURS.page_of(method, headers).changes)


def test_pages_that_the_operator_allows() -> None:
    headers = said(b"127.0.0.1:4242", GRAFANA, b"cross-site")
    assert Pages([GRAFANA.decode()], []).page_of("POST", headers) == NO_PAGE
    assert Pages(["*"], []).page_of("POST", headers) == NO_PAGE
    assert Pages(["https://other.example"], []).page_of("POST", headers).changes
    assert Pages([GRAFANA.decode()], []).page_of("POST", said(b"127.0.0.1:4242", site=b"cross-site")).changes


# What browsers say of a script or an image that a page includes: to loopback and over TLS, and elsewhere without TLS.
SCRIPT = [(b"sec-fetch-site", b"cross-site"), (b"sec-fetch-mode", b"no-cors"), (b"sec-fetch-dest", b"script")]
IMAGE = [(b"sec-fetch-site", b"same-site"), (b"sec-fetch-mode", b"no-cors"), (b"sec-fetch-dest", b"image")]
SILENT = [(b"user-agent", b"Mozilla/5.0 (X11)")]
FROM_ELSEWHERE = [*SILENT, (b"referer", b"https://evil.example/page")]
FROM_OURS = [*SILENT, (b"referer", b"http://192.0.2.7:4242/page")]
HOST = said(b"192.0.2.7:4242")


@pytest.mark.parametrize(
    ("more", "changes", "reads", "scripts"),
    [
        (SCRIPT, False, False, False),
        (IMAGE, False, False, False),
        ([(b"sec-fetch-site", b"cross-site"), (b"sec-fetch-mode", b"cors")], False, True, False),
        ([(b"sec-fetch-site", b"cross-site"), (b"sec-fetch-mode", b"navigate")], False, True, False),
        ([(b"sec-fetch-site", b"same-origin"), (b"sec-fetch-mode", b"no-cors")], True, True, True),
        ([(b"sec-fetch-site", b"none"), (b"sec-fetch-mode", b"navigate")], True, True, True),
        (SILENT, False, True, False),
        ([(b"accept-language", b"en-US,en;q=0.9"), (b"user-agent", b"renamed")], False, True, False),
        (FROM_ELSEWHERE, False, True, False),
        (FROM_OURS, True, True, True),
        ([(b"origin", b"http://192.0.2.7:4242")], True, True, True),
        ([(b"origin", b"http://evil.example")], False, True, False),
        # Agents
        ([(b"user-agent", b"Mozilla/5.0 (Windows NT 10.0) WindowsPowerShell/5.1")], True, True, True),
        ([(b"accept-language", b"*"), (b"sec-fetch-mode", b"cors"), (b"user-agent", b"node")], True, True, True),
        ([], True, True, True),
    ],
)
def test_what_a_page_may_ask_for(more: list[tuple[bytes, bytes]], changes: bool, reads: bool, scripts: bool) -> None:
    page = OURS.page_of("GET", [*HOST, *more])
    assert (page.changes is None, page.reads is None, page.scripts is None) == (changes, reads, scripts)
    assert page.reads_unasked is None


def test_a_post_of_a_browser_always_says_its_origin() -> None:
    """So one without is of an agent that has a language."""
    assert OURS.page_of("POST", [*HOST, *SILENT]).changes is None


def test_pages_that_the_operator_allows_may_include_scripts() -> None:
    headers = [*HOST, *SCRIPT, (b"referer", GRAFANA + b"/d/1")]
    assert Pages([GRAFANA.decode()], []).page_of("GET", headers).scripts is None
    assert Pages([GRAFANA.decode()], []).page_of("GET", headers).reads is None
    assert Pages(["https://other.example"], []).page_of("GET", headers).scripts
    assert Pages(["*"], []).page_of("GET", headers) == NO_PAGE


@pytest.mark.parametrize(
    ("host", "is_read"),
    [
        (b"192.0.2.7:4242", True),
        (b"tsdb.example.net:4242", True),
        (b"headrace:4242", True),
        (b"headrace.metrics.svc.cluster.local:4242", True),
        (b"tsdb.internal", True),
        (b"evil.example:4242", False),
        (b"EVIL.example", False),
        (b"127.0.0.1.evil.example", False),
        (b"local.evil.example:4242", False),
        (b"", True),
    ],
)
@pytest.mark.parametrize(
    "more", [SILENT, [(b"sec-fetch-site", b"same-origin")], [(b"referer", b"http://evil.example/")]]
)
def test_who_reads_by_a_name_that_is_not_ours(host: bytes, is_read: bool, more: list[tuple[bytes, bytes]]) -> None:
    page = OURS.page_of("GET", [(b"host", host), *more])
    assert (page.reads_unasked is None) is is_read
    assert OURS.page_of("GET", [(b"host", host)]) == NO_PAGE
