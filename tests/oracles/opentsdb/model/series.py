"""Which series a sub-query reads, in which groups, and under which names their answers come."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any

from oracles.opentsdb.model.functions import Number
from oracles.opentsdb.worlds import milliseconds_of

Said = dict[str, Any]
Points = list[tuple[int, Number]]
"""Times in ms, ascending."""

Group = list[Said]


def points_of(one: Said) -> Points:
    """Of a moment the last that was written."""
    written = {milliseconds_of(time): value for time, value in [*one["points"], *one.get("again", ())]}
    return sorted(written.items())


def groups(said: Said, part: Said, present: list[Said]) -> list[Group]:
    """Of the series that are there to be read, those that the part asks for; in the order of `present`."""
    if by_tsuid(said):
        return _grouped([one for one in present if any(one is each for each in named(said))], [], part)
    asked = [*part.get("filters", ()), *_of_tags(part.get("tags", {}))]
    chosen = [one for one in present if one["metric"] == part["metric"] and _passes(one["tags"], asked, part)]
    return _grouped(chosen, [one["tagk"] for one in asked if one.get("groupBy")], part)


def by_tsuid(said: Said) -> bool:
    """Whether it asks by tsuids. Without a series of the metric that they are looked up of, it asks by name."""
    return bool(said.get("by_tsuid") and named(said))


def named(said: Said) -> list[Said]:
    """Those whose tsuids are asked for, in the order in which they are."""
    return sorted((one for one in said["series"] if one["metric"] == 0), key=_tags)[:3]


def tags(group: Group) -> tuple[dict[str, str], list[str]]:
    """The tags of which no two members have different values, and the keys of the others."""
    values: dict[str, set[str]] = {}
    for one in group:
        for key, value in one["tags"].items():
            values.setdefault(key, set()).add(value)
    return (
        {key: next(iter(each)) for key, each in values.items() if len(each) == 1},
        sorted(key for key, each in values.items() if len(each) > 1),
    )


def by_ids(series: Iterable[Said], ids: dict[str, str]) -> list[Said]:
    """In OpenTSDB's order: of the ids of keys and values, the keys in the order of theirs."""
    return sorted(
        series, key=lambda one: sorted((ids[key], ids[f"{key}={value}"]) for key, value in one["tags"].items())
    )


def _tags(one: Said) -> str:
    return json.dumps(one["tags"], sort_keys=True)


def _grouped(series: list[Said], keys: list[str], part: Said) -> list[Group]:
    if part["aggregator"] == "none":
        return [[one] for one in series]
    found: dict[tuple[str, ...], Group] = {}
    for one in series:
        found.setdefault(tuple(one["tags"][key] for key in sorted(set(keys))), []).append(one)
    return list(found.values())


def _of_tags(asked: dict[str, str]) -> list[Said]:
    return [
        {"type": "iwildcard" if "*" in text else "literal_or", "tagk": key, "filter": text, "groupBy": True}
        for key, text in asked.items()
    ]


def _passes(found: dict[str, str], filters: list[Said], part: Said) -> bool:
    keys = {one["tagk"] for one in filters}
    if part.get("explicitTags") and keys and found.keys() != keys:
        return False
    literals: dict[str, set[str]] = {}
    for one in filters:
        if one["type"] == "literal_or":
            literals.setdefault(one["tagk"], set()).update(one["filter"].split("|"))
    if any(found.get(key) not in values for key, values in literals.items()):
        return False
    return all(_matches(one, found.get(one["tagk"])) for one in filters if one["type"] != "literal_or")


def _matches(one: Said, value: str | None) -> bool:
    kind, text = str(one["type"]), str(one["filter"])
    if value is None:
        return False
    if kind.startswith(("iliteral", "not_iliteral", "iwildcard")):
        value, text = value.lower(), text.lower()
    if "literal" in kind:
        is_named = value in text.split("|")
        return is_named != kind.startswith("not")
    if kind == "regexp":
        return bool(re.search(text, value))
    return bool(re.fullmatch(".*".join(map(re.escape, text.split("*"))), value))
