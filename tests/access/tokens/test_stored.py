"""A token of the file as somebody who is let in."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from tokens_for_tests import Tokens

from headrace.access.tokens.stored import granted_of, moment, stored_token
from headrace.errors import Corrupt


def test_it_is_granted_what_a_principal_of_the_settings_is(tmp_path: Path) -> None:
    tokens = Tokens(tmp_path)
    tokens.create(
        "ann", 1000, grants=[{"may": ["read"]}, {"may": ["write"], "rooms": ["apollo"]}], collections={"a": "owner"}
    )
    [row] = tokens.content().tokens
    one = stored_token(row, 60_000, tokens.path)
    who = one.principal
    assert who.name == "tokens.ann"
    assert [who.may("read", "opentsdb"), who.may("write", "opentsdb"), who.may("write", "apollo")] == [
        True,
        False,
        True,
    ]
    assert who.collections
    assert who.collections.collections == {"a": "owner"}
    assert one.used == 60_000
    assert one.until_ms == tokens.now_ms + 1000
    assert stored_token(row._replace(expires=0), 0, tokens.path).until_ms == math.inf
    assert stored_token(row._replace(revoked=1), 0, tokens.path).until_ms == 0


@pytest.mark.parametrize("grants", ["", "{}", '{"grants": []}', '{"grants": [{"may": ["fly"]}]}', '{"grants": 1}', "["])
def test_what_this_server_does_not_understand_lets_nobody_in(tmp_path: Path, grants: str) -> None:
    tokens = Tokens(tmp_path)
    tokens.create("ann")
    [row] = tokens.content().tokens
    with pytest.raises(Corrupt, match='what the token "ann" is granted cannot be understood'):
        granted_of(row._replace(grants=grants), tokens.path)


def test_moments() -> None:
    assert moment(0, "never") == "never"
    assert moment(1_700_000_000_999, "") == "2023-11-14T22:13:20Z"
