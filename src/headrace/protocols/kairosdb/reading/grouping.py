"""The kinds of group_by: how each is said, what it means, and how an answer echoes it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from headrace.protocols.kairosdb.reading import fields
from headrace.protocols.kairosdb.reading.features import Feature, Property, by_name
from headrace.protocols.kairosdb.reading.fields import refuse
from headrace.query.chain.splits import ByBin, ByTime, ByValue, Split


@dataclass(frozen=True, slots=True)
class Grouping:
    """All of a question's group_bys. tag_keys: None without a group_by tag; further ones make no groups.
    further_keys: theirs, which save_as keeps (KairosDB: SaveAsAggregator.setGroupBys).   echoes: of each split, what an
    answer says of a group with this number."""

    tag_keys: tuple[str, ...] | None
    further_keys: tuple[str, ...]
    splits: tuple[Split, ...]
    echoes: tuple[Callable[[int], dict[str, Any]], ...]


def _names(said: Any, context: str, name: str) -> list[str]:
    return [fields.text(one, f"{context}.{name}") for one in fields.is_list(said, f"{context}.{name}")]


def _numbers(said: Any, context: str, name: str) -> list[float]:
    return [fields.number(one, f"{context}.{name}") for one in fields.is_list(said, f"{context}.{name}")]


def _integer(said: Any, context: str, name: str) -> int:
    return fields.integer(said, f"{context}.{name}")


FEATURES = {
    feature.name: feature
    for feature in (
        Feature(
            "tag",
            "Groups series by the values of tags.",
            "org.kairosdb.core.groupby.TagGroupBy",
            by_name(Property("tags", "Names of tags.", "array", _names)),
        ),
        Feature(
            "time",
            "Groups points by ranges of time that take turns.",
            "org.kairosdb.core.groupby.TimeGroupBy",
            by_name(
                Property(
                    "range_size",
                    "The length of a range.",
                    "Object",
                    fields.span,
                    parts=(("value", "long"), ("unit", "enum")),
                ),
                Property("group_count", "How many groups take turns.", "int", _integer),
            ),
        ),
        Feature(
            "value",
            "Groups points by ranges of their values.",
            "org.kairosdb.core.groupby.ValueGroupBy",
            by_name(Property("range_size", "The size of a range of values.", "int", _integer)),
        ),
        Feature(
            "bin",
            "Groups points by the bin that their value falls into.",
            "org.kairosdb.core.groupby.BinGroupBy",
            by_name(Property("bins", "Bounds of the bins, ascending.", "array", _numbers)),
        ),
    )
}


def grouping(said: Any, context: str, start_ms: int) -> Grouping:
    """The group_by of one metric. context: the metric's place.   start_ms: of the question. Raises Refused."""
    tag_keys: tuple[str, ...] | None = None
    further_keys: list[str] = []
    splits: list[Split] = []
    echoes: list[Callable[[int], dict[str, Any]]] = []
    for at, one in enumerate(fields.is_list(said, f"{context}.group_by") if said is not None else ()):
        place = f"{context}.group_by[{at}]"
        members = fields.is_members(one, place)
        if members.get("name") in (None, ""):
            refuse(place, "must have a name")
        name = fields.text(fields.alone(members["name"]), f"{place}.name")
        if name not in FEATURES:
            refuse(f"{place}.{fields.shown(name)}", "invalid group_by name")
        found = FEATURES[name].read(members, place)
        match name:
            case "tag":
                keys = _checked_list(found, "tags", place)
                if tag_keys is None:
                    tag_keys = tuple(dict.fromkeys(keys))
                else:
                    further_keys += [key for key in keys if key not in tag_keys]
            case "time":
                splits.append(_by_time(found, place, start_ms))
                echoes.append(_echo("time", found["range_size"], found["group_count"]))
            case "value":
                splits.append(ByValue(_at_least_one(found, "range_size", "rangeSize", place)))
                echoes.append(_echo("value", found["range_size"]))
            case _:
                bins = _checked_list(found, "bins", place)
                if bins != sorted(bins):
                    refuse(f"{place}.bins", "must be in ascending order")
                splits.append(ByBin(tuple(bins)))
                echoes.append(_echo_bin([int(bound) if bound.is_integer() else bound for bound in bins]))
    return Grouping(tag_keys, tuple(dict.fromkeys(further_keys)), tuple(splits), tuple(echoes))


def _by_time(found: dict[str, Any], place: str, start_ms: int) -> ByTime:
    if "range_size" not in found:
        refuse(f"{place}.rangeSize", "may not be null")
    groups = _at_least_one(found, "group_count", "groupCount", place)
    count, unit = found["range_size"]
    return ByTime(fields.anchor(start_ms), count, unit, groups)


def _at_least_one(found: dict[str, Any], name: str, java_name: str, place: str) -> int:
    number: int = found.get(name, 0)
    if number < 1:
        refuse(f"{place}.{java_name}", "must be greater than or equal to 1")
    return number


def _checked_list(found: dict[str, Any], name: str, place: str) -> list[Any]:
    if name not in found:
        refuse(f"{place}.{name}", "may not be null")
    listed: list[Any] = found[name]
    if not listed:
        refuse(f"{place}.{name}", "may not be empty")
    return listed


def _echo(name: str, size: Any, group_count: int | None = None) -> Callable[[int], dict[str, Any]]:
    def echo(number: int) -> dict[str, Any]:
        said = {"name": name, "range_size": fields.spoken_span(*size) if isinstance(size, tuple) else size}
        if group_count is not None:
            said["group_count"] = group_count
        return {**said, "group": {"group_number": number}}

    return echo


def _echo_bin(bins: list[int | float]) -> Callable[[int], dict[str, Any]]:
    def echo(number: int) -> dict[str, Any]:
        return {"name": "bin", "bins": bins, "group": {"bin_number": number}}

    return echo
