"""What a configuration grants to whom."""

from __future__ import annotations

from typing import Any

import pytest
from principals_for_tests import principal, settings_of

from headrace.access.bounded.bounds import Bounds
from headrace.access.bounded.patterns import Patterns
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


def bounds_of(*grants: dict[str, Any], deed: Deed = "read", room: str = "opentsdb") -> Bounds:
    [known] = of_settings(settings_of(principals={"a": principal(*grants)}))
    return known.principal.bounds(deed, room)


def covered(patterns: Patterns | None) -> set[str]:
    return {metric for metric in ("a.x", "b.x", "c.x") if patterns is None or patterns.cover(metric)}


def test_a_grant_for_metrics_or_domains_holds_where_they_are() -> None:
    for bounds, rooms in (
        ({"metrics": ["a.*"]}, {"opentsdb", "kairosdb"}),
        ({"domains": ["d"]}, {"datazone"}),
        ({"metrics": ["a.*"], "domains": ["d"]}, {"opentsdb", "kairosdb", "datazone"}),
        ({"metrics": ["a.*"], "rooms": ["kairosdb"]}, {"kairosdb"}),
    ):
        [known] = of_settings(settings_of(principals={"a": principal({"may": ["read"], **bounds})}))
        assert granted(known.principal) == {("read", room) for room in rooms}


def test_bounds_of_several_grants_add_up_by_deed_and_room() -> None:
    a, b = {"may": ["read", "write"], "metrics": ["a.*"]}, {"may": ["read"], "metrics": ["b.*"], "rooms": ["opentsdb"]}
    found = bounds_of(a, b)
    assert found.principal == "a"
    assert (covered(found.sees), covered(found.writes), covered(found.deletes)) == ({"a.x", "b.x"}, {"a.x"}, set())
    assert covered(bounds_of(a, b, room="kairosdb").sees) == {"a.x"}
    assert covered(bounds_of(a, b, deed="write").sees) == {"a.x"}
    assert covered(bounds_of(a, {"may": ["read"]}).sees) == {"a.x", "b.x", "c.x"}
    assert covered(bounds_of(a, {"may": ["read"], "rooms": ["kairosdb"]}).sees) == {"a.x"}
    assert not bounds_of({"may": ["read"]})
    assert not ANYBODY.bounds("delete", "opentsdb")


def test_domains() -> None:
    said = [{"may": ["read"], "domains": ["a"]}, {"may": ["write"]}, {"may": ["delete"], "metrics": ["*"]}]
    [known] = of_settings(settings_of(principals={"a": principal(*said)}))
    who = known.principal
    assert who.may_in_domain("read", "datazone", "a")
    assert not who.may_in_domain("read", "datazone", "b")
    assert who.may_in_domain("write", "datazone", "b")
    assert not who.may_in_domain("delete", "datazone", "a")


@pytest.mark.parametrize(
    ("grants", "deed", "shows", "changes"),
    [
        ([{"may": ["read"]}, {"may": ["write"], "metrics": ["a.*"]}], "read", True, False),
        ([{"may": ["write"]}, {"may": ["read"], "metrics": ["a.*"]}], "write", False, False),
        ([{"may": ["read", "write"]}, {"may": ["delete"], "metrics": ["a.*"]}], "write", True, True),
        ([{"may": ["read", "write"]}, {"may": ["delete"], "metrics": ["a.*"]}], "delete", True, False),
        ([{"may": ["read", "delete"]}, {"may": ["write"], "metrics": ["a.*"]}], "delete", True, True),
        ([{"may": ["read", "write", "delete"]}], "write", True, True),
    ],
)
def test_documents_are_for_who_may_read_all_and_change_all(
    grants: list[dict[str, Any]], deed: Deed, shows: bool, changes: bool
) -> None:
    found = bounds_of(*grants, deed=deed, room="kairosdb")
    assert (found.shows_documents, found.changes_documents) == (shows, changes)
