"""`scripts/bench credentials`: what asking for credentials costs a request, in CPU time (docs/decisions/access.md).

The guard alone, before an app that does nothing, without a principal and with them; and the check of an AWS signature
by the size of the body that is signed.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import math
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

from starlette.types import Receive, Scope, Send

from headrace.access.authority import Authority
from headrace.access.principals import Grant, Principal, of_settings
from headrace.access.sources import Found
from headrace.access.tokens.hashing import hash_of, is_right
from headrace.access.tokens.text import new_secret, spelled
from headrace.config import Settings
from headrace.metrics import Metrics
from headrace.model.time import wall_clock
from headrace.protocols.datazone import sigv4
from headrace.transport import Listener, Room, alike
from headrace.transport.guarding.denials import Denials
from headrace.transport.guarding.guard import guarded
from headrace.transport.guarding.web_pages import Pages

TIMES = 100_000
QUICK_TIMES = 100
SECRET = "0123456789abcdef0123456789abcdef"
KEY_ID = "AKIDEXAMPLE"
PRINCIPALS: dict[str, Any] = {
    "agent": {"token": SECRET, "grants": [{"may": ["write"]}]},
    "person": {"password": SECRET, "grants": [{"may": ["write"]}]},
    "job": {"aws_access_key_id": KEY_ID, "aws_secret_access_key": SECRET, "grants": [{"may": ["write"]}]},
}
HEADERS = [
    (b"host", b"127.0.0.1:4242"),
    (b"user-agent", b"python-requests/2.32"),
    (b"accept", b"*/*"),
    (b"content-type", b"application/json"),
    (b"content-length", b"100"),
]
BODIES = (1024, 64 * 1024, 1024 * 1024)


def add_parser(parser: argparse.ArgumentParser) -> None:
    parser.description = __doc__
    parser.add_argument("--quick", action="store_true", help="a hundred requests of each kind")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    times = QUICK_TIMES if arguments.quick else TIMES
    user = base64.b64encode(f"person:{SECRET}".encode())
    stored = spelled("0" * 12, new_secret()).encode()
    print("| credentials | alone, us | a small post the short way, us |")
    print("|---|---:|---:|")
    for name, said, value in (
        ("nobody is asked", {}, None),
        ("token", PRINCIPALS, b"Bearer " + SECRET.encode()),
        ("token of headrace token", {}, b"Bearer " + stored),
        ("user and password", PRINCIPALS, b"Basic " + user),
    ):
        headers = HEADERS if value is None else [*HEADERS, (b"authorization", value)]
        room = _guarded(said, *([_Stored(stored)] if stored in (value or b"") else []))
        took = asyncio.run(alone(room, headers, times))
        print(f"| {name} | {took:.1f} | {timed(lambda: room.may_gather(headers, CameBy()), times):.1f} |")  # noqa: B023
    kept, secret = hash_of(SECRET), SECRET.encode()
    check = timed(lambda: is_right(kept, secret), max(times // 5000, 2))
    print(f"\nThe first time that a token of headrace token comes: {check / 1000:.0f} ms more, on a thread.")
    print("\n| bytes of the body | AWS signature, us |")
    print("|---:|---:|")
    for size in BODIES:
        signatures, request = _signed(b"x" * size)
        took = timed(lambda: signatures.caller(request), max(times * 1024 // size // 10, 10))  # noqa: B023
        print(f"| {size} | {took:.1f} |")
    return 0


class CameBy:
    """A connection."""

    listener = Listener("127.0.0.1", 4242, "opentsdb")
    certificate: str | None = None


async def nothing(scope: Scope, receive: Receive, send: Send) -> None:
    """An app that answers nothing."""


async def _never(*_: object) -> Any:
    raise AssertionError("nothing is sent or received here")


class _Stored:
    """In place of a TokenSource that has checked its token."""

    asks = True

    def __init__(self, token: bytes) -> None:
        self._token = token

    async def find(self, scheme: bytes, secret: bytes, address: str) -> Found | None:
        assert secret == self._token
        return Found(Principal("stored", (Grant(frozenset(("write",))),)), math.inf)


def _guarded(principals: dict[str, Any], *sources: _Stored) -> Room:
    authority = Authority(of_settings(Settings(principals=principals)), wall_clock, sources)
    room = Room("opentsdb", ("/",), nothing, alike(lambda status, refused: (status, [], b"")))
    return guarded(room, Pages([], []), authority, Denials(Metrics().requests_denied, "opentsdb", lambda: 0))


async def alone(room: Room, headers: list[tuple[bytes, bytes]], times: int) -> float:
    """Microseconds of CPU of a request."""
    begin = time.process_time()
    for _ in range(times):
        scope = {"type": "http", "method": "POST", "path": "/api/put", "raw_path": b"/api/put", "headers": headers}
        await room.app(scope, _never, _never)
    return (time.process_time() - begin) / times * 1e6


def timed(work: Callable[[], object | Awaitable[object]], times: int) -> float:
    """Microseconds of CPU that it takes once."""
    begin = time.process_time()
    for _ in range(times):
        work()
    return (time.process_time() - begin) / times * 1e6


def _signed(body: bytes) -> tuple[sigv4.Signatures, sigv4.Request]:
    """A post to DataZone with a right signature, and what checks it."""
    now = datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC)
    stamp = f"{now:%Y%m%dT%H%M%SZ}"
    claim = sigv4.Claim(
        *(KEY_ID, f"{now:%Y%m%d}", "us-east-1", sigv4.SERVICE, sigv4.TERMINATOR, stamp, ["host", "x-amz-date"], "")
    )
    headers = [(b"host", b"127.0.0.1:4242"), (b"x-amz-date", stamp.encode())]
    request = sigv4.Request("POST", b"/v2/domains/d/entities/ASSET/a/time-series-data-points", b"", headers, body)
    scope = f"{KEY_ID}/{claim.date}/{claim.region}/{claim.service}/{claim.terminator}"
    found = sigv4.signature(claim, SECRET, request)
    value = f"{sigv4.ALGORITHM} Credential={scope}, SignedHeaders=host;x-amz-date, Signature={found}"
    authority = Authority(of_settings(Settings(principals=PRINCIPALS)), lambda: 0)
    signatures = sigv4.Signatures(authority.aws_key, "", lambda: int(now.timestamp() * 1000))
    return signatures, request._replace(headers=[*headers, (b"authorization", value.encode())])
