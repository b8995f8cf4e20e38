"""What a configuration grants to whom."""

from __future__ import annotations

import pytest
from principals_for_tests import principal, settings_of

from headrace.access.deeds import Deed
from headrace.access.principals import ANYBODY, Principal, of_settings

ROOMS = ("opentsdb", "kairosdb", "apollo", "datazone", "headrace")
DEEDS: tuple[Deed, ...] = ("read", "write", "delete", "admin")


def granted(who: Principal) -> set[tuple[str, str]]:
    assert all(who.may("open", room) for room in ROOMS)
    return {(deed, room) for deed in DEEDS for room in ROOMS if who.may(deed, room)}


def test_grants_add_up_and_nothing_else_is_granted() -> None:
    grants = [{"may": ["write"], "rooms": ["opentsdb", "kairosdb"]}, {"may": ["read", "delete"], "rooms": ["apollo"]}]
    [known] = of_settings(settings_of(principals={"a": principal(*grants)}))
    assert granted(known.principal) == {
        ("write", "opentsdb"),
        ("write", "kairosdb"),
        ("read", "apollo"),
        ("delete", "apollo"),
    }
    [known] = of_settings(settings_of(principals={"a": principal({"may": ["admin"]})}))
    assert granted(known.principal) == {("admin", room) for room in ROOMS}
    assert granted(ANYBODY) == {(deed, room) for deed in DEEDS for room in ROOMS}


@pytest.mark.parametrize(
    ("scope", "deeds"),
    [
        ("apollo_read", {"read"}),
        ("read", {"read"}),
        ("apollo_write", {"read", "write"}),
        ("write", {"read", "write"}),
    ],
)
def test_tokens_of_apollo_are_of_that_room_alone(scope: str, deeds: set[str]) -> None:
    token = {"token": "t", "scopes": [scope], "collections": {"plant": "owner"}}
    [known] = of_settings(settings_of(apollo_tokens={"meter": token}))
    assert granted(known.principal) == {(deed, "apollo") for deed in deeds}
    assert known.principal.name == "apollo_tokens.meter"
    assert known.principal.collections is not None
    assert known.principal.collections.default() == "plant"


def test_credentials_of_datazone_are_of_that_room_alone() -> None:
    [known] = of_settings(settings_of(datazone_credentials={"AKID": "s"}))
    assert granted(known.principal) == {(deed, "datazone") for deed in ("read", "write", "delete")}
    assert known.aws == ("AKID", "s")


def test_collections_bind_only_where_there_are_any() -> None:
    said = principal(collections={"plant": "readonly"}), principal(token="f" * 16)
    bound, free = of_settings(settings_of(principals={"bound": said[0], "free": said[1]}))
    assert bound.principal.collections
    assert bound.principal.collections.collections == {"plant": "readonly"}
    assert free.principal.collections is None
