"""Who is known by what: the schemes of RFC 6750 and RFC 7617."""

from __future__ import annotations

import base64

import pytest
from principals_for_tests import TOKEN, authority, bearer, principal

from headrace import limits
from headrace.access.authority import Authority, Headers
from headrace.access.principals import ANYBODY
from headrace.errors import Refused

MINUTE = 60_000


def basic(user: str, password: str) -> tuple[bytes, bytes]:
    return b"authorization", b"Basic " + base64.b64encode(f"{user}:{password}".encode())


def rule(one: Authority, headers: Headers, address: str = "10.0.0.1") -> str:
    with pytest.raises(Refused) as refused:
        one.of(headers, address)
    return refused.value.rule


def test_without_principals_nobody_is_asked() -> None:
    one = authority()
    assert not one.asks
    assert one.of([], "") is one.of([bearer("x")], "") is one.known([]) is ANYBODY


def test_by_token() -> None:
    one = authority(principals={"agent": principal()})
    assert one.asks
    assert one.of([bearer()], "").name == "agent"
    assert one.of([(b"authorization", f"  bEARER   {TOKEN} ".encode())], "").name == "agent"
    assert one.of([(b"authentication", f"Bearer {TOKEN}".encode())], "").name == "agent"
    assert one.known([bearer()]) is one.of([bearer()], "")


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
def test_what_is_not_the_token(text: str) -> None:
    one = authority(principals={"agent": principal()})
    headers = [(b"authorization", text.encode("latin-1"))]
    assert rule(one, headers) == "credentials-invalid"
    assert one.known(headers) is None


def test_none_and_two() -> None:
    one = authority(principals={"agent": principal()})
    assert rule(one, [(b"host", b"x")]) == "credentials-missing"
    assert rule(one, [bearer(), bearer()]) == "credentials-invalid"
    # What Authorization says counts, where both are there.
    assert rule(one, [bearer("x"), (b"authentication", f"Bearer {TOKEN}".encode())]) == "credentials-invalid"


def test_by_user_and_password() -> None:
    one = authority(principals={"ann": principal(password="päss:word"), "bob": principal(password="x")})
    assert one.known([basic("ann", "päss:word")]) is None
    assert one.of([basic("ann", "päss:word")], "").name == "ann"
    known = one.known([basic("ann", "päss:word")])
    assert known
    assert known.name == "ann"
    for user, password in (("ann", "x"), ("bob", "päss:word"), ("Ann", "päss:word"), ("", ""), ("ann", "")):
        assert rule(one, [basic(user, password)]) == "credentials-invalid"
    # A password is no token, and a token no password.
    assert rule(one, [bearer("x")]) == "credentials-invalid"


def test_many_wrong_passwords_of_a_user_are_slowed() -> None:
    now = 0
    one = authority(lambda: now, principals={"ann": principal(password="right"), "bob": principal(password="b")})
    for _ in range(limits.PASSWORDS_FAILED_MAX):
        assert rule(one, [basic("ann", "wrong")]) == "credentials-invalid"
    assert rule(one, [basic("ann", "wrong")]) == "credentials-slowed"
    assert rule(one, [basic("ann", "right")]) == "credentials-slowed"
    assert one.of([basic("ann", "right")], "10.0.0.2").name == "ann"
    # Who was right before does not wait, wherever it comes from; nor do others.
    assert one.of([basic("ann", "right")], "10.0.0.1").name == "ann"
    assert one.of([basic("bob", "b")], "10.0.0.1").name == "bob"
    assert rule(one, [basic("ann", "other")]) == "credentials-slowed"
    now = MINUTE
    assert rule(one, [basic("ann", "other")]) == "credentials-invalid"


def test_wrong_tokens_slow_nobody() -> None:
    one = authority(principals={"agent": principal()})
    for _ in range(3 * limits.PASSWORDS_FAILED_MAX):
        assert rule(one, [bearer("wrong")]) == "credentials-invalid"
    assert one.of([bearer()], "10.0.0.1").name == "agent"


def test_aws_keys() -> None:
    keys = {"aws_access_key_id": "AKID", "aws_secret_access_key": "s"}
    one = authority(principals={"job": principal(**keys)}, datazone_credentials={"OLD": "t"})
    key, old = one.aws_key("AKID"), one.aws_key("OLD")
    assert key
    assert (key.secret, key.principal.name) == ("s", "job")
    assert old
    assert (old.secret, old.principal.name) == ("t", "datazone_credentials.OLD")
    assert one.aws_key("akid") is None
    assert rule(one, [bearer("s")]) == "credentials-invalid"


def test_secrets_are_in_no_text_of_it() -> None:
    one = authority(principals={"agent": principal(), "ann": principal(password="pass-word")})
    told = repr(vars(one)) + repr(one.of([bearer()], ""))
    assert TOKEN not in told
    assert "pass-word" not in told
