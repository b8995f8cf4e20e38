"""/api/query/last: the latest point of each series asked for."""

from __future__ import annotations

import time
from typing import Any

import msgspec
import numpy as np
import orjson
from numpy.typing import NDArray
from starlette.types import Scope

from headrace.config import OpenTSDBTimes
from headrace.errors import Refused
from headrace.model.points import Kind, Values
from headrace.model.series import UNKNOWN
from headrace.model.time import ALL_TIME, HOUR_MS, SECOND_MS, TIME_MS_MAX
from headrace.protocols.opentsdb import times
from headrace.protocols.opentsdb.faults import shown
from headrace.protocols.opentsdb.integers import Whole, parameter, whole_member
from headrace.protocols.opentsdb.reading.filters import short_form
from headrace.protocols.opentsdb.reading.question import selection_of
from headrace.protocols.opentsdb.reading.texts import text_of
from headrace.protocols.opentsdb.reading.wire import decode_json, metric_and_filters
from headrace.protocols.opentsdb.reply import Parameters, Reply
from headrace.protocols.opentsdb.tsuids import is_strange, keys_of, tsuids_of
from headrace.query import groups
from headrace.query.aggregation.sightings import Sightings
from headrace.query.pool import QueryPool, Reads
from headrace.store import Check, Columns, Snapshot


class LastSubQuery(msgspec.Struct):
    """One element of `queries`: a metric and tags that its series must have, or tsuids."""

    metric: str | None = None
    tags: dict[str, str] | None = None
    tsuids: list[str] | None = None
    fields: list[str] | None = None


class LastQuery(msgspec.Struct, rename="camel"):
    """The whole question (OpenTSDB: LastPointQuery; Alibaba's SDK adds `timestamp`)."""

    queries: list[LastSubQuery] | None = None
    resolve_names: bool | None = None
    back_scan: Whole | None = None
    timestamp: Whole | None = None
    ms_resolution: bool | None = None


LAST_QUERY = msgspec.json.Decoder(LastQuery, strict=False, dec_hook=whole_member)


class LastPoints:
    """Answers /api/query/last."""

    def __init__(self, store: Reads, pool: QueryPool, told: OpenTSDBTimes = "seconds") -> None:
        """told: "as-written" tells seconds for what was written in seconds; else all times are in ms, as OpenTSDB's
        are."""
        self._as_written = told == "as-written"
        self._store = store
        self._pool = pool

    async def last(self, scope: Scope, parameters: Parameters, body: bytes, reply: Reply) -> None:
        """/api/query/last."""
        posted = scope["method"] == "POST"
        asked = await self._pool.read(
            len(body) + len(scope["query_string"]),
            lambda: last_query(decode_json(LAST_QUERY, body) if posted else _of_parameters(parameters)),
        )
        await reply.whole(await self._pool.run(lambda check: self._answer(asked, check), reply.client_leaves))

    def _answer(self, asked: LastQuery, check: Check) -> bytes:
        since, until = time_span(asked)
        entries: list[dict[str, Any]] = []
        in_ms = bool(asked.ms_resolution) or not self._as_written
        with self._store.snapshot(check) as snapshot:
            for sub in asked.queries or ():
                columns = last_points(snapshot, sub, until)
                unit_ms = 1 if in_ms or between_seconds(snapshot, columns) else SECOND_MS
                entries += _entries(snapshot, columns, since, bool(asked.resolve_names), unit_ms)
        return orjson.dumps(entries)


def last_query(asked: LastQuery) -> LastQuery:
    """The question if it can be answered. Raises Refused (OpenTSDB: QueryRpc.parseLastPointQuery)."""
    if not asked.queries:
        raise Refused("queries-missing", "Missing sub queries")
    return asked


def time_span(asked: LastQuery) -> tuple[int, int]:
    """(since, until) in ms: the points between which the latest counts. backScan: hours back from now; absent, 0
    and below: all of history."""
    now_ms = time.time_ns() // 1_000_000
    since = now_ms - asked.back_scan * HOUR_MS if asked.back_scan and asked.back_scan > 0 else -TIME_MS_MAX
    if not asked.timestamp:
        return since, TIME_MS_MAX
    if not times.is_legal(asked.timestamp):
        raise Refused("timestamp", f"Invalid timestamp: {asked.timestamp}")
    return since, times.to_ms(asked.timestamp)


def last_points(snapshot: Snapshot, sub: LastSubQuery, until_ms: int) -> Columns:
    """The latest points of the series of one sub-query. A tsuid of no series is passed over. Raises Refused."""
    return snapshot.last(series_of(snapshot, sub, sub.metric), until_ms)


def series_of(snapshot: Snapshot, sub: LastSubQuery, metric: str | None) -> NDArray[np.uint32]:
    """uint32: the series of one sub-query, or those of another metric in its place. Raises Refused."""
    if sub.tsuids:
        found = snapshot.with_keys(keys_of([tsuid for tsuid in sub.tsuids if not is_strange(tsuid)]))
        known: NDArray[np.uint32] = found[found != UNKNOWN]
        return known
    said = [short_form(key, value, group_by=False) for key, value in (sub.tags or {}).items()]
    try:
        return groups.find(snapshot, selection_of(metric, said))
    except Refused as refused:
        if refused.rule != "metric-unknown":
            raise
        raise Refused("metric-unknown", f"No such name for 'metrics': '{shown(refused.detail)}'") from refused


def between_seconds(snapshot: Snapshot, columns: Columns) -> bool:
    """Whether one of these latest points lies between two seconds, or, where they are few, one of those before."""
    sightings = Sightings(ALL_TIME, of_seconds=True)
    sightings.times(columns.times)
    sightings.look_back(snapshot, columns.series)
    return sightings.between_seconds


def _entries(snapshot: Snapshot, columns: Columns, since_ms: int, resolved: bool, unit_ms: int) -> list[dict[str, Any]]:
    names = snapshot.names(columns.series) if resolved else ()
    entries = []
    for row, (time_ms, tsuid) in enumerate(
        zip(columns.times.tolist(), tsuids_of(snapshot.keys(columns.series)), strict=True)
    ):
        if time_ms < since_ms:
            continue
        entry: dict[str, Any] = {"metric": names[row].metric, "tags": dict(names[row].tags)} if resolved else {}
        entries.append({**entry, "timestamp": time_ms // unit_ms, "value": _text(columns.values, row), "tsuid": tsuid})
    return entries


def value_of(values: Values, row: int) -> Any:
    """One value as orjson writes it; a custom value is its JSON."""
    match int(values.kinds[row]):
        case Kind.TEXT:
            return values.text(row)
        case Kind.CUSTOM:
            return orjson.Fragment(values.text(row).partition("\0")[2])
        case Kind.BOOL:
            return bool(values.bits[row])
        case Kind.INT64:
            return int(values.bits[row])
        case _:
            return float(values.doubles()[row])


def _text(values: Values, row: int) -> str:
    """Numbers come as text (OpenTSDB: IncomingDataPoint)."""
    value = value_of(values, row)
    return value if isinstance(value, str) else orjson.dumps(value).decode()


def _of_parameters(given: Parameters) -> LastQuery:
    """The question of a GET: timeseries=metric{k=v}, tsuids=a,b, resolve, back_scan."""
    subs = [_timeseries(text) for text in given.get("timeseries", ())]
    subs += [LastSubQuery(tsuids=text.split(",")) for text in given.get("tsuids", ())]
    hours = parameter(given.get("back_scan", [None])[0], "back-scan", "Unable to parse 'back_scan' parameter")
    return LastQuery(queries=subs, resolve_names="resolve" in given, back_scan=Whole(hours or 0))


def _timeseries(text: str) -> LastSubQuery:
    metric, filters = metric_and_filters(text)
    return LastSubQuery(metric, {one.tagk or "": text_of(one.filter) or "" for one in filters})
