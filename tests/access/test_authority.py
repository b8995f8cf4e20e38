"""Who is known by what: the schemes of RFC 6750 and RFC 7617."""

from __future__ import annotations

import base64
import math

import pytest
from principals_for_tests import TOKEN, authority, bearer, principal, settings_of

from headrace import limits
from headrace.access.authority import Authority, Headers
from headrace.access.principals import ANYBODY, Principal, of_settings
from headrace.access.sources import Found
from headrace.errors import Refused

MINUTE = 60_000


def basic(user: str, password: str) -> tuple[bytes, bytes]:
    return b"authorization", b"Basic " + base64.b64encode(f"{user}:{password}".encode())


async def rule(one: Authority, headers: Headers, address: str = "10.0.0.1") -> str:
    with pytest.raises(Refused) as refused:
        await one.of(headers, address)
    return refused.value.rule


async def test_without_principals_nobody_is_asked() -> None:
    one = authority()
    assert not one.asks
    assert await one.of([], "") is await one.of([bearer("x")], "") is one.known([]) is ANYBODY


async def test_by_token() -> None:
    one = authority(principals={"agent": principal()})
    assert one.asks
    assert (await one.of([bearer()], "")).name == "agent"
    assert (await one.of([(b"authorization", f"  bEARER   {TOKEN} ".encode())], "")).name == "agent"
    assert (await one.of([(b"authentication", f"Bearer {TOKEN}".encode())], "")).name == "agent"
    assert one.known([bearer()]) is await one.of([bearer()], "")


@pytest.mark.parametrize(
    "text",
    [
        "Bearer",
        "Bearer ",
        "Bearer 0123456789abcde",
        "Bearer 0123456789ABCDEF",
        f"Bearer {TOKEN}1",
        f"Basic {TOKEN}",
        TOKEN,
        "",
        "Basic",
        "Basic !",
        f"AWS4-HMAC-SHA256 {TOKEN}",
        "Bearer \xff",
    ],
)
async def test_what_is_not_the_token(text: str) -> None:
    one = authority(principals={"agent": principal()})
    headers = [(b"authorization", text.encode("latin-1"))]
    assert await rule(one, headers) == "credentials-invalid"
    assert one.known(headers) is None


async def test_none_and_two() -> None:
    one = authority(principals={"agent": principal()})
    assert await rule(one, [(b"host", b"x")]) == "credentials-missing"
    assert await rule(one, [bearer(), bearer()]) == "credentials-invalid"
    # What Authorization says counts, where both are there.
    assert await rule(one, [bearer("x"), (b"authentication", f"Bearer {TOKEN}".encode())]) == "credentials-invalid"


async def test_by_user_and_password() -> None:
    one = authority(principals={"ann": principal(password="päss:word"), "bob": principal(password="x")})
    assert one.known([basic("ann", "päss:word")]) is None
    assert (await one.of([basic("ann", "päss:word")], "")).name == "ann"
    known = one.known([basic("ann", "päss:word")])
    assert known
    assert known.name == "ann"
    for user, password in (("ann", "x"), ("bob", "päss:word"), ("Ann", "päss:word"), ("", ""), ("ann", "")):
        assert await rule(one, [basic(user, password)]) == "credentials-invalid"
    # A password is no token, and a token no password.
    assert await rule(one, [bearer("x")]) == "credentials-invalid"


async def test_many_wrong_passwords_of_a_user_are_slowed() -> None:
    now = 0
    one = authority(lambda: now, principals={"ann": principal(password="right"), "bob": principal(password="b")})
    for _ in range(limits.PASSWORDS_FAILED_MAX):
        assert await rule(one, [basic("ann", "wrong")]) == "credentials-invalid"
    assert await rule(one, [basic("ann", "wrong")]) == "credentials-slowed"
    assert await rule(one, [basic("ann", "right")]) == "credentials-slowed"
    assert (await one.of([basic("ann", "right")], "10.0.0.2")).name == "ann"
    # Who was right before does not wait, wherever it comes from; nor do others.
    assert (await one.of([basic("ann", "right")], "10.0.0.1")).name == "ann"
    assert (await one.of([basic("bob", "b")], "10.0.0.1")).name == "bob"
    assert await rule(one, [basic("ann", "other")]) == "credentials-slowed"
    now = MINUTE
    assert await rule(one, [basic("ann", "other")]) == "credentials-invalid"


async def test_wrong_tokens_slow_nobody() -> None:
    one = authority(principals={"agent": principal()})
    for _ in range(3 * limits.PASSWORDS_FAILED_MAX):
        assert await rule(one, [bearer("wrong")]) == "credentials-invalid"
    assert (await one.of([bearer()], "10.0.0.1")).name == "agent"


async def test_aws_keys() -> None:
    keys = {"aws_access_key_id": "AKID", "aws_secret_access_key": "s"}
    one = authority(principals={"job": principal(**keys)}, datazone_credentials={"OLD": "t"})
    key, old = one.aws_key("AKID"), one.aws_key("OLD")
    assert key
    assert (key.secret, key.principal.name) == ("s", "job")
    assert old
    assert (old.secret, old.principal.name) == ("t", "datazone_credentials.OLD")
    assert one.aws_key("akid") is None
    assert await rule(one, [bearer("s")]) == "credentials-invalid"


async def test_secrets_are_in_no_text_of_it() -> None:
    one = authority(principals={"agent": principal(), "ann": principal(password="pass-word")})
    told = repr(vars(one)) + repr(await one.of([bearer()], ""))
    assert TOKEN not in told
    assert "pass-word" not in told


class Lookup:
    """A source that knows one credential, and counts how often it is asked."""

    def __init__(self, asks: bool = True) -> None:
        self.asks = asks
        self.asked: list[tuple[bytes, bytes, str]] = []
        self.found: Found | None = Found(Principal("looked-up", ()), 100)

    async def find(self, scheme: bytes, secret: bytes, address: str) -> Found | None:
        self.asked.append((scheme, secret, address))
        if secret == b"spoiled":
            raise Refused("credentials-invalid", "it is spoiled")
        return self.found if secret == b"looked-up" else None


class Deaf(Lookup):
    """A source that knows nothing of its kind."""

    async def find(self, scheme: bytes, secret: bytes, address: str) -> Found | None:
        return None


async def test_what_a_source_has_found_is_believed_until_it_ends() -> None:
    now = 1
    lookup, headers = Lookup(), [bearer("looked-up")]
    one = Authority([], lambda: now, [Deaf(), lookup])
    assert one.asks
    assert one.known(headers) is None
    assert await rule(one, []) == "credentials-missing"
    who = await one.of(headers, "10.0.0.1")
    assert who.name == "looked-up"
    assert lookup.asked == [(b"bearer", b"looked-up", "10.0.0.1")]
    assert lookup.found
    assert lookup.found.used_ms == 1
    now = 99
    assert one.known(headers) is who is await one.of(headers, "10.0.0.2")
    assert len(lookup.asked) == 1
    assert lookup.found.used_ms == 99
    now = 100
    assert one.known(headers) is None
    assert await rule(one, headers) == "credentials-invalid"
    lookup.found = Found(who, math.inf)
    assert await one.of(headers, "") is one.known(headers) is who
    lookup.found.end()
    assert one.known(headers) is None
    assert await rule(one, headers) == "credentials-invalid"
    lookup.found = None
    assert await rule(one, headers) == "credentials-invalid"


async def test_a_source_is_asked_of_what_the_settings_do_not_know() -> None:
    lookup = Lookup(asks=False)
    one = Authority(of_settings(settings_of(principals={"agent": principal()})), lambda: 0, [lookup])
    assert (await one.of([bearer()], "")).name == "agent"
    assert lookup.asked == []
    with pytest.raises(Refused, match="it is spoiled"):
        await one.of([bearer("spoiled")], "")
    assert await rule(one, [bearer("x"), bearer("y")]) == "credentials-invalid"
    assert [secret for _, secret, _ in lookup.asked] == [b"spoiled", b""]


async def test_as_soon_as_a_source_asks_everybody_is_asked_for_good() -> None:
    lookup = Lookup(asks=False)
    one = Authority([], lambda: 0, [lookup])
    assert await one.of([], "") is one.known([]) is ANYBODY
    lookup.asks = True
    assert one.asks
    assert one.known([]) is None
    lookup.asks = False
    assert one.asks
    assert await rule(one, []) == "credentials-missing"


async def test_so_many_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "CREDENTIALS_REMEMBERED_MAX", 2)

    class Anybody(Lookup):
        async def find(self, scheme: bytes, secret: bytes, address: str) -> Found | None:
            self.asked.append((scheme, secret, address))
            return Found(Principal(secret.decode(), ()), math.inf)

    anybody = Anybody()
    one = Authority([], lambda: 0, [anybody])
    for token in ("a", "b", "b", "c", "b", "a"):
        assert (await one.of([bearer(token)], "")).name == token
    assert [secret for _, secret, _ in anybody.asked] == [b"a", b"b", b"c", b"a"]
