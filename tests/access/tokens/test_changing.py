"""What is done to tokens, and that nothing else is."""

from __future__ import annotations

from pathlib import Path

import pytest
from tokens_for_tests import Tokens

from headrace.access.tokens.changing import CannotChange
from headrace.access.tokens.text import parts_of

DAY = 86_400_000


def holding(tokens: Tokens) -> list[str]:
    return [row.id for row in tokens.content().tokens if row.holds(tokens.now_ms)]


def id_of(text: str) -> str:
    parts = parts_of(text.encode())
    assert parts
    return parts[0]


def test_what_is_created_is_there_and_its_secret_is_not(tmp_path: Path) -> None:
    tokens = Tokens(tmp_path)
    text = tokens.create("ann", DAY, grants=[{"may": ["read"], "rooms": ["opentsdb"]}], collections={"a": "owner"})
    [row] = tokens.content().tokens
    assert (row.id, row.name, row.created, row.expires, row.revoked) == (
        id_of(text),
        "ann",
        tokens.now_ms,
        tokens.now_ms + DAY,
        0,
    )
    assert row.grants == '{"collections":{"a":"owner"},"grants":[{"may":["read"],"rooms":["opentsdb"]}]}'
    assert row.hash.startswith("$argon2id$")
    assert text[-43:].encode() not in tokens.path.read_bytes()


def test_a_name_has_one_token_until_that_ends(tmp_path: Path) -> None:
    tokens = Tokens(tmp_path)
    first = tokens.create("ann", DAY)
    tokens.create("bob")
    with pytest.raises(CannotChange, match='there is a token "ann" already: rotate it, or revoke it first'):
        tokens.create("ann")
    tokens.now_ms += DAY
    second = tokens.create("ann")
    assert id_of(first) != id_of(second)
    tokens.revoke("ann")
    tokens.create("ann")
    assert len(tokens.content().tokens) == 4
    assert len(holding(tokens)) == 2


def test_revoking_by_name_and_by_id(tmp_path: Path) -> None:
    tokens = Tokens(tmp_path)
    ann, bob = id_of(tokens.create("ann")), id_of(tokens.create("bob"))
    tokens.revoke(ann)
    assert holding(tokens) == [bob]
    for again in ("ann", ann, "nobody"):
        with pytest.raises(CannotChange, match=f'there is no token "{again}" that holds'):
            tokens.revoke(again)
    tokens.revoke("bob")
    assert holding(tokens) == []
    assert [row.revoked for row in tokens.content().tokens] == [tokens.now_ms] * 2


def test_rotating_ends_the_old_one_at_once(tmp_path: Path) -> None:
    tokens = Tokens(tmp_path)
    tokens.create("ann", DAY, grants=[{"may": ["write"]}])
    tokens.now_ms += 1000
    new = tokens.rotate()
    old, made = tokens.content().tokens
    assert old.revoked == tokens.now_ms
    assert (made.id, made.grants, made.expires) == (id_of(new), old.grants, tokens.now_ms + DAY)
    assert holding(tokens) == [made.id]


def test_rotating_with_an_overlap(tmp_path: Path) -> None:
    tokens = Tokens(tmp_path)
    first = id_of(tokens.create())
    second = id_of(tokens.rotate(overlap_ms=DAY, lasts_ms=7 * DAY))
    assert holding(tokens) == [first, second]
    # What ends before the overlap does goes on to end then.
    tokens.now_ms += DAY // 2
    third = id_of(tokens.rotate(overlap_ms=DAY))
    assert holding(tokens) == [first, second, third]
    tokens.now_ms += DAY // 2
    assert holding(tokens) == [second, third]
    tokens.now_ms += DAY // 2
    assert holding(tokens) == [third]
    assert tokens.content().tokens[-1].expires - tokens.content().tokens[-1].created == 7 * DAY


def test_what_has_expired_can_be_rotated_and_what_was_revoked_cannot(tmp_path: Path) -> None:
    tokens = Tokens(tmp_path)
    tokens.create("ann", DAY)
    tokens.now_ms += 2 * DAY
    assert holding(tokens) == []
    new = id_of(tokens.rotate())
    assert holding(tokens) == [new]
    assert tokens.content().tokens[0].revoked == 0
    tokens.revoke("ann")
    tokens.create("bob")
    tokens.revoke("bob")
    for name in ("bob", "nobody"):
        with pytest.raises(CannotChange, match=f'there is no token "{name}" that could be rotated'):
            tokens.rotate(name)


def test_each_change_is_told_and_says_who(tmp_path: Path) -> None:
    tokens = Tokens(tmp_path)
    tokens.create("ann")
    tokens.rotate("ann", overlap_ms=DAY)
    tokens.rotate("ann")
    tokens.revoke("ann")
    told = [(change.what, change.name, change.by) for change in tokens.content().untold.values()]
    assert told == [
        (what, "ann", "root")
        for what in (
            "token created",
            "token ends soon",
            "token rotated",
            "token revoked",
            "token revoked",
            "token rotated",
            "token revoked",
        )
    ]
