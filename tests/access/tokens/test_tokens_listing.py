"""Tokens as they are shown."""

from __future__ import annotations

import json
import re
from pathlib import Path

from tokens_for_tests import Tokens

from headrace.access.tokens.listing import as_json_array, as_table, may_of
from headrace.settings.principals import Granted
from headrace.store.embedded.tokens.file import Content


def test_a_line_and_an_object_for_each(tmp_path: Path) -> None:
    tokens = Tokens(tmp_path)
    tokens.create("ann", 1000, grants=[{"may": ["read"], "rooms": ["opentsdb", "kairosdb"]}])
    tokens.create("bob", grants=[{"may": ["read", "write"]}], collections={"plant": "owner"})
    tokens.create("carl")
    tokens.revoke("carl")
    ann, bob, carl = (row.id for row in tokens.content().tokens)
    content = tokens.content()._replace(used={bob: 1_700_000_040_000})
    made, noted = "2023-11-14T22:13:20Z", "2023-11-14T22:14:00Z"
    lines = [re.split("  +", line) for line in as_table(content, tokens.now_ms + 1000, tokens.path).splitlines()]
    assert lines == [
        ["NAME", "ID", "MAY", "CREATED", "EXPIRES", "LAST USE", "STATE"],
        ["ann", ann, "read in opentsdb,kairosdb", made, "2023-11-14T22:13:21Z", "never", "expired"],
        ["bob", bob, "read,write; plant=owner", made, "never", noted, "holds"],
        ["carl", carl, "read", made, "never", "never", "revoked"],
    ]
    told = json.loads(as_json_array(content, tokens.now_ms))
    assert [one["state"] for one in told] == ["holds", "holds", "revoked"]
    assert told[0] == {
        "name": "ann",
        "id": ann,
        "state": "holds",
        "grants": [{"may": ["read"], "rooms": ["opentsdb", "kairosdb"]}],
        "created": "2023-11-14T22:13:20Z",
        "expires": "2023-11-14T22:13:21Z",
        "used": None,
        "revoked": None,
    }
    assert told[1]["used"] == "2023-11-14T22:14:00Z"
    assert told[1]["collections"] == {"plant": "owner"}
    assert told[2]["revoked"] == "2023-11-14T22:13:20Z"
    assert "argon2" not in as_json_array(content, 0) + as_table(content, 0, tokens.path)


def test_none(tmp_path: Path) -> None:
    nothing = Content([], {}, {})
    assert as_table(nothing, 0, tmp_path) == "no tokens"
    assert json.loads(as_json_array(nothing, 0)) == []


def test_grants_in_a_few_words() -> None:
    granted = Granted.model_validate({"grants": [{"may": ["read"]}, {"may": ["write"], "rooms": ["apollo"]}]})
    assert may_of(granted) == "read; write in apollo"
