"""Which requests come from pages of others, as the Fetch standard and Fetch Metadata have browsers say it."""

from __future__ import annotations

import socket

import pytest
from smallhouse import GRAFANA

from headrace.transport.guarding.web_pages import Pages

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
    assert OURS.foreign(headers) is None


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
    assert why in str(OURS.foreign(headers))


def test_pages_that_the_operator_allows() -> None:
    headers = said(b"127.0.0.1:4242", GRAFANA, b"cross-site")
    assert Pages([GRAFANA.decode()], []).foreign(headers) is None
    assert Pages(["*"], []).foreign(headers) is None
    assert Pages(["https://other.example"], []).foreign(headers) is not None
    assert Pages([GRAFANA.decode()], []).foreign(said(b"127.0.0.1:4242", site=b"cross-site")) is not None
