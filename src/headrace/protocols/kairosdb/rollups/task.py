"""A roll-up task: what its JSON says, and which queries it comes to."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from headrace import limits
from headrace.model.time import TIME_MS_MAX, UNIT_MS
from headrace.protocols.kairosdb.reading import fields
from headrace.protocols.kairosdb.reading.fields import refuse
from headrace.protocols.kairosdb.reading.wire import read_members, read_metrics
from headrace.protocols.kairosdb.rollups.plan import Plan, plan_of_metric

BEGIN_MS_MIN: Final = -2_208_988_800_000
BEGIN_MS_MAX: Final = 7_258_118_400_000
"""1900 and 2200: no roll-up begins before or after that, whatever its query says. What the calendar of a time zone has
between where ranges are counted from and now is looked up century by century, each in some 0.1 s."""


class InvalidTask(Exception):  # noqa: N818
    """A task that lacks what it must have. texts: a sentence for each, in KairosDB's words."""

    def __init__(self, texts: list[str]) -> None:
        super().__init__("; ".join(texts))
        self.texts = texts


@dataclass(frozen=True, slots=True)
class Part:
    """One queried metric of a task, which is computed by itself.

    save_as: the metric that it becomes.   metric: the one that it is made of.   digest: the same for the same query,
    whatever else the task is.   begin_ms: from where on, as the query says it.
    said, zone: the queried metric as JSON, and the zone of its query.   at: its place in the task.
    """

    save_as: str
    metric: str
    digest: str
    begin_ms: int
    said: bytes
    zone: str
    at: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Task:
    """body: as clients get it back, JSON with the id.   parts: each query once."""

    id: str
    name: str
    interval_ms: int
    parts: tuple[Part, ...]
    body: bytes


def parse_task(body: bytes, task_id: str, now_ms: int) -> Task:
    """now_ms: from which relative times of its queries count. May take a while, for calendars. Raises InvalidTask,
    Refused (rules "json", "query" and those of a question)."""
    said = read_members(body)
    if missing := _missing(said):
        raise InvalidTask(missing)
    name = fields.text(said["name"], "name")
    interval_ms = _interval_ms(said["execution_interval"])
    rollups = said.get("rollups")
    parts: dict[str, Part] = {}
    for at, one in enumerate(fields.is_list(rollups, "rollups") if rollups is not None else ()):
        parts.update((part.digest, part) for part in _parts(one, at, now_ms))
    if len(parts) > limits.ROLLUP_METRICS_MAX:
        refuse("rollups", f"must query at most {limits.ROLLUP_METRICS_MAX} metrics")
    stored = {"id": task_id, **{member: value for member, value in said.items() if member != "id"}}
    return Task(task_id, name, interval_ms, tuple(parts.values()), msgspec.json.encode(stored))


def _missing(said: Mapping[str, Any]) -> list[str]:
    texts = []
    if said.get("execution_interval") is None:
        texts.append("executionInterval may not be null")
    if said.get("name") is None:
        texts.append("name may not be null")
    elif said["name"] == "":
        texts.append("name may not be empty")
    return texts


def _interval_ms(said: Any) -> int:
    """KairosDB takes what is no interval, and then never runs the task or all the time."""
    members = fields.is_members(said, "executionInterval")
    if members.get("unit") is None:
        refuse("executionInterval.unit", "may not be null")
    unit = fields.unit(members["unit"], "executionInterval")
    count = fields.integer(members.get("value") or 0, "executionInterval.value")
    if count < 1:
        refuse("executionInterval.value", "must be greater than or equal to 1")
    if count * UNIT_MS[unit] > TIME_MS_MAX:
        refuse("executionInterval.value", "is too large")
    return count * UNIT_MS[unit]


def _parts(said: Any, at: int, now_ms: int) -> Iterator[Part]:
    place = f"rollup[{at}]"
    members = fields.is_members(said, place)
    if members.get("save_as") is None:
        refuse(f"{place}.saveAs", "may not be null")
    save_as = fields.text(members["save_as"], f"{place}.saveAs")
    if not save_as:
        refuse(f"{place}.saveAs", "may not be empty")
    if members.get("query") is None:
        refuse(f"{place}.query", "may not be null")
    query = fields.is_members(members["query"], f"{place}.query")
    begins = any(query.get(name) is not None for name in ("start_absolute", "start_relative"))
    asked = read_metrics(query if begins else {**query, "start_absolute": now_ms}, now_ms, f"{place}.")
    rest = {name: value for name, value in query.items() if name != "metrics"}
    zone = query.get("time_zone") or ""
    for number, (one, metric) in enumerate(zip(asked, query["metrics"], strict=True)):
        begin_ms = min(max(one.query.range.start_ms, BEGIN_MS_MIN), BEGIN_MS_MAX)
        whole = msgspec.json.encode([save_as, rest, metric], order="sorted")
        digest = hashlib.sha256(whole).hexdigest()[:32]
        part = Part(save_as, one.name, digest, begin_ms, msgspec.json.encode(metric), zone, (at, number))
        plan_of(part, begin_ms).floor(now_ms)  # which looks up its calendar
        yield part


def plan_of(part: Part, begin_ms: int) -> Plan:
    """How it is computed. Raises Refused (rule "query") for what no roll-up can be."""
    return plan_of_metric(msgspec.json.decode(part.said), part.zone, part.save_as, begin_ms, part.at)
