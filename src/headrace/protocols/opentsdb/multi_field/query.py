"""/api/mquery: the fields of a metric side by side, as columns beside the timestamp."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple

import msgspec
import numpy as np
import orjson
from numpy.typing import NDArray
from starlette.types import Scope

from headrace import limits
from headrace.config import OpenTSDBTimes
from headrace.errors import Refused
from headrace.model.points import Values
from headrace.model.series import FIELD_SEPARATOR
from headrace.model.time import SECOND_MS
from headrace.protocols.opentsdb.faults import shown
from headrace.protocols.opentsdb.fields import Field, field_of, series_metric
from headrace.protocols.opentsdb.integers import Whole, whole_member
from headrace.protocols.opentsdb.reading.last import value_of
from headrace.protocols.opentsdb.reading.narrowing import narrowing
from headrace.protocols.opentsdb.reading.question import Asked, Question, question
from headrace.protocols.opentsdb.reading.wire import JsonFilter, Query, RateOptions, SubQuery, decode_json
from headrace.protocols.opentsdb.reply import Parameters, Reply
from headrace.query.aggregation import engine
from headrace.query.aggregation.engine import Result
from headrace.query.pool import QueryPool, Reads
from headrace.store import Check, Snapshot
from headrace.transport.http.streaming import Answer, joined

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
    top: Whole | None = None
    where: str | None = None


class MultiFieldSubQuery(msgspec.Struct, rename="camel"):
    """One element of `queries`."""

    metric: str | None = None
    tags: dict[str, str | int | float | bool | None] | None = None
    filters: list[JsonFilter] | None = None
    fields: list[FieldQuery] | None = None
    limit: Whole | None = None
    offset: Whole | None = None
    global_limit: Whole | None = None
    rlimit: Whole | None = None
    roffset: Whole | None = None
    slimit: Whole | None = None
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


_QUERY = msgspec.json.Decoder(MultiFieldQuery, strict=False, dec_hook=whole_member)


class MultiFieldQueries:
    """Answers /api/mquery."""

    def __init__(self, store: Reads, pool: QueryPool, told: OpenTSDBTimes = "as-written") -> None:
        """told: the unit of times unless a question says one."""
        self._told: OpenTSDBTimes = told
        self._store = store
        self._pool = pool

    async def mquery(self, scope: Scope, parameters: Parameters, body: bytes, reply: Reply) -> None:
        """One element a group."""
        said = await self._pool.read(len(body), lambda: decode_json(_QUERY, body))
        if not said.queries:
            raise Refused("queries-missing", "Missing sub queries")
        answer = await self._pool.run(lambda check: self._answer(said, check), reply.client_leaves)
        await reply.stream(answer, self._pool.next_of)

    def _answer(self, said: MultiFieldQuery, check: Check) -> Answer:
        elements: list[_Element] = []
        with self._store.snapshot(check) as snapshot:
            for sub in said.queries or ():
                fields = fields_of(self._store, sub.metric, sub.fields or ())
                _check_known(sub)
                names = [asked.alias or asked.field or "" for asked in fields]
                elements += _elements(snapshot, sub, names, _plan(said, sub, fields, self._told))
            chunks = joined(_pieces(elements))
            snapshot.memory.keep_for(chunks)
        return next(chunks), chunks


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


def _plan(
    said: MultiFieldQuery, sub: MultiFieldSubQuery, fields: Sequence[FieldQuery], told: OpenTSDBTimes
) -> Question | None:
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
    return question(whole, time.time_ns() // 1_000_000, told) if subs else None


Tags = tuple[tuple[str, str], ...]


Column = tuple[NDArray[np.int64], Values]
"""Times (int64[n] ms, ascending) and values of one field."""

_MOMENT_BYTES: Final = 8 + 8
"""Of each point: its moment, and that again while they are sorted."""


class _Element(NamedTuple):
    """Series of the same tags. head, tail: its members before and after `values`.   moments: int64[n] ms, those that
    are shown.   columns: of each field that has points, by its place."""

    head: dict[str, Any]
    tail: dict[str, Any]
    moments: NDArray[np.int64]
    unit_ms: int
    columns: dict[int, Column]

    def rows(self, first: int, end: int) -> list[list[Any]]:
        """One row for each moment from `first` to `end`: its time and the value of each field, or null."""
        moments = self.moments[first:end]
        width = len(self.head["columns"]) - 1
        rows = [[stamp, *[None] * width] for stamp in (moments // self.unit_ms).tolist()]
        for place, (times, values) in self.columns.items():
            begin = int(np.searchsorted(times, moments[0], side="left"))
            stop = int(np.searchsorted(times, moments[-1], side="right"))
            for at, row in zip(np.searchsorted(moments, times[begin:stop]).tolist(), range(begin, stop), strict=True):
                rows[at][place + 1] = value_of(values, row)
        return rows


def _elements(
    snapshot: Snapshot, sub: MultiFieldSubQuery, names: Sequence[str], plan: Question | None
) -> Iterator[_Element]:
    """Groups of the same tags of all fields, joined by time."""
    groups: dict[Tags, dict[int, Column]] = {}
    differing: dict[Tags, list[str]] = {}
    for place, part in enumerate(plan.parts if plan else ()):
        for result in _results(snapshot, part):
            common, differing_tags = snapshot.common_tags(result.series)
            tags = tuple(sorted(common.items()))
            groups.setdefault(tags, {})[place] = (result.times, result.values)
            differing[tags] = differing_tags
    in_ms = plan is not None and (plan.in_ms or any(part.sightings.between_seconds for part in plan.parts))
    page = narrowing(None, sub.offset, sub.limit, sub.global_limit).page(len(groups))
    for tags, columns in groups.items():
        snapshot.memory.hold(_MOMENT_BYTES * sum(len(times) for times, _ in columns.values()))
        moments = np.unique(np.concatenate([times for times, _ in columns.values()]))[page]
        head = {"metric": sub.metric, "columns": ["timestamp", *names]}
        tail = {"tags": dict(tags), "aggregatedTags": differing[tags]}
        yield _Element(head, tail, moments, 1 if in_ms else SECOND_MS, columns)


def _pieces(elements: Sequence[_Element]) -> Iterator[bytes]:
    """The whole answer, piece by piece."""
    before = b"["
    for element in elements:
        yield before + orjson.dumps(element.head)[:-1] + b',"values":['
        step = max(1, limits.ANSWER_PIECE_VALUES // len(element.head["columns"]))
        for first in range(0, len(element.moments), step):
            yield (b"," if first else b"") + orjson.dumps(element.rows(first, first + step))[1:-1]
        yield b"]," + orjson.dumps(element.tail)[1:]
        before = b","
    yield b"]" if elements else b"[]"


def _results(snapshot: Snapshot, part: Asked) -> Iterator[Result]:
    """The groups of one field. Raises Refused, which names an unknown field as its asker does."""
    try:
        yield from part.narrowing.of(engine.run(snapshot, part.query, part.sightings))
    except Refused as refused:
        if refused.rule != "metric-unknown":
            raise
        asked = shown(refused.detail.replace(FIELD_SEPARATOR, ".", 1))
        raise Refused(refused.rule, f"No such name for 'metrics': '{asked}'") from refused
