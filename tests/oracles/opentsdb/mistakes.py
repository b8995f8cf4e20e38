"""What of a request of broken.py cannot be understood, as far as headrace refuses it and OpenTSDB 2.4.1 does not."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote
from zoneinfo import available_timezones

FLAGS = ("rate", "explicitTags", "msResolution", "showTSUIDs", "counter", "dropResets")
"""Members that are true or false: OpenTSDB takes any number, and a text without letters, for one of them."""

PARTS = ("rat", "m-avg", "rate{counter,-5}")
"""What stands between colons of an `m`, and OpenTSDB passes over."""

PATHS = ("/api/annotation?start_time=1",)
"""A time that is in no unit: headrace refuses it wherever it stands."""

BODIES = ('"x"', "5", "[]", "{}", '{"queries":[]}', '{"start":1}')
"""Of another shape, or with nothing to ask: OpenTSDB answers with nothing."""


def members(said: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """All members of a body that is JSON, at any depth, and elements of its lists under the list's name."""
    try:
        yield from _inside("", json.loads(said.get("body") or ""))
    except ValueError:
        return


def not_understood(said: dict[str, Any]) -> list[str]:
    """The places."""
    found = [name for name, value in members(said) if _is_strange(name, value)]
    if said.get("body") is None:
        path = unquote(said["path"])
        _, _, m = path.partition("&m=")
        found += [part for part in m.split(":") if part in PARTS]
        found += [path] if said["path"] in PATHS else []
    elif said["body"] in BODIES:
        found.append(said["body"])
    return found


def _is_strange(name: str, value: Any) -> bool:
    if name in FLAGS:
        return not isinstance(value, bool)
    if name == "timezone":
        return value not in available_timezones()
    if name == "counterMax":
        return isinstance(value, int) and value < 0
    if name == "resetValue":
        return isinstance(value, int) and value < 0
    if name == "downsample":
        return str(value) == "1.5m-avg"
    return name == "tsuids" and value == "FFFFFFFFFFFFFFFFFF"


def _inside(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for inner, each in value.items():
            yield from _inside(inner, each)
    elif isinstance(value, list):
        for each in value:
            yield from _inside(name, each)
    else:
        yield name, value
