"""The kinds of tag filters: how each is said, what it means, and how /api/config/filters describes it."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

from headrace.errors import Refused
from headrace.model.query import Matches, TagFilter
from headrace.protocols.opentsdb.faults import shown
from headrace.query import filters

NOT_KEY = "not_key"
"""The kind that asks for series without the tag; the others ask something of its value."""


class FilterKind(NamedTuple):
    """matches: makes the condition of what stands after the kind's name.   example: such a text."""

    matches: Callable[[str], Matches]
    example: str
    description: str


def _alternatives(text: str) -> list[str]:
    return text.split("|")


KINDS: dict[str, FilterKind] = {
    "literal_or": FilterKind(
        lambda text: filters.one_of(_alternatives(text)),
        "web01|web02",
        "The tag's value is one of the values between the bars, upper and lower case as written.",
    ),
    "iliteral_or": FilterKind(
        lambda text: filters.one_of(_alternatives(text), ignore_case=True),
        "web01|WEB02",
        "The tag's value is one of the values between the bars; case does not matter.",
    ),
    "not_literal_or": FilterKind(
        lambda text: filters.none_of(_alternatives(text)),
        "web01|web02",
        "The series has the tag, and its value is none of the values between the bars.",
    ),
    "not_iliteral_or": FilterKind(
        lambda text: filters.none_of(_alternatives(text), ignore_case=True),
        "web01|WEB02",
        "The series has the tag, and its value is none of the values between the bars; case does not matter.",
    ),
    "wildcard": FilterKind(
        filters.wildcard,
        "web*.example.org",
        "An asterisk stands for any text, also for none; upper and lower case as written.",
    ),
    "iwildcard": FilterKind(
        lambda text: filters.wildcard(text, ignore_case=True),
        "WEB*",
        "An asterisk stands for any text, also for none; case does not matter.",
    ),
    "regexp": FilterKind(
        filters.regexp,
        "^web[0-9]+$",
        "The regular expression (RE2) is found anywhere in the tag's value.",
    ),
}


def described() -> dict[str, dict[str, str]]:
    """The answer of /api/config/filters."""
    kinds = {name: (kind.description, kind.example) for name, kind in KINDS.items()}
    kinds[NOT_KEY] = ("The series does not have the tag; the filter stays empty.", "")
    return {
        name: {
            "description": description,
            "examples": f"host={name}({example})  "
            f'{{"type":"{name}","tagk":"host","filter":"{example}","groupBy":false}}',
        }
        for name, (description, example) in kinds.items()
    }


class SaidFilter(NamedTuple):
    """A filter as it was said, whichever way: also what showQuery echoes."""

    tagk: str
    type: str
    filter: str
    group_by: bool


_CALL = re.compile(r"([A-Za-z_]+)\((.*)\)", re.DOTALL)


def short_form(key: str, value: str, group_by: bool) -> SaidFilter:
    """What `key=value` says in a map of tags or in braces, where the case of a filter's name does not matter (OpenTSDB:
    TagVFilter.getFilter). Raises Refused."""
    call = _CALL.fullmatch(value)
    if call:
        return SaidFilter(key, call[1].lower(), call[2], group_by)
    if value == "*":
        return SaidFilter(key, "wildcard", value, group_by)
    return SaidFilter(key, "iwildcard" if "*" in value and "|" not in value else "literal_or", value, group_by)


def united(said: Sequence[SaidFilter]) -> list[SaidFilter]:
    """All literal_or filters of one tag as one that takes the values of each; what other filters say must hold as well
    (OpenTSDB: TsdbQuery, whose row key has one pattern a tag)."""
    literals: dict[str, list[SaidFilter]] = {}
    for one in said:
        if one.type == "literal_or" and one.filter:
            literals.setdefault(one.tagk, []).append(one)
    others = [one for one in said if one.type != "literal_or" or not one.filter]
    return others + [
        SaidFilter(key, "literal_or", "|".join(one.filter for one in ones), any(one.group_by for one in ones))
        for key, ones in literals.items()
    ]


def condition(said: SaidFilter) -> TagFilter:
    """What a filter other than not_key means. Raises Refused (rules "filter" and "regexp")."""
    if not said.tagk:
        raise Refused("filter", "Tagk cannot be null or empty")
    kind = KINDS.get(said.type)
    if kind is None:
        raise Refused("filter", f"Could not find a tag value filter of the type: {shown(said.type)}")
    if not said.filter.strip("|" if said.type.endswith("literal_or") else ""):
        raise Refused("filter", "Filter cannot be null or empty")
    return TagFilter(said.tagk, kind.matches(said.filter), said.group_by)
