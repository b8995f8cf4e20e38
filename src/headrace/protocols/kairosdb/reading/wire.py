"""A question as JSON: the body of datapoints/query, query/tags and delete.

The first fault that KairosDB would find ends the reading, in its words (KairosDB: QueryParser).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np

from headrace import limits
from headrace.errors import Refused
from headrace.model.odd_json.lenient import GSON, mended
from headrace.model.points import NEVER
from headrace.model.query import Matches, Selection, TagFilter
from headrace.model.time import TIME_MS_MAX, UNIT_MS, TimeRange
from headrace.protocols.kairosdb.reading import fields
from headrace.protocols.kairosdb.reading.aggregators.aggregator import Asked
from headrace.protocols.kairosdb.reading.aggregators.table import steps
from headrace.protocols.kairosdb.reading.fields import refuse
from headrace.protocols.kairosdb.reading.grouping import Grouping, grouping
from headrace.query import filters
from headrace.query.calendar import plus
from headrace.query.chain.engine import ChainQuery

REGEX = "regex:"
"""Before a tag's value that is a regular expression."""


@dataclass(frozen=True, slots=True)
class MetricQuery:
    """One element of `metrics`, with the times of the question. query.selection and query.range say which points it
    means, whatever becomes of them."""

    name: str
    query: ChainQuery
    grouping: Grouping
    exclude_tags: bool
    alias: str | None

    @property
    def saves(self) -> bool:
        """Whether asking it writes points."""
        return any(step.saved is not None for step in self.query.steps)


def parse_query(body: bytes | str, now_ms: int) -> list[MetricQuery]:
    """The question, one MetricQuery per element of `metrics`, in that order. Raises Refused (rules "json", "query" and
    "regexp"), TooLongForTheLoop."""
    return read_metrics(read_members(body), now_ms)


def read_metrics(said: dict[str, Any], now_ms: int, within: str = "") -> list[MetricQuery]:
    """As parse_query, of a question whose JSON has been read. within: what stands before its places in an error."""
    asked, end_ms = _times(said, now_ms)
    metrics = said.get("metrics")
    if metrics is None:
        refuse(f"{within}query.metric[]", "must have a size of at least 1")
    listed = fields.is_list(metrics, f"{within}query.metric[]")
    if sum(map(_filters_in, listed)) > limits.QUESTION_FILTERS_MAX:
        most = limits.QUESTION_FILTERS_MAX
        refuse(f"{within}query.metric[].tags", f"must have at most {most} names and regular expressions together")
    return [_metric(metric, f"{within}query.metric[{at}]", asked, end_ms) for at, metric in enumerate(listed)]


def _filters_in(metric: Any) -> int:
    """Tags that it names, and regular expressions."""
    tags = metric.get("tags") if isinstance(metric, dict) else None
    if not isinstance(tags, dict):
        return 0
    several = [value for value in tags.values() if isinstance(value, list)]
    return len(tags) + sum(isinstance(one, str) and one.startswith(REGEX) for value in several for one in value)


def read_members(body: bytes | str) -> dict[str, Any]:
    """The members of a question's JSON object, also as KairosDB's parser reads it leniently (model.odd_json.lenient).
    Raises Refused (rules "json" and "query"), TooLongForTheLoop."""
    if not body.strip():
        raise Refused("query", "query json must not be null or empty")
    text = body.encode() if isinstance(body, str) else body
    try:
        said = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        try:
            said = msgspec.json.decode(mended(text.strip(), GSON))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raise Refused("json", str(error)) from error
    if not isinstance(said, dict):
        raise Refused("json", f"Not a JSON Object: {fields.shown(_start_of(body))}")
    return said


def _start_of(body: bytes | str) -> str:
    """What an error can show of it, as it was sent: writing 4 MiB of digits anew takes 0.2 s."""
    start = body[: 4 * limits.KAIROSDB_SHOWN_TEXT_MAX]
    return (start.decode(errors="ignore") if isinstance(start, bytes) else start).strip()


def _times(said: dict[str, Any], now_ms: int) -> tuple[Asked | None, int]:
    """(start, end and zone, None without a start; the end as asked). Members are checked in the order of the body,
    then as a whole."""
    zone = fields.UTC
    moments: dict[str, int | None] = {}
    relative: dict[str, tuple[int, str]] = {}
    for name, value in said.items():
        if value is None:
            continue
        if name == "time_zone":
            zone = fields.zone(value, "query")
        elif name in ("start_absolute", "end_absolute"):
            moments[name] = fields.integer(value, f"query.{name}")
        elif name in ("start_relative", "end_relative"):
            relative[name] = _relative(value, name)
        elif name == "cache_time" and fields.integer(value, "query.cache_time") < 0:
            refuse("cache_time", "must be greater than or equal to 0")
    for name, (count, _) in relative.items():
        if count < 0:
            refuse(f"{name}.value", "must be greater than or equal to 0")
    start = _moment("start", moments, relative, now_ms)
    end = _moment("end", moments, relative, now_ms)
    end_ms = NEVER if end is None else end
    return None if start is None else Asked(start, min(end_ms, now_ms), zone), end_ms


def _relative(said: Any, name: str) -> tuple[int, str]:
    members = fields.is_members(said, f"query.{name}")
    if members.get("unit") is None:
        refuse(f"{name}.unit", "may not be null")
    said_count = members.get("value")
    count = 0 if said_count is None else fields.integer(said_count, f"query.{name}.value")
    return count, fields.unit(members["unit"], "query", name)


def _moment(
    which: str, moments: dict[str, int | None], relative: dict[str, tuple[int, str]], now_ms: int
) -> int | None:
    absolute = moments.get(f"{which}_absolute")
    if absolute is not None:
        return absolute
    if f"{which}_relative" not in relative:
        return None
    count, unit = relative[f"{which}_relative"]
    if count * UNIT_MS[unit] > TIME_MS_MAX:
        refuse(f"{which}_relative.value", "is too large")
    if unit not in ("month", "year"):
        return now_ms - count * UNIT_MS[unit]
    now = np.array([now_ms], dtype=np.int64)
    return int(plus(now, np.array([-count], dtype=np.int64), unit)[0])


def _metric(said: Any, context: str, asked: Asked | None, end_ms: int) -> MetricQuery:
    members = fields.is_members(said, context)
    tags = _tags(members.get("tags"), context)
    if members.get("name") is None:
        refuse(f"{context}.name", "may not be null")
    name = fields.text(fields.alone(members["name"]), f"{context}.name")
    if not name:
        refuse(f"{context}.name", "may not be empty")
    if asked is None:
        refuse(f"{context}.start_time", "relative or absolute time must be set")
    if end_ms < asked.start_ms:
        refuse(f"{context}.end_time", "must be greater than the start time")
    limit = fields.integer(_given(members, "limit", 0), f"{context}.limit")
    groups = grouping(members.get("group_by"), context, asked.start_ms)
    chain = steps(members.get("aggregators"), context, asked)
    order = fields.text(_given(members, "order", "asc"), f"{context}.order").lower()
    if order not in ("asc", "desc"):
        refuse(f"{context}.order", "must be either 'asc' or 'desc'")
    query = ChainQuery(
        Selection(name, tags),
        TimeRange(asked.start_ms, end_ms),
        max(limit, 0),
        order == "desc",
        groups.tag_keys,
        groups.splits,
        chain,
    )
    alias = members.get("alias")
    return MetricQuery(
        name,
        query,
        groups,
        fields.boolean(_given(members, "exclude_tags", False), f"{context}.exclude_tags"),
        None if alias is None else fields.text(alias, f"{context}.alias"),
    )


def _given(members: dict[str, Any], name: str, default: Any) -> Any:
    """What stands there, also in a list of one; `default` where nothing does."""
    said = fields.alone(members.get(name))
    return default if said is None else said


def _tags(said: Any, context: str) -> tuple[TagFilter, ...]:
    """Values of one name are alternatives; a name without values asks for nothing."""
    found = []
    for at, (name, value) in enumerate(() if said is None else fields.is_members(said, f"{context}.tags").items()):
        place = f"{context}.tags[{at}]"
        if not name:
            refuse(place, "name must not be empty")
        values = [fields.alone(one) for one in value] if isinstance(value, list) else [value]
        if any(one in (None, "") for one in values):
            refuse(f"{place}.{fields.shown(name)}", "value must not be null or empty")
        if values:
            found.append(TagFilter(name, _any_of([fields.text(one, f"{place}.{name}") for one in values])))
    return tuple(found)


def _any_of(values: list[str]) -> Matches:
    conditions = [filters.whole_regexp(one[len(REGEX) :]) for one in values if one.startswith(REGEX)]
    plain = filters.one_of([one for one in values if not one.startswith(REGEX)])
    return filters.any_of([*conditions, plain]) if conditions else plain
