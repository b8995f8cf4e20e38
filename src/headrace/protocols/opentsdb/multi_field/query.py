"""/api/mquery: the fields of a metric side by side, as columns beside the timestamp."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec
import numpy as np
import orjson
from numpy.typing import NDArray
from starlette.types import Scope

from headrace import limits
from headrace.errors import Refused
from headrace.protocols.opentsdb.faults import shown
from headrace.protocols.opentsdb.fields import SEPARATOR, Field, field_of, series_metric
from headrace.protocols.opentsdb.reading.last import value_of
from headrace.protocols.opentsdb.reading.narrowing import narrowing
from headrace.protocols.opentsdb.reading.question import Asked, Question, question
from headrace.protocols.opentsdb.reading.wire import JsonFilter, Query, RateOptions, SubQuery, decode_json
from headrace.protocols.opentsdb.reply import Parameters, Reply
from headrace.query.aggregation import engine
from headrace.query.aggregation.engine import Result
from headrace.query.pool import QueryPool, Reads
from headrace.store import Check, Snapshot

ANY_FIELD: Final = "*"


class FieldQuery(msgspec.Struct, rename="camel"):
    """One element of `fields`."""

    field: str | None = None
    alias: str | None = None
    aggregator: str | None = None
    downsample: str | None = None
    rate: bool | None = None
    rate_options: RateOptions | None = None
    delta: bool | None = None
    dp_value: str | None = None
    pre_dp_value: str | None = None
    top: int | None = None
    where: str | None = None


class MultiFieldSubQuery(msgspec.Struct, rename="camel"):
    """One element of `queries`."""

    metric: str | None = None
    tags: dict[str, str | int | float | bool | None] | None = None
    filters: list[JsonFilter] | None = None
    fields: list[FieldQuery] | None = None
    limit: int | None = None
    offset: int | None = None
    global_limit: int | None = None
    rlimit: int | None = None
    roffset: int | None = None
    slimit: int | None = None
    downsample_data_source: str | None = None


NOT_KNOWN: Final = ("top", "where", "rlimit", "roffset", "slimit", "downsampleDataSource")
"""Members of a field or sub-query whose meaning no public source tells: a client that sets one is told so, since to
ignore it would give a wrong answer. 0 and "", which the SDK sends for nothing, are nothing."""


class MultiFieldQuery(msgspec.Struct, rename="camel"):
    """The whole question."""

    start: str | int | float | None = None
    end: str | int | float | None = None
    queries: list[MultiFieldSubQuery] | None = None
    ms_resolution: bool | None = None
    timezone: str | None = None


_QUERY = msgspec.json.Decoder(MultiFieldQuery, strict=False)


class MultiFieldQueries:
    """Answers /api/mquery."""

    def __init__(self, store: Reads, pool: QueryPool) -> None:
        self._store = store
        self._pool = pool

    async def mquery(self, scope: Scope, parameters: Parameters, body: bytes, reply: Reply) -> None:
        """One element a group."""
        said = decode_json(_QUERY, body)
        if not said.queries:
            raise Refused("queries-missing", "Missing sub queries")
        await reply.whole(await self._pool.run(lambda check: self._answer(said, check), reply.client_leaves))

    def _answer(self, said: MultiFieldQuery, check: Check) -> bytes:
        elements: list[dict[str, Any]] = []
        with self._store.snapshot(check) as snapshot:
            for sub in said.queries or ():
                fields = fields_of(self._store, sub.metric, sub.fields or ())
                _check_known(sub)
                names = [asked.alias or asked.field or "" for asked in fields]
                elements += _elements(snapshot, sub, names, _plan(said, sub, fields))
        return orjson.dumps(elements)


def fields_of(store: Reads, metric: str | None, fields: Sequence[FieldQuery]) -> list[FieldQuery]:
    """The fields asked for, `*` as all that the metric has. Raises Refused, rules "metric-missing" and
    "fields-missing"."""
    if not metric:
        raise Refused("metric-missing", "Missing the metric or tsuids, provide at least one")
    if not fields:
        raise Refused("fields-missing", "Missing the fields")
    found: list[FieldQuery] = []
    for asked in fields:
        found += _every_field(store, metric, asked) if asked.field == ANY_FIELD else [asked]
    return found


def _every_field(store: Reads, metric: str, asked: FieldQuery) -> Iterator[FieldQuery]:
    for stored in store.suggest("metrics", series_metric(Field(metric, "")), limits.OPENTSDB_ANY_FIELD_MAX):
        if known := field_of(stored):
            yield msgspec.structs.replace(asked, field=known.field)


def _check_known(sub: MultiFieldSubQuery) -> None:
    """Raises Refused (rule "not-implemented") for a member of NOT_KNOWN."""
    for part in (sub, *(sub.fields or ())):
        for member in msgspec.structs.fields(part):
            name = member.encode_name
            if name in NOT_KNOWN and getattr(part, member.name):
                raise Refused("not-implemented", f"'{name}' of a multi-field query is not implemented")


def _plan(said: MultiFieldQuery, sub: MultiFieldSubQuery, fields: Sequence[FieldQuery]) -> Question | None:
    """One plain sub-query a field; None when there is no field."""
    subs = [
        SubQuery(
            aggregator=asked.aggregator or "none",
            metric=series_metric(Field(sub.metric or "", asked.field or "")),
            downsample=asked.downsample,
            rate=asked.rate,
            rate_options=asked.rate_options,
            delta=asked.delta,
            dp_value=asked.dp_value,
            pre_dp_value=asked.pre_dp_value,
            filters=sub.filters,
            tags=sub.tags,
        )
        for asked in fields
    ]
    whole = Query(said.start, said.end, subs, said.timezone, ms_resolution=said.ms_resolution)
    return question(whole, time.time_ns() // 1_000_000) if subs else None


Tags = tuple[tuple[str, str], ...]


@dataclass(slots=True)
class _Group:
    """Series of the same tags. columns: times (int64[n] ms) and values of each field that has them, by its place."""

    differing: list[str] = field(default_factory=list)
    columns: dict[int, tuple[NDArray[np.int64], list[Any]]] = field(default_factory=dict)

    def rows(self, width: int, unit_ms: int) -> list[list[Any]]:
        """One row a moment: its time and the value of each of `width` fields, or null."""
        moments = np.unique(np.concatenate([times for times, _ in self.columns.values()]))
        rows = [[stamp, *[None] * width] for stamp in (moments // unit_ms).tolist()]
        for column, (times, values) in self.columns.items():
            for row, value in zip(np.searchsorted(moments, times).tolist(), values, strict=True):
                rows[row][column + 1] = value
        return rows


def _elements(
    snapshot: Snapshot, sub: MultiFieldSubQuery, names: Sequence[str], plan: Question | None
) -> list[dict[str, Any]]:
    """Groups of the same tags of all fields, joined by time."""
    groups: dict[Tags, _Group] = {}
    for column, part in enumerate(plan.parts if plan else ()):
        for result in _results(snapshot, part):
            tags, differing = snapshot.common_tags(result.series)
            group = groups.setdefault(tuple(sorted(tags.items())), _Group())
            group.differing = differing
            values = [value_of(result.values, row) for row in range(len(result.times))]
            group.columns[column] = (result.times, values)
    unit_ms = 1 if plan and plan.in_ms else 1000
    page = narrowing(None, sub.offset, sub.limit, sub.global_limit).page(len(groups))
    return [
        {
            "metric": sub.metric,
            "columns": ["timestamp", *names],
            "values": group.rows(len(names), unit_ms)[page],
            "tags": dict(tags_of_group),
            "aggregatedTags": group.differing,
        }
        for tags_of_group, group in groups.items()
    ]


def _results(snapshot: Snapshot, part: Asked) -> Iterator[Result]:
    """The groups of one field. Raises Refused, which names an unknown field as its asker does."""
    try:
        yield from part.narrowing.of(engine.run(snapshot, part.query))
    except Refused as refused:
        if refused.rule != "metric-unknown":
            raise
        asked = shown(refused.detail.replace(SEPARATOR, ".", 1))
        raise Refused(refused.rule, f"No such name for 'metrics': '{asked}'") from refused
