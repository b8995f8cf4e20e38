"""`scripts/bench jwt`: what tokens of an issuer cost a request (docs/decisions/access.md).

The guard alone, with an opaque token and with a JWT that was checked before; and the check of a JWT that comes first,
by the algorithm that it is signed with.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import orjson
from joserfc import jwt
from joserfc.jwk import JWKRegistry

from bench.credentials import HEADERS, QUICK_TIMES, SECRET, TIMES, CameBy, alone, nothing, timed
from headrace.access.authority import Authority
from headrace.access.jwt.source import JwtSource
from headrace.access.principals import of_settings
from headrace.config import Settings
from headrace.metrics import Metrics
from headrace.model.time import wall_clock
from headrace.transport import Room, alike
from headrace.transport.guarding.denials import Denials
from headrace.transport.guarding.guard import guarded
from headrace.transport.guarding.web_pages import Pages

KEYS: tuple[tuple[str, str, str | int], ...] = (
    ("RS256", "RSA", 2048),
    ("RS256", "RSA", 4096),
    ("PS256", "RSA", 2048),
    ("ES256", "EC", "P-256"),
    ("ES384", "EC", "P-384"),
    ("ES512", "EC", "P-521"),
    ("Ed25519", "OKP", "Ed25519"),
)
"""Algorithm, and kind and size of the key."""

ISSUER = "https://login.example.net/realms/plant"


def add_parser(parser: argparse.ArgumentParser) -> None:
    parser.description = __doc__
    parser.add_argument("--quick", action="store_true", help="a hundred requests of each kind")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    times = QUICK_TIMES if arguments.quick else TIMES
    keys = [(a, JWKRegistry.generate_key(kind, size, {"kid": f"{a} {size}"})) for a, kind, size in KEYS]
    with tempfile.NamedTemporaryFile() as file:
        Path(file.name).write_bytes(orjson.dumps({"keys": [key.as_dict(private=False) for _, key in keys]}))
        asyncio.run(_run(keys, file.name, times))
    return 0


async def _run(keys: Sequence[tuple[str, Any]], jwks: str, times: int) -> None:
    scopes = {"agent": [{"may": ["write"]}]}
    issuer = {"issuer": ISSUER, "jwks": jwks, "audience": "headrace", "scopes": scopes}
    agent = {"token": SECRET, "grants": [{"may": ["write"]}]}
    settings = Settings.model_validate({"principals": {"agent": agent}, "jwt_issuers": {"plant": issuer}})
    metrics = Metrics()
    source = JwtSource(settings.jwt_issuers, metrics, wall_clock)
    authority = Authority(of_settings(settings), wall_clock, [source])
    room = Room("opentsdb", ("/",), nothing, alike(lambda status, refused: (status, [], b"")))
    room = guarded(room, Pages([], []), authority, Denials(metrics.requests_denied, "opentsdb", wall_clock))
    async with source.work():
        await _of_all_requests(room, _tokens(*keys[0], 1)[0], times)
        await _of_first_ones(source, keys, min(times, 300))


async def _of_all_requests(room: Room, token: bytes, times: int) -> None:
    print("| credentials | alone, us | a small post the short way, us |")
    print("|---|---:|---:|")
    for name, secret in (("token", SECRET.encode()), (f"JWT of {len(token)} bytes, once checked", token)):
        headers = [*HEADERS, (b"authorization", b"Bearer " + secret)]
        took = await alone(room, headers, times)
        print(f"| {name} | {took:.1f} | {timed(lambda: room.may_gather(headers, CameBy()), times):.1f} |")  # noqa: B023


async def _of_first_ones(source: JwtSource, keys: Sequence[tuple[str, Any]], times: int) -> None:
    print("\n| a JWT that comes first, signed with | CPU, us | until it is known, us |")
    print("|---|---:|---:|")
    for algorithm, key in keys:
        tokens = _tokens(algorithm, key, times)
        begin, began = time.process_time(), time.perf_counter()
        for token in tokens:
            assert await source.find(b"bearer", token, "") is not None
        cpu, wall = time.process_time() - begin, time.perf_counter() - began
        print(f"| {key.kid} | {cpu / times * 1e6:.0f} | {wall / times * 1e6:.0f} |")


def _tokens(algorithm: str, key: Any, count: int) -> list[bytes]:
    now = int(time.time())
    claims = {
        "iss": ISSUER,
        "aud": "headrace",
        "sub": "meter-7",
        "iat": now,
        "exp": now + 3600,
        "scope": "agent openid",
    }
    header = {"alg": algorithm, "kid": key.kid}
    return [jwt.encode(header, {**claims, "jti": str(n)}, key, algorithms=[algorithm]).encode() for n in range(count)]
