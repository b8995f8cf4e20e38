"""From the bytes of a token to whom it stands for, with the authority that remembers it."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from issuing import JwksServer, claims, jwks, jwks_server, new_key, setting, token

from headrace import limits
from headrace.access.authority import Authority
from headrace.access.jwt.signatures import is_signed_by
from headrace.access.jwt.source import JwtSource
from headrace.access.principals import Principal, of_settings
from headrace.errors import Refused, Unavailable
from headrace.loading import load
from headrace.metrics import Metrics

KEY, OTHER, LONG = new_key(kid="1"), new_key(kid="2"), new_key("RSA", 2048, kid="rsa")
STATIC = "a-static-token-0123"


@pytest.fixture
def server() -> Iterator[JwksServer]:
    with jwks_server(KEY, LONG) as running:
        yield running


class Case:
    def __init__(self, jwks_at: str, **said: Any) -> None:
        self.now_ms = int(time.time() * 1000)
        self.metrics = Metrics()
        principals = {"agent": {"token": STATIC, "grants": [{"may": ["read"]}]}}
        issuers = {"plant": setting(jwks_at, **said)}
        self.settings = load({"principals": principals, "jwt_issuers": issuers}).settings
        self.source = JwtSource(self.settings.jwt_issuers, self.metrics, lambda: self.now_ms)
        self.authority = Authority(of_settings(self.settings), lambda: self.now_ms, [self.source])

    async def of(self, text: str, scheme: str = "Bearer") -> Principal:
        return await self.authority.of([(b"authorization", f"{scheme} {text}".encode())], "10.0.0.1")

    def known(self, text: str) -> Principal | None:
        return self.authority.known([(b"authorization", f"Bearer {text}".encode())])

    async def refusal(self, text: str) -> str:
        with pytest.raises(Refused) as refused:
            await self.of(text)
        assert refused.value.rule == "credentials-invalid"
        assert not text or text not in str(refused.value)
        return refused.value.detail

    def refused(self, reason: str, issuer: str = "plant") -> float:
        labels = {"issuer": issuer, "reason": reason}
        return self.metrics.registry.get_sample_value("headrace_jwt_refused_total", labels) or 0


async def test_a_right_one(server: JwksServer) -> None:
    case = Case(server.url)
    assert case.authority.asks
    for key, algorithm in ((KEY, "ES256"), (LONG, "RS256"), (LONG, "PS384")):
        text = token(key, algorithm=algorithm)
        assert case.known(text) is None
        who = await case.of(text)
        assert who.name == "plant:meter-7"
        assert who.may("write", "apollo")
        assert not who.may("write", "opentsdb")
        # From then on it is what an opaque token is.
        assert case.known(text) is who
        assert await case.of(text, "bEaReR") is who
    assert len(server.asked) == 1
    assert (await case.of(STATIC)).name == "agent"


async def test_until_it_expires(server: JwksServer) -> None:
    case = Case(server.url, clock_skew_s=10)
    text = token(KEY, claims(exp=case.now_ms // 1000 + 20))
    await case.of(text)
    case.now_ms += 29_000
    assert case.known(text)
    case.now_ms += 2_000
    assert case.known(text) is None
    assert await case.refusal(text) == "the token has expired"
    assert case.refused("expired") == 1


async def test_it_is_checked_again_in_case_its_key_was_taken_back(server: JwksServer) -> None:
    case = Case(server.url)
    text = token(KEY, claims(exp=case.now_ms // 1000 + 10 * limits.JWT_BELIEVED_S))
    await case.of(text)
    server.body = jwks(OTHER)
    case.now_ms += limits.JWT_BELIEVED_S * 1000 - 1
    assert case.known(text)
    case.now_ms += 1
    assert case.known(text) is None
    assert (await case.of(text)).name == "plant:meter-7"  # keys are younger than ten minutes
    case.now_ms += limits.JWT_BELIEVED_S * 1000
    case.source._issuers[claims()["iss"]].keys._fetched_s -= 2 * limits.JWKS_FRESH_S
    case.source._issuers[claims()["iss"]].keys._rests_since_s -= limits.JWKS_AGAIN_S
    assert await case.refusal(text) == "the token is signed with a key that its issuer does not have"
    assert case.refused("key") == 1


@pytest.mark.parametrize(
    ("said", "header", "reason"),
    [
        ({"iss": "https://login.example.net/realms/plant/"}, {}, "issuer"),
        ({"iss": None}, {}, "issuer"),
        ({"iss": ["https://login.example.net/realms/plant"]}, {}, "issuer"),
        ({"aud": "other"}, {}, "audience"),
        ({"aud": None}, {}, "audience"),
        ({"exp": 1}, {}, "expired"),
        ({"exp": None}, {}, "malformed"),
        ({"nbf": 2**40}, {}, "not-yet"),
        ({"iat": 2**40}, {}, "issued-later"),
        ({"sub": None}, {}, "principal"),
        ({}, {"typ": "logout+jwt"}, "type"),
        ({}, {"kid": "unknown"}, "key"),
        ({}, {"kid": ""}, "key"),
        ({}, {"kid": "../1"}, "key"),
        ({}, {"kid": "rsa"}, "key"),
    ],
)
async def test_wrong_ones(server: JwksServer, said: dict[str, Any], header: dict[str, Any], reason: str) -> None:
    case = Case(server.url)
    text = token(KEY, claims(**said), **header)
    for _ in range(2):
        await case.refusal(text)
        assert case.known(text) is None
    assert case.refused(reason, "" if reason == "issuer" else "plant") == 2


async def test_forged_ones(server: JwksServer) -> None:
    case = Case(server.url)
    right = token(KEY)
    head, body, signature = right.split(".")
    for text in (
        token(new_key(kid="1")),
        f"{head}.{body}.",
        f"{head}.{body}.{signature[:-2]}AA",
        f"{head}.{token(KEY, claims(sub='root')).split('.')[1]}.{signature}",
    ):
        assert await case.refusal(text) == "the token's signature is wrong"
    assert case.refused("signature") == 4
    assert (await case.of(right)).name == "plant:meter-7"


async def test_what_is_none_of_ours(server: JwksServer) -> None:
    case = Case(server.url)
    for text in ("opaque", "", "a.b.c", "x" * 50_000):
        assert await case.refusal(text) == "the credentials are not known here"
    assert "more than 16384 bytes" in await case.refusal(token(KEY, claims(more="x" * 20_000)))
    with pytest.raises(Refused):
        await case.of(token(KEY), "Token")
    both = [(b"authorization", f"Bearer {token(KEY)}".encode())] * 2
    with pytest.raises(Refused):
        await case.authority.of(both, "")
    assert server.asked == []


async def test_a_key_that_is_new(server: JwksServer) -> None:
    case = Case(server.url)
    await case.of(token(KEY))
    keys = case.source._issuers[claims()["iss"]].keys
    server.body = jwks(OTHER)
    keys._rests_since_s -= limits.JWKS_AGAIN_S
    assert (await case.of(token(OTHER))).name == "plant:meter-7"
    # Of the same name, and of none.
    for named, kid in ((new_key(kid="2"), "2"), (new_key(), None)):
        server.body = jwks(named)
        keys._rests_since_s -= limits.JWKS_AGAIN_S
        assert (await case.of(token(named, kid=kid))).name == "plant:meter-7"
        assert await case.refusal(token(OTHER, claims(jti=kid)))
    assert len(server.asked) == 4


async def test_without_keys_nobody_knows(server: JwksServer) -> None:
    server.status = 503
    case = Case(server.url)
    for _ in range(3):
        with pytest.raises(Unavailable, match='keys of the issuer "plant" could not be fetched'):
            await case.of(token(KEY))
    # Who is refused anyway hears that.
    assert await case.refusal(token(KEY, claims(exp=1))) == "the token has expired"
    assert (await case.of(STATIC)).name == "agent"


async def test_the_slow_algorithms_have_a_thread(server: JwksServer, monkeypatch: pytest.MonkeyPatch) -> None:
    on: list[str] = []
    check = is_signed_by

    def noted(*arguments: Any) -> bool:
        on.append(threading.current_thread().name.partition("_")[0])
        return check(*arguments)

    monkeypatch.setattr("headrace.access.jwt.source.is_signed_by", noted)
    case = Case(server.url)
    await case.of(token(LONG, algorithm="RS256"))
    await case.of(token(KEY))
    assert on == [threading.main_thread().name, "headrace-jwt"]


async def test_keys_are_fetched_when_the_server_begins(server: JwksServer) -> None:
    case = Case(server.url)
    async with case.source.work():
        under_way = case.source._issuers[claims()["iss"]].keys.begin()
        assert under_way is not None
        await under_way
        assert len(server.asked) == 1
        await case.of(token(KEY))
    assert len(server.asked) == 1
