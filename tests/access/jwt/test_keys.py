"""When the keys of an issuer are fetched, and what holds while they cannot be."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest
from issuing import JwksServer, jwks, jwks_server, new_key, setting
from structlog.testing import capture_logs

from headrace import limits
from headrace.access.jwt.keys import Keys
from headrace.errors import Unavailable
from headrace.metrics import Metrics
from headrace.settings.jwt_issuers import JwtIssuerSetting

ONE, TWO = new_key(kid="1"), new_key(kid="2")


@pytest.fixture
def server() -> Iterator[JwksServer]:
    with jwks_server(ONE) as running:
        yield running


class Case:
    """Keys at an address, and a clock that is set."""

    def __init__(self, where: str) -> None:
        self.now_s = 1000.0
        self.metrics = Metrics()
        self.keys = Keys("plant", JwtIssuerSetting(**setting(where)), self.metrics, lambda: self.now_s)

    async def ids(self, key_id: str | None = "1") -> list[str | None]:
        return [key.kid for key in await self.keys.fitting("ES256", key_id)]

    def counted(self) -> tuple[float | None, float | None, float | None]:
        """Fetches that worked, that failed, keys."""
        value = self.metrics.registry.get_sample_value
        labels = {"issuer": "plant"}
        ok = value("headrace_jwks_fetches_total", {**labels, "result": "ok"})
        return (
            ok,
            value("headrace_jwks_fetches_total", {**labels, "result": "failed"}),
            value("headrace_jwks_keys", labels),
        )


async def test_once_and_on_a_thread(server: JwksServer) -> None:
    on: list[str] = []

    def answers(handler: BaseHTTPRequestHandler) -> None:
        on.extend(thread.name for thread in threading.enumerate())
        handler.send_response(200)
        handler.end_headers()
        handler.wfile.write(server.body)

    server.answers = answers
    case = Case(server.url)
    assert await asyncio.gather(*(case.ids() for _ in range(20))) == [["1"]] * 20
    assert len(server.asked) == 1
    assert "headrace-jwks-plant" in on
    assert case.counted() == (1, 0, 1)
    case.now_s += limits.JWKS_FRESH_S - 1
    assert await case.ids() == ["1"]
    assert len(server.asked) == 1


async def test_an_unknown_key_fetches_again_but_not_at_once(server: JwksServer) -> None:
    case = Case(server.url)
    assert await case.ids() == ["1"]
    server.body = jwks(ONE, TWO)
    assert await case.ids("2") == []
    case.now_s += limits.JWKS_AGAIN_S
    assert await asyncio.gather(*(case.ids(kid) for kid in ("2", "2", "1"))) == [["2"], ["2"], ["1"]]
    for number in range(50):
        assert await case.ids(f"unknown-{number}") == []
    assert len(server.asked) == 2
    case.now_s += limits.JWKS_AGAIN_S
    for number in range(50):
        assert await case.ids(f"unknown-{number}") == []
    assert len(server.asked) == 3


async def test_old_keys_serve_while_new_ones_are_fetched(server: JwksServer) -> None:
    case = Case(server.url)
    assert await case.ids() == ["1"]
    server.body = jwks(TWO)
    case.now_s += limits.JWKS_FRESH_S
    assert await case.ids() == ["1"]
    under_way = case.keys.begin()
    assert under_way is not None
    await under_way
    assert await case.ids("1") == []
    assert await case.ids("2") == ["2"]
    # After twice that time nobody knows whether a key has been taken back.
    server.body = jwks(ONE)
    case.now_s += 2 * limits.JWKS_FRESH_S
    assert await case.ids("2") == []


async def test_a_fetch_that_fails_keeps_the_keys(server: JwksServer) -> None:
    case = Case(server.url)
    assert await case.ids() == ["1"]
    server.status = 500
    with capture_logs() as logs:
        for _ in range(4):
            case.now_s += 2 * limits.JWKS_FRESH_S
            assert await case.keys.are_newer() is False
            assert await case.ids() == ["1"]
    assert case.counted() == (1, 4, 1)
    told = [line for line in logs if line["event"] == "keys of an issuer not fetched"]
    assert len(told) == limits.JWKS_TOLD_PER_MINUTE
    assert told[0]["reason"] == "the keys were answered with status 500"
    assert told[0]["kept"] == 1
    # Whether its issuer has this one by now, nobody knows.
    with pytest.raises(Unavailable, match='keys of the issuer "plant" could not be fetched') as fault:
        await case.ids("2")
    assert fault.value.retry_after_s == limits.JWKS_AGAIN_S
    server.status, server.body = 200, jwks(TWO)
    case.now_s += limits.JWKS_AGAIN_S
    assert await case.ids("2") == ["2"]


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"keys": {}}', b'{"keys": []}', b'{"keys": [{"kty": "oct"}]}'])
async def test_without_keys_nobody_knows(server: JwksServer, body: bytes) -> None:
    server.body = body
    case = Case(server.url)
    for _ in range(10):
        with pytest.raises(Unavailable):
            await case.ids()
    assert len(server.asked) == 1
    assert case.counted() == (0, 1, 0)
    server.body = jwks(ONE)
    case.now_s += limits.JWKS_AGAIN_S
    assert await case.ids() == ["1"]


async def test_a_slow_server_holds_up_only_who_needs_it(server: JwksServer) -> None:
    case = Case(server.url)
    assert await case.ids() == ["1"]
    go_on = threading.Event()

    def answers(handler: BaseHTTPRequestHandler) -> None:
        go_on.wait(20)
        handler.send_response(404)
        handler.end_headers()

    server.answers = answers
    case.now_s += limits.JWKS_FRESH_S
    begin = time.monotonic()
    for _ in range(5):
        assert await case.ids() == ["1"]
    assert time.monotonic() - begin < 2
    waits = asyncio.create_task(case.ids("2"))
    # Who gives up does not end the fetch for others.
    gives_up = asyncio.create_task(case.ids("2"))
    await asyncio.sleep(0.05)
    gives_up.cancel()
    go_on.set()
    with pytest.raises(Unavailable):
        await waits
    assert len(server.asked) == 2


async def test_after_a_fetch_that_took_all_of_its_time_nobody_waits_at_once(server: JwksServer) -> None:
    case = Case(server.url)

    def answers(handler: BaseHTTPRequestHandler) -> None:
        case.now_s += limits.JWKS_AGAIN_S
        handler.send_response(500)
        handler.end_headers()

    server.answers = answers
    for _ in range(5):
        with pytest.raises(Unavailable):
            await case.ids()
    assert len(server.asked) == 1


async def test_a_fetch_that_does_not_end_is_one_that_failed(
    server: JwksServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where the system looks up a name for half a minute."""
    case = Case(server.url)
    assert await case.ids() == ["1"]
    go_on = threading.Event()

    def look_up() -> bytes:
        go_on.wait(20)
        return jwks(ONE, TWO)

    case.keys._read = look_up  # type: ignore[assignment]
    monkeypatch.setattr(limits, "JWKS_TIMEOUT_S", -0.95)
    case.now_s += limits.JWKS_AGAIN_S
    for _ in range(3):
        with pytest.raises(Unavailable):
            await case.ids("2")
        assert await case.ids("1") == ["1"]
    assert sum(thread.name == "headrace-jwks-plant" for thread in threading.enumerate()) == 1
    go_on.set()
    under_way = case.keys.begin()
    assert under_way is not None
    await under_way
    assert await case.ids("2") == ["2"]


async def test_tokens_without_a_key_id_and_keys_without_one(server: JwksServer) -> None:
    many = [new_key(kid=f"k{number}") for number in range(limits.JWT_KEYS_TRIED_MAX + 2)]
    server.body = jwks(*many)
    case = Case(server.url)
    assert await case.ids(None) == [f"k{number}" for number in range(limits.JWT_KEYS_TRIED_MAX)]
    assert await case.ids("k5") == ["k5"]
    server.body = jwks(new_key(), TWO)
    assert await Case(server.url).ids("2") == [None, "2"]


async def test_only_keys_that_fit_the_algorithm(server: JwksServer) -> None:
    rsa, p384, ed = new_key("RSA", 2048), new_key("EC", "P-384"), new_key("OKP", "Ed25519")
    server.body = jwks(rsa, ONE, p384, ed, new_key(kid="for-384", alg="ES384"))
    keys = Case(server.url).keys
    for algorithm, expected in (
        ("RS256", [rsa]),
        ("PS512", [rsa]),
        ("ES256", [ONE]),
        ("ES384", [p384]),
        ("ES512", []),
        ("EdDSA", [ed]),
        ("Ed25519", [ed]),
        ("Ed448", []),
    ):
        found = await keys.fitting(algorithm, None)  # type: ignore[arg-type]
        assert [key.thumbprint() for key in found] == [key.thumbprint() for key in expected]


async def test_a_file_is_read_again(tmp_path: Path) -> None:
    file = tmp_path / "jwks.json"
    file.write_bytes(jwks(ONE))
    case = Case(str(file))
    assert await case.ids() == ["1"]
    file.write_bytes(jwks(TWO))
    case.now_s += limits.JWKS_FILE_FRESH_S
    assert await case.ids("1") == []
    assert await case.ids("2") == ["2"]
    file.unlink()
    case.now_s += limits.JWKS_FILE_FRESH_S
    assert await case.ids("2") == ["2"]
