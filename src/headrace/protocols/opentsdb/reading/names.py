"""Questions about names alone: suggest, search/lookup, uid/assign, and Alibaba's dump_meta."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import Final

import msgspec
import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from starlette.types import Scope

from headrace import limits
from headrace.errors import Refused
from headrace.model.query import ANY_VALUE
from headrace.model.series import FIELD_SEPARATOR, SeriesName
from headrace.protocols.opentsdb.faults import shown
from headrace.protocols.opentsdb.fields import Field, field_of, series_metric
from headrace.protocols.opentsdb.integers import INT_MAX, Whole, parameter, whole_member
from headrace.protocols.opentsdb.names import ILLEGAL_CHARACTER
from headrace.protocols.opentsdb.reading.texts import text_of
from headrace.protocols.opentsdb.reading.wire import decode_json, metric_and_filters, of_parameters
from headrace.protocols.opentsdb.reply import Parameters, Reply
from headrace.protocols.opentsdb.tsuids import tsuids_of, uid_of
from headrace.query import filters
from headrace.query.pool import QueryPool, Reads
from headrace.store import Check, Snapshot

NAMES_DEFAULT: Final = 25
"""OpenTSDB: SuggestRpc and SearchRpc, when nothing else is said."""

ANY: Final = "*"
"""Any metric, tag key or tag value of a lookup."""

ROLES: Final = ("metrics", "tagk", "tagv", "field")

UID_ROLES: Final = {"metric": "metrics", "tagk": "tagk", "tagv": "tagv"}
"""What /api/uid/assign calls the roles of names."""


class Suggestion(msgspec.Struct):
    """A question to suggest. metric: of the fields, when they are asked for (Alibaba's SDK)."""

    type: str | None = None
    q: str | None = None
    max: Whole | None = None
    metric: str | None = None


class LookupTag(msgspec.Struct):
    """A pair that a series must have; "*" for any."""

    key: str | None = None
    value: str | None = None


class Lookup(msgspec.Struct, rename="camel"):
    """A question to search/lookup (OpenTSDB: SearchQuery)."""

    metric: str | None = None
    tags: list[LookupTag] | None = None
    limit: Whole | None = None
    start_index: Whole | None = None


class DumpMeta(msgspec.Struct):
    """A question to dump_meta (Alibaba's SDK: DumpMetaValue)."""

    metric: str | None = None
    tagkey: str | None = None
    tagvalueprefix: str | None = None
    max: Whole | None = None
    dump_metric: bool | None = None


_SUGGESTION = msgspec.json.Decoder(Suggestion, strict=False, dec_hook=whole_member)
_LOOKUP = msgspec.json.Decoder(Lookup, strict=False, dec_hook=whole_member)
_DUMP_META = msgspec.json.Decoder(DumpMeta, strict=False, dec_hook=whole_member)
_ASSIGNMENT = msgspec.json.Decoder(dict[str, list[str | int | float | bool]])


class NameQuestions:
    """Answers them from the store's index of names; no point is read."""

    def __init__(self, store: Reads, pool: QueryPool) -> None:
        self._store = store
        self._pool = pool

    async def suggest(self, scope: Scope, parameters: Parameters, body: bytes, reply: Reply) -> None:
        """/api/suggest."""
        posted = body if scope["method"] == "POST" else None
        asked, limit = await self._pool.read(len(body), lambda: suggestion(parameters, posted))
        names = await self._pool.run(lambda _: self._suggest(asked, limit), reply.client_leaves)
        await reply.whole(msgspec.json.encode(names))

    async def lookup(self, scope: Scope, parameters: Parameters, body: bytes, reply: Reply) -> None:
        """/api/search/lookup."""
        size = len(body) + len(scope["query_string"])
        posted = scope["method"] == "POST" and body
        asked = await self._pool.read(size, lambda: decode_json(_LOOKUP, body) if posted else _lookup_of(parameters))
        await reply.whole(await self._pool.run(lambda check: self._lookup(asked, check), reply.client_leaves))

    async def uid_assign(self, scope: Scope, parameters: Parameters, body: bytes, reply: Reply) -> None:
        """/api/uid/assign."""
        if scope["method"] == "POST" and body:
            said = await self._pool.read(len(body), lambda: decode_json(_ASSIGNMENT, body))
            asked = {role: [text_of(name) or "" for name in names] for role, names in said.items()}
        else:
            # As Java splits: what is empty at the end is no name.
            named = {role: given[0].rstrip(",") for role, given in parameters.items() if role in UID_ROLES}
            asked = {role: names.split(",") for role, names in named.items() if names}
        answer, failed = await self._pool.run(lambda check: self._assign(asked, check), reply.client_leaves)
        await reply.whole(msgspec.json.encode(answer), 400 if failed else 200)

    async def dump_meta(self, scope: Scope, parameters: Parameters, body: bytes, reply: Reply) -> None:
        """/api/dump_meta: the values of one tag, or the metrics whose series have it."""
        if scope["method"] == "POST" and body:
            asked = await self._pool.read(len(body), lambda: decode_json(_DUMP_META, body))
        else:
            asked = of_parameters({key: given[0] for key, given in parameters.items()}, DumpMeta)
        if not asked.tagkey:
            raise Refused("dump-meta", "Missing 'tagkey' parameter")
        await reply.whole(await self._pool.run(lambda check: self._dump_meta(asked, check), reply.client_leaves))

    def _suggest(self, asked: Suggestion, limit: int) -> list[str]:
        prefix = asked.q or ""
        if asked.type == "field" and asked.metric:
            stored = self._store.suggest("metrics", series_metric(Field(asked.metric, prefix)), limit)
            return [field.field for name in stored if (field := field_of(name))]
        if asked.type == "field":
            fields = {field.field for name in self._stored_metrics("") if (field := field_of(name))}
            return sorted(name for name in fields if name.startswith(prefix))[:limit]
        if asked.type == "metrics":
            return self._metrics(prefix, limit)
        assert asked.type is not None
        return self._store.suggest(asked.type, prefix, limit)

    def _stored_metrics(self, prefix: str) -> list[str]:
        return self._store.suggest("metrics", prefix, limits.SERIES_MAX)

    def _metrics(self, prefix: str, limit: int) -> list[str]:
        """Plain metrics, and those that have fields, once each. The stored names of fields are never shown."""
        asked = limit
        while True:
            stored = self._store.suggest("metrics", prefix, asked)
            plain = list(dict.fromkeys(field.metric if (field := field_of(name)) else name for name in stored))
            if len(plain) >= limit or len(stored) < asked:
                return plain[:limit]
            asked *= 4

    def _lookup(self, asked: Lookup, check: Check) -> bytes:
        began = time.perf_counter()
        # Here 0 and below mean all of them.
        limit = limits.OPENTSDB_SUGGEST_MAX if asked.limit is not None and asked.limit <= 0 else _most(asked.limit)
        first = max(asked.start_index or 0, 0)
        tags = [(tag.key or ANY, tag.value or ANY) for tag in asked.tags or ()]
        with self._store.snapshot(check) as snapshot:
            series = self._find(snapshot, asked.metric or ANY, tags, check)
            page = series[first : first + limit]
            results = [
                {"tsuid": tsuid, "metric": name.metric, "tags": dict(name.tags)}
                for tsuid, name in zip(tsuids_of(snapshot.keys(page)), snapshot.names(page), strict=True)
            ]
        return orjson.dumps(
            {
                "type": "LOOKUP",
                "metric": asked.metric or ANY,
                "tags": [{"key": key, "value": value} for key, value in tags],
                "limit": limit,
                "startIndex": first,
                "time": round((time.perf_counter() - began) * 1000, 3),
                "totalResults": len(series),
                "results": results,
            }
        )

    def _find(
        self, snapshot: Snapshot, metric: str, tags: Sequence[tuple[str, str]], check: Check
    ) -> NDArray[np.uint32]:
        """Ordinals of the series that have all `tags`. Raises Refused (rule "name-unknown")."""
        for key, value in dict.fromkeys(tags):
            check()
            for role, name in (("tagk", key), ("tagv", value)):
                if name != ANY and not self._is_known(role, name):
                    raise _unknown(role, name)
        wanted: dict[str, set[str]] = {}
        for key, value in tags:
            if key != ANY:
                wanted.setdefault(key, set()).add(value)
        # A key that stands several times may have any of its values, and so may none (OpenTSDB: TimeSeriesLookup).
        conditions = {key: [ANY_VALUE if ANY in values else filters.one_of(values)] for key, values in wanted.items()}
        anywhere = {value for key, value in tags if key == ANY and value != ANY}
        if metric == ANY:
            return snapshot.find_everywhere(_are_plain, conditions, anywhere)
        try:
            series = snapshot.find(metric, conditions)
        except KeyError:
            raise _unknown("metrics", metric) from None
        return series[[_has_some(name, anywhere) for name in snapshot.names(series)]] if anywhere else series

    def _metrics_with_series(self) -> Iterator[str]:
        return (name for name in self._stored_metrics("") if field_of(name) is None)

    def _is_known(self, role: str, name: str) -> bool:
        return self._store.suggest(role, name, 1) == [name]

    def _assign(self, asked: dict[str, list[str]], check: Check) -> tuple[dict[str, dict[str, str]], bool]:
        """Nothing is stored: an id derives from its name, and a name exists from its first point on."""
        answer: dict[str, dict[str, str]] = {}
        failed = False
        for role, names in asked.items():
            for name in dict.fromkeys(names):
                check()
                error = self._unassignable(role, name)
                failed |= bool(error)
                answer.setdefault(f"{role}_errors" if error else role, {})[name] = error or self._uid(role, name)
            answer.setdefault(role, {})
        if not answer:
            raise Refused("uid", "Missing values to assign UIDs")
        return answer, failed

    def _unassignable(self, kind: str, name: str) -> str:
        """Why a name gets no id, in OpenTSDB's words and by its order of checks; "" for one that gets one."""
        if not name:
            return f"Invalid {kind}: empty string"
        if illegal := ILLEGAL_CHARACTER.search(name):
            return f'Invalid {kind} ("{shown(name)}"): illegal character: {illegal.group()}'
        if kind not in UID_ROLES:
            return "Unknown type name"
        known = self._is_known(UID_ROLES[kind], name)
        return f"Name already exists with UID: {self._uid(kind, name)}" if known else ""

    def _uid(self, kind: str, name: str) -> str:
        return uid_of(self._store.table, kind, name)

    def _dump_meta(self, asked: DumpMeta, check: Check) -> bytes:
        limit = _most(asked.max)
        assert asked.tagkey is not None
        pattern = filters.wildcard((asked.tagvalueprefix or "").replace(ANY, "") + ANY)
        found: dict[str, None] = {}
        with self._store.snapshot(check) as snapshot:
            for metric in [asked.metric] if asked.metric else self._metrics_with_series():
                check()
                try:
                    series = snapshot.find(metric, {asked.tagkey: [pattern]})
                except KeyError:
                    continue
                if asked.dump_metric:
                    found.update({metric: None} if len(series) else {})
                else:
                    found.update(dict.fromkeys(snapshot.tag_values(series, asked.tagkey).tolist()))
                if len(found) >= limit:
                    break
        names = sorted(found)[:limit]
        return orjson.dumps(names if asked.dump_metric else [{asked.tagkey: value} for value in names])


def _are_plain(metrics: pa.Array) -> NDArray[np.bool_]:
    """Of stored metric names those that are no field's."""
    plain: NDArray[np.bool_] = np.asarray(pc.invert(pc.match_substring(metrics, FIELD_SEPARATOR)))
    return plain


def _has_some(name: SeriesName, values: set[str]) -> bool:
    return any(value in values for _, value in name.tags)


def _unknown(role: str, name: str) -> Refused:
    """OpenTSDB: SearchRpc."""
    return Refused("name-unknown", "Unable to resolve one or more names", f"No such name for '{role}': '{shown(name)}'")


def suggestion(parameters: Parameters, body: bytes | None) -> tuple[Suggestion, int]:
    """What is asked, of a type of ROLES, and how many names at most. body: None for a GET. Raises Refused."""
    if body:
        said = decode_json(_SUGGESTION, body)
    else:
        kind, prefix, most, metric = (parameters.get(name, [""])[0] for name in ("type", "q", "max", "metric"))
        limit = parameter(most or None, "suggest", "Unable to parse 'max' as a number")
        said = Suggestion(kind, prefix, None if limit is None else Whole(limit), metric)
    if not said.type:
        raise Refused("suggest", "Missing parameter <code>type</code>" if body is None else "Missing 'type' parameter")
    if said.type not in ROLES:
        raise Refused("suggest", f"Invalid 'type' parameter:{shown(said.type)}")
    if said.max is not None and said.max > INT_MAX:
        raise Refused("suggest", "Unable to parse 'max' as a number")
    return said, _most(said.max)


def _most(said: int | None) -> int:
    """Names to answer with, of what was said: nothing, 0 and below mean the default."""
    return min(said, limits.OPENTSDB_SUGGEST_MAX) if said is not None and said > 0 else NAMES_DEFAULT


def _lookup_of(given: Parameters) -> Lookup:
    """The question of a GET: m=metric{k=v,k=*}, limit, start_index. What `use_meta` asks for is always so."""
    if not given.get("m", [""])[0]:
        raise Refused("lookup", "Missing parameter <code>m</code>")
    metric, pairs = metric_and_filters(given["m"][0], empty_sides=True)
    limit, start_index = (
        parameter(given.get(name, [None])[0], "lookup", f"Unable to convert '{name}' to a valid number")
        for name in ("limit", "start_index")
    )
    return Lookup(
        metric,
        [LookupTag(pair.tagk, text_of(pair.filter)) for pair in pairs],
        None if limit is None else Whole(limit),
        Whole(start_index or 0),
    )
