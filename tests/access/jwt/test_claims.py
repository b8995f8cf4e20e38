"""What a token says: RFC 7519, section 4.1."""

from __future__ import annotations

from typing import Any

import pytest
from issuing import AUDIENCE, ISSUER, setting

from headrace import limits
from headrace.access.jwt.claims import BadToken, check, principal_of, scopes_of
from headrace.access.principals import Principal
from headrace.settings.jwt_issuers import JwtIssuerSetting

NOW_S = 1_700_000_000
SKEW_S = 60
ROOMS = ("opentsdb", "kairosdb", "apollo", "datazone", "headrace")
DEEDS = ("read", "write", "delete", "admin")


def issuer(**said: Any) -> JwtIssuerSetting:
    return JwtIssuerSetting(**setting(**said))


def checked(said: dict[str, Any], **of_setting: Any) -> int | str:
    """When it ends, in ms, or why it is bad."""
    try:
        return check({"iss": ISSUER, **said}, issuer(**of_setting), NOW_S * 1000)
    except BadToken as bad:
        return bad.reason


def whose(**said: Any) -> Principal:
    return principal_of({"sub": "meter-7", **said}, "plant", issuer())


def granted(who: Principal) -> set[tuple[str, str]]:
    return {(deed, room) for deed in DEEDS for room in ROOMS if who.may(deed, room)}  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({"exp": NOW_S + 10}, (NOW_S + 10 + SKEW_S) * 1000),
        ({"exp": NOW_S + 10.5}, (NOW_S + SKEW_S) * 1000 + 10_500),
        ({"exp": NOW_S - SKEW_S + 1}, (NOW_S + 1) * 1000),
        ({"exp": NOW_S - SKEW_S}, "expired"),
        ({"exp": 0}, "expired"),
        ({"exp": 2**43}, (2**43 + SKEW_S) * 1000),
        ({}, "malformed"),
        ({"exp": None}, "malformed"),
        ({"exp": str(NOW_S + 10)}, "malformed"),
        ({"exp": True}, "malformed"),
        ({"exp": -1}, "malformed"),
        ({"exp": 1e300}, "malformed"),
        ({"exp": [NOW_S + 10]}, "malformed"),
        ({"exp": NOW_S + 10, "nbf": NOW_S + SKEW_S}, (NOW_S + 10 + SKEW_S) * 1000),
        ({"exp": NOW_S + 10, "nbf": NOW_S + SKEW_S + 1}, "not-yet"),
        ({"exp": NOW_S + 10, "nbf": "now"}, "malformed"),
        ({"exp": NOW_S + 10, "iat": NOW_S + SKEW_S}, (NOW_S + 10 + SKEW_S) * 1000),
        ({"exp": NOW_S + 10, "iat": NOW_S + SKEW_S + 1}, "issued-later"),
        ({"exp": NOW_S + 10, "iat": {}}, "malformed"),
    ],
)
def test_times(said: dict[str, Any], expected: int | str) -> None:
    assert checked({"aud": AUDIENCE, **said}, clock_skew_s=SKEW_S) == expected


def test_the_skew_is_a_setting() -> None:
    assert checked({"aud": AUDIENCE, "exp": NOW_S - 1}, clock_skew_s=0) == "expired"
    assert checked({"aud": AUDIENCE, "exp": NOW_S - 1}, clock_skew_s=2) == (NOW_S + 1) * 1000


@pytest.mark.parametrize(
    ("audience", "is_right"),
    [
        (AUDIENCE, True),
        (["other", AUDIENCE], True),
        ("second", True),
        ("other", False),
        (f"{AUDIENCE}/", False),
        (AUDIENCE.upper(), False),
        ([], False),
        ([[AUDIENCE]], False),
        ({AUDIENCE: 1}, False),
        (None, False),
        (1, False),
    ],
)
def test_audiences(audience: Any, is_right: bool) -> None:
    found = checked({"aud": audience, "exp": NOW_S + 10}, audience=[AUDIENCE, "second"])
    assert (found != "audience") == is_right


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ({}, "plant:meter-7"),
        ({"client_id": "c", "azp": "a"}, "plant:meter-7"),
        ({"sub": None, "client_id": "c", "azp": "a"}, "plant:c"),
        ({"sub": "", "azp": "a"}, "plant:a"),
        ({"sub": None}, None),
        ({"sub": 7}, None),
        ({"sub": ["meter-7"]}, None),
        ({"sub": "two\nlines"}, None),
        ({"sub": "x" * limits.JWT_PRINCIPAL_CHARACTERS_MAX}, "plant:" + "x" * limits.JWT_PRINCIPAL_CHARACTERS_MAX),
        ({"sub": "x" * (limits.JWT_PRINCIPAL_CHARACTERS_MAX + 1)}, None),
    ],
)
def test_names(said: dict[str, Any], name: str | None) -> None:
    if name is not None:
        assert whose(**said).name == name
        return
    with pytest.raises(BadToken) as bad:
        whose(**said)
    assert bad.value.reason == "principal"


def test_another_claim_may_name_it() -> None:
    said = {"sub": "7f", "email": "ann@example.net"}
    assert principal_of(said, "plant", issuer(principal_claim="email")).name == "plant:ann@example.net"
    assert principal_of({"azp": "job"}, "plant", issuer(principal_claim="email")).name == "plant:job"


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({"scope": "a b  c"}, {"a", "b", "c"}),
        ({"scp": "a b"}, {"a", "b"}),
        ({"scp": ["a", "b c"]}, {"a", "b c"}),
        ({"scope": "a", "scp": ["b", 1, None]}, {"a", "b"}),
        ({"scope": ["a"]}, {"a"}),
        ({"scope": {"a": 1}, "scp": 7}, set()),
        ({}, set()),
    ],
)
def test_scopes(said: dict[str, Any], expected: set[str]) -> None:
    assert scopes_of(said) == expected


@pytest.mark.parametrize(
    ("scope", "expected"),
    [
        ("apollo_read", {("read", "apollo")}),
        ("read", {("read", "apollo")}),
        ("openid apollo_write", {("read", "apollo"), ("write", "apollo")}),
        ("write", {("read", "apollo"), ("write", "apollo")}),
        ("APOLLO_WRITE admin delete", set()),
        ("", set()),
    ],
)
def test_what_scopes_of_the_pages_grant(scope: str, expected: set[tuple[str, str]]) -> None:
    assert granted(whose(scope=scope)) == expected


def test_scopes_of_the_setting() -> None:
    one = issuer(
        scopes={
            "metrics": [{"may": ["read"], "rooms": ["opentsdb"]}, {"may": ["read"], "rooms": ["headrace"]}],
            "operate": [{"may": ["admin", "delete"], "rooms": ["kairosdb"]}],
            "read": [],
            "plant": [{"may": ["write"], "metrics": ["plant.*"]}],
        }
    )

    def grants(scope: str) -> set[tuple[str, str]]:
        return granted(principal_of({"sub": "s", "scope": scope}, "plant", one))

    assert grants("metrics") == {("read", "opentsdb"), ("read", "headrace")}
    assert grants("operate apollo_read") == {("admin", "kairosdb"), ("delete", "kairosdb"), ("read", "apollo")}
    # What is said replaces what the pages mean by it.
    assert grants("read") == set()
    bounds = principal_of({"sub": "s", "scope": "plant"}, "plant", one).bounds("write", "opentsdb")
    assert bounds.writes is not None


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (["north", "south"], {"north": "readwrite", "south": "readwrite"}),
        ("north south", {"north": "readwrite", "south": "readwrite"}),
        ({"north": "owner", "south": "readonly", "x": "all", "y": 1}, {"north": "owner", "south": "readonly"}),
        (["north", 7, None, []], {"north": "readwrite"}),
        (None, {}),
        (7, {}),
    ],
)
def test_collections_of_a_claim(said: Any, expected: dict[str, str]) -> None:
    one = issuer(collections_claim="groups")
    who = principal_of({"sub": "s", "scope": "apollo_write", "groups": said}, "plant", one)
    assert who.collections is not None
    assert who.collections.collections == expected


def test_collections_of_who_only_reads() -> None:
    who = principal_of({"sub": "s", "scope": "read", "groups": ["n"]}, "plant", issuer(collections_claim="groups"))
    assert who.collections is not None
    assert who.collections.collections == {"n": "readonly"}
    assert who.collections.default() == "n"


def test_too_many_collections() -> None:
    one = issuer(collections_claim="groups")
    names = [str(number) for number in range(limits.JWT_COLLECTIONS_MAX + 1)]
    with pytest.raises(BadToken, match="more than 100 collections"):
        principal_of({"sub": "s", "groups": names}, "plant", one)
    assert principal_of({"sub": "s", "groups": names[1:]}, "plant", one).collections


def test_collections_of_the_setting() -> None:
    assert whose(groups=["north"]).collections is None
    one = issuer(collections={"plant": "readwrite", "lab": "readonly"}, default_collection="plant")
    who = principal_of({"sub": "s"}, "plant", one)
    assert who.collections is not None
    assert who.collections.default() == "plant"
