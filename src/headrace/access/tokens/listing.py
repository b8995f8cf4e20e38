"""Tokens as `headrace token list` shows them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from headrace.access.tokens.stored import granted_of, moment
from headrace.settings.principals import Granted
from headrace.store.embedded.tokens.file import Content
from headrace.store.embedded.tokens.rows import TokenRow

HEAD = ("NAME", "ID", "MAY", "CREATED", "EXPIRES", "LAST USE", "STATE")


def as_json_array(content: Content, now_ms: int) -> str:
    """An object for each token, the oldest first: name, id, state, grants and collections as they were given, and when
    it was created, expires, was last used and was revoked, as ISO 8601 in UTC or null."""
    return json.dumps([_told(row, content.used.get(row.id, 0), now_ms) for row in content.tokens], indent=1)


def as_table(content: Content, now_ms: int, path: Path) -> str:
    """A line for each. path: of the file. Raises Corrupt when a grant cannot be understood."""
    if not content.tokens:
        return "no tokens"
    lines: list[Sequence[str]] = [HEAD]
    for row in content.tokens:
        used = moment(content.used.get(row.id, 0), "never")
        state = _state(row, now_ms)
        may = may_of(granted_of(row, path))
        lines.append((row.name, row.id, may, moment(row.created, ""), moment(row.expires, "never"), used, state))
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join("  ".join(map(str.ljust, line, widths)).rstrip() for line in lines)


def may_of(granted: Granted) -> str:
    """In a few words."""
    words = []
    for grant in granted.model_dump(mode="json", exclude_defaults=True)["grants"]:
        narrowed = [",".join(map(str, value)) for name, value in grant.items() if name != "may"]
        words.append(" in ".join([",".join(grant["may"]), *narrowed]))
    words += [f"{name}={permission}" for name, permission in granted.collections.items()]
    return "; ".join(words)


def _told(row: TokenRow, used: int, now_ms: int) -> dict[str, Any]:
    return {
        "name": row.name,
        "id": row.id,
        "state": _state(row, now_ms),
        **json.loads(row.grants),
        "created": moment(row.created, "") or None,
        "expires": moment(row.expires, "") or None,
        "used": moment(used, "") or None,
        "revoked": moment(row.revoked, "") or None,
    }


def _state(row: TokenRow, now_ms: int) -> str:
    if row.revoked:
        return "revoked"
    return "holds" if row.holds(now_ms) else "expired"
