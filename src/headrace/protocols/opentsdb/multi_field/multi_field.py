"""Alibaba's multi-field points: /api/mput, /api/mquery, /api/query/mlast (aliyun-tsdb-java-sdk: MultiFieldPoint,
MultiFieldQuery)."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import Any, Final, Protocol

import msgspec
import numpy as np
import orjson
from numpy.typing import NDArray
from starlette.types import Scope

from headrace import limits
from headrace.errors import Refused, Unavailable
from headrace.gate import RuleSet, admit
from headrace.metrics import Metrics
from headrace.model.points import Admitted
from headrace.protocols.opentsdb import faults
from headrace.protocols.opentsdb.fields import SEPARATOR, Field, field_of, series_metric
from headrace.protocols.opentsdb.names import ILLEGAL_CHARACTER, OPENTSDB_RULES
from headrace.protocols.opentsdb.reading.last import LAST_QUERY, last_points, last_query, time_span, value_of
from headrace.protocols.opentsdb.reading.narrowing import narrowing
from headrace.protocols.opentsdb.reading.question import Question, question
from headrace.protocols.opentsdb.reading.wire import JsonFilter, Query, RateOptions, SubQuery, decode_json
from headrace.protocols.opentsdb.reply import Parameters, Reply
from headrace.protocols.opentsdb.writing.wire import ReferenceDecoder
from headrace.protocols.opentsdb.writing.write import ROOM, flags_of
from headrace.query.aggregation import engine
from headrace.query.pool import QueryPool, Reads
from headrace.store import Check, Snapshot
from headrace.transport.loop_or_thread import LoopOrThread

FIELD_RULES: Final = RuleSet(
    name="opentsdb-fields",
    bit=7,
    illegal_character=None,
    tags_min=OPENTSDB_RULES.tags_min,
    tags_max=OPENTSDB_RULES.tags_max,
    name_bytes_max=2 * OPENTSDB_RULES.name_bytes_max,
)
"""What the gate asks of the names of fields. Characters are checked before the separator joins metric and field."""


class MultiFieldPoint(msgspec.Struct):
    """One point as it was sent: several values of one moment."""

    metric: str | None = None
    timestamp: msgspec.Raw = msgspec.Raw(b"null")
    fields: dict[str, msgspec.Raw] | None = None
    tags: dict[str, str] | None = None


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
"""Members of a field or sub-query whose meaning no public source tells: who sets one is told so, since to ignore it
would give a wrong answer. 0 and "", which the SDK sends for nothing, are nothing."""


class MultiFieldQuery(msgspec.Struct, rename="camel"):
    """The whole question."""

    start: str | int | float | None = None
    end: str | int | float | None = None
    queries: list[MultiFieldSubQuery] | None = None
    ms_resolution: bool | None = None
    timezone: str | None = None


_POINTS = msgspec.json.Decoder(list[MultiFieldPoint])
_POINT = msgspec.json.Decoder(MultiFieldPoint)
_QUERY = msgspec.json.Decoder(MultiFieldQuery, strict=False)

ANY_FIELD: Final = "*"


class KeepsFields(Reads, Protocol):
    """What multi-field points need of a store (store.Store)."""

    async def append(self, points: Admitted) -> int:
        """Durable and visible on return; raises Unavailable."""
        ...


class MultiField:
    """Answers the three endpoints."""

    def __init__(self, store: KeepsFields, pool: QueryPool, metrics: Metrics) -> None:
        self._store = store
        self._pool = pool
        self._decode = ReferenceDecoder(store.table)
        self._bodies = LoopOrThread(limits.OPENTSDB_LOOP_BODY_BYTES_MAX)
        self._accepted = metrics.points_accepted.labels(ROOM)
        self._refused = metrics.points_refused

    async def mput(self, scope: Scope, parameters: Parameters, body: bytes, reply: Reply) -> None:
        """/api/mput: flags and answers as put's, counted by points. A field that cannot be taken fails alone, and its
        point counts as failed."""
        flags = flags_of(scope["query_string"].decode("latin-1"))
        sent, admitted, errors = await self._bodies.run(len(body), lambda: self._read(body))
        if len(admitted):
            await self._append(admitted, flags.timeout_ms)
        if flags.asks_counts:
            counts: dict[str, Any] = {"success": len(sent) - len(errors), "failed": len(errors)}
            if flags.details or flags.ignore_errors:
                counts["ignoredErrors" if flags.ignore_errors else "errors"] = [
                    {"datapoint": sent[place], "error": errors[place]} for place in sorted(errors)
                ]
            await reply.whole(msgspec.json.encode(counts), 400 if errors and not flags.ignore_errors else 200)
        elif errors:
            raise Refused(
                "points",
                "One or more data points had errors",
                'Please see the TSD logs or append "details" to the put request',
            )
        else:
            await reply.empty(204)

    def _read(self, body: bytes) -> tuple[list[MultiFieldPoint], Admitted, dict[int, str]]:
        """The points as they were sent, what of them may be stored, and what is wrong with those that are not wholly
        taken, by place. Raises Refused when the body fails as a whole. Any thread."""
        sent = decode_json(_POINTS, body) if body.lstrip().startswith(b"[") else [decode_json(_POINT, body)]
        errors: dict[int, str] = {}
        places: list[int] = []
        plain: list[bytes] = []
        for place, point in enumerate(sent):
            if wrong := _wrong(point):
                errors[place] = wrong
                continue
            stamp, tags = bytes(point.timestamp), orjson.dumps(point.tags)
            for field, value in (point.fields or {}).items():
                metric = orjson.dumps(series_metric(Field(point.metric or "", field)))
                places.append(place)
                plain.append(b'{"metric":%b,"timestamp":%b,"value":%b,"tags":%b}' % (metric, stamp, bytes(value), tags))
        decoded = self._decode(b"[" + b",".join(plain) + b"]")
        admission = admit(decoded.points, FIELD_RULES, self._store.table)
        for failure in decoded.failures:
            errors.setdefault(places[failure.place], failure.error.replace(SEPARATOR, "."))
            self._refused.labels(ROOM, failure.rule).inc()
        for at, refused, _ in admission.refused:
            errors.setdefault(places[at], refused.detail.replace(SEPARATOR, "."))
            self._refused.labels(ROOM, refused.rule).inc()
        return sent, admission.admitted, errors

    async def _append(self, admitted: Admitted, timeout_ms: int) -> None:
        """Raises Unavailable, also when it takes longer than timeout_ms (0: as long as it takes)."""
        try:
            async with asyncio.timeout(timeout_ms / 1000 if timeout_ms else None):
                await self._store.append(admitted)
        except TimeoutError:
            raise Unavailable(f"The put call has timedout, {len(admitted)} values may yet come") from None
        self._accepted.inc(len(admitted))

    async def mquery(self, scope: Scope, parameters: Parameters, body: bytes, reply: Reply) -> None:
        """/api/mquery: one element a group, its fields as columns beside the timestamp."""
        said = decode_json(_QUERY, body)
        if not said.queries:
            raise Refused("queries-missing", "Missing sub queries")
        await reply.whole(await self._pool.run(lambda check: self._mquery(said, check), reply.client_leaves))

    def _mquery(self, said: MultiFieldQuery, check: Check) -> bytes:
        elements: list[dict[str, Any]] = []
        with self._store.snapshot(check) as snapshot:
            for sub in said.queries or ():
                fields = self._fields(sub)
                _check_known(sub)
                plan = self._plan(said, sub, fields)
                names = [field.alias or field.field or "" for field in fields]
                elements += _elements(snapshot, sub, names, plan)
        return orjson.dumps(elements)

    def _fields(self, sub: MultiFieldSubQuery) -> list[FieldQuery]:
        """The fields asked for, `*` as all that the metric has. Raises Refused."""
        if not sub.metric:
            raise Refused("metric-missing", "Missing the metric or tsuids, provide at least one")
        if not sub.fields:
            raise Refused("fields-missing", "Missing the fields")
        fields: list[FieldQuery] = []
        for asked in sub.fields:
            if asked.field != ANY_FIELD:
                fields.append(asked)
                continue
            stored = self._store.suggest("metrics", series_metric(Field(sub.metric, "")), 10_000)
            fields += [
                msgspec.structs.replace(asked, field=found.field) for name in stored if (found := field_of(name))
            ]
        return fields

    def _plan(self, said: MultiFieldQuery, sub: MultiFieldSubQuery, fields: Sequence[FieldQuery]) -> Question | None:
        """One plain sub-query a field; None when there is no field."""
        subs = [
            SubQuery(
                aggregator=field.aggregator or "none",
                metric=series_metric(Field(sub.metric or "", field.field or "")),
                downsample=field.downsample,
                rate=field.rate,
                rate_options=field.rate_options,
                delta=field.delta,
                dp_value=field.dp_value,
                pre_dp_value=field.pre_dp_value,
                filters=sub.filters,
                tags=sub.tags,
            )
            for field in fields
        ]
        whole = Query(said.start, said.end, subs, said.timezone, ms_resolution=said.ms_resolution)
        return question(whole, time.time_ns() // 1_000_000) if subs else None

    async def mlast(self, scope: Scope, parameters: Parameters, body: bytes, reply: Reply) -> None:
        """/api/query/mlast: the latest value of each field, one element a series."""
        asked = last_query(decode_json(LAST_QUERY, body))

        def answer(check: Check) -> bytes:
            since, until = time_span(asked)
            found: dict[tuple[str, tuple[tuple[str, str], ...]], dict[int, dict[str, Any]]] = {}
            with self._store.snapshot(check) as snapshot:
                for sub in asked.queries or ():
                    wanted = [FieldQuery(field) for field in sub.fields or (ANY_FIELD,)]
                    for field in self._fields(MultiFieldSubQuery(sub.metric, fields=wanted)):
                        stored = series_metric(Field(sub.metric or "", field.field or ""))
                        columns = last_points(snapshot, sub, stored, until)
                        for row, name in enumerate(snapshot.names(columns.series)):
                            if (at := int(columns.times[row])) >= since:
                                moments = found.setdefault((sub.metric or "", name.tags), {})
                                moments.setdefault(at, {})[field.field or ""] = value_of(columns.values, row)
            return orjson.dumps([_last_element(metric, dict(tags), rows) for (metric, tags), rows in found.items()])

        await reply.whole(await self._pool.run(answer, reply.client_leaves))


def _wrong(point: MultiFieldPoint) -> str:
    """What of the names of a point is wrong, in put's words; "" when nothing is."""
    if not point.metric:
        return "Metric name was empty"
    if not point.fields:
        return "Missing fields"
    if not point.tags:
        return "Missing tags"
    named = [("metric name", point.metric), *(("field name", field) for field in point.fields)]
    named += [("tag name", key) for key in point.tags] + [("tag value", value) for value in point.tags.values()]
    for what, text in named:
        if not text:
            return f"Invalid {what}: empty string"
        if bad := ILLEGAL_CHARACTER.search(text):
            return f'Invalid {what} ("{faults.shown(text)}"): illegal character: {bad.group()}'
    return ""


def _check_known(sub: MultiFieldSubQuery) -> None:
    """Raises Refused (rule "not-implemented") for a member of NOT_KNOWN."""
    for part in (sub, *(sub.fields or ())):
        for member in msgspec.structs.fields(part):
            name = member.encode_name
            if name in NOT_KNOWN and getattr(part, member.name):
                raise Refused("not-implemented", f"'{name}' of a multi-field query is not implemented")


def _elements(
    snapshot: Snapshot, sub: MultiFieldSubQuery, names: Sequence[str], plan: Question | None
) -> list[dict[str, Any]]:
    """Groups of the same tags of all fields, joined by time."""
    groups: dict[tuple[tuple[str, str], ...], dict[int, tuple[NDArray[np.int64], list[Any]]]] = {}
    aggregated: dict[tuple[tuple[str, str], ...], list[str]] = {}
    for column, part in enumerate(plan.parts if plan else ()):
        try:
            for result in part.narrowing.of(engine.run(snapshot, part.query)):
                tags, differing = snapshot.common_tags(result.series)
                group = tuple(sorted(tags.items()))
                values = [value_of(result.values, row) for row in range(len(result.times))]
                groups.setdefault(group, {})[column] = (result.times, values)
                aggregated[group] = differing
        except Refused as refused:
            if refused.rule != "metric-unknown":
                raise
            field = field_of(refused.detail)
            shown = f"{field.metric}.{field.field}" if field else refused.detail
            raise Refused(refused.rule, f"No such name for 'metrics': '{faults.shown(shown)}'") from refused
    unit = 1 if plan and plan.in_ms else 1000
    page = narrowing(None, sub.offset, sub.limit, sub.global_limit).page(len(groups))
    return [
        {
            "metric": sub.metric,
            "columns": ["timestamp", *names],
            "values": _joined(columns, len(names), unit)[page],
            "tags": dict(group),
            "aggregatedTags": aggregated[group],
        }
        for group, columns in groups.items()
    ]


def _joined(columns: dict[int, tuple[NDArray[np.int64], list[Any]]], width: int, unit: int) -> list[list[Any]]:
    """One row a moment: its time and each field's value or null."""
    moments = np.unique(np.concatenate([times for times, _ in columns.values()]))
    rows = [[stamp, *[None] * width] for stamp in (moments // unit).tolist()]
    for column, (times, values) in columns.items():
        for row, value in zip(np.searchsorted(moments, times).tolist(), values, strict=True):
            rows[row][column + 1] = value
    return rows


def _last_element(metric: str, tags: dict[str, str], moments: dict[int, dict[str, Any]]) -> dict[str, Any]:
    """The latest moment first."""
    names = sorted({name for values in moments.values() for name in values})
    rows = [[at, *(moments[at].get(name) for name in names)] for at in sorted(moments, reverse=True)]
    return {"metric": metric, "tags": tags, "columns": ["timestamp", *names], "values": rows}
