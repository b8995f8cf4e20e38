"""/api/uid/uidmeta, tsmeta and rename."""

from __future__ import annotations

import re
from typing import Final, Protocol, TypeVar

import msgspec
import orjson
from starlette.types import Scope

from headrace import limits
from headrace.errors import Refused
from headrace.model.series import UNKNOWN, SeriesName
from headrace.protocols.opentsdb.catalog.metas import (
    KINDS,
    ROLES,
    SERIES_KIND,
    UID_KIND,
    KeepsMetas,
    Metas,
    SeriesMeta,
    Shown,
    UidMeta,
    said_words,
    uid_key,
    written,
)
from headrace.protocols.opentsdb.faults import shown
from headrace.protocols.opentsdb.integers import whole_member
from headrace.protocols.opentsdb.reading.filters import short_form
from headrace.protocols.opentsdb.reading.question import selection_of
from headrace.protocols.opentsdb.reading.texts import text_of
from headrace.protocols.opentsdb.reading.wire import decode_json, metric_and_filters, of_parameters
from headrace.protocols.opentsdb.reply import Handler, Parameters, Reply
from headrace.protocols.opentsdb.tsuids import keys_of, tsuids_of, uid_of
from headrace.query import groups
from headrace.query.pool import QueryPool, Reads
from headrace.store import Check

_ANY: Final = ("GET", "POST", "PUT", "DELETE")
METHODS: Final = {"uid/uidmeta": _ANY, "uid/tsmeta": _ANY, "uid/rename": ("GET", "POST"), "uid/": _ANY}
"""Of each endpoint, by its path below /api/."""

_UID_META = msgspec.json.Decoder(UidMeta, strict=False)
_SERIES_META = msgspec.json.Decoder(SeriesMeta, strict=False, dec_hook=whole_member)
_RENAMING = msgspec.json.Decoder(dict[str, str], strict=False)
_UID = re.compile(r"[0-9A-Fa-f]{16}")
_NAMING: Final = ("uid", "type", "tsuid")
_HEXADECIMAL = re.compile(r"(?:[0-9A-Fa-f]{2})+")

OPENTSDB_TSUID_DIGITS: Final = 18
"""That the shortest one of OpenTSDB has: three ids of three bytes."""

NO_SERIES: Final = "Could not find Timeseries meta data"


Meta = TypeVar("Meta", UidMeta, SeriesMeta)


class ReadsAndKeepsMetas(Reads, KeepsMetas, Protocol):
    """What is needed of a store (store.Store)."""


class UidPages:
    """The endpoints below /api/uid/ but for assign."""

    def __init__(self, store: ReadsAndKeepsMetas, pool: QueryPool) -> None:
        self._store = store
        self._pool = pool
        self._metas = Metas(store)

    def by_path(self) -> dict[str, Handler]:
        """The endpoints by their path below /api/."""
        return {
            "uid/uidmeta": self.uidmeta,
            "uid/tsmeta": self.tsmeta,
            "uid/rename": self.rename,
            "uid/": self.other,
        }

    async def uidmeta(self, scope: Scope, parameters: Parameters, body: bytes, reply: Reply) -> None:
        """GET shows what is known of a name, POST adds to what people say of it, PUT replaces it, DELETE forgets it."""
        method = scope["method"]
        said = await self._read(_UID_META, UidMeta, parameters, body, method)
        role, uid = _named(said)
        if method == "DELETE":
            _check_uid(uid)
            await self._metas.forget(UID_KIND, uid_key(role, uid))
            await reply.empty(204)
            return
        if method != "GET" and not said_words(said):
            await reply.empty(304)
            return
        _check_uid(uid)
        if not _UID.fullmatch(uid):
            words = f"No such unique ID for '{role}': {shown(uid)}"
            raise Refused("name-unknown", "Could not find the requested UID", words)
        name = await self._pool.run(lambda check: self._name(role, uid, check), reply.client_leaves)
        if method != "GET":
            await self._metas.write(UID_KIND, uid_key(role, uid), said, method == "PUT")
        await reply.whole(orjson.dumps(Shown(self._store).of_name(role, name)))

    async def tsmeta(self, scope: Scope, parameters: Parameters, body: bytes, reply: Reply) -> None:
        """The same of a series: by its tsuid or, as `m`, by its metric and tags. A GET by `m` shows all that have
        them."""
        method = scope["method"]
        said = await self._read(_SERIES_META, SeriesMeta, parameters, body, method)
        if method == "GET" and not said.tsuid:
            await reply.whole(await self._pool.run(lambda check: self._all(parameters, check), reply.client_leaves))
            return
        if method == "DELETE":
            await self._metas.forget(SERIES_KIND, _to_forget(said.tsuid or ""))
            await reply.empty(204)
            return
        if not said.tsuid:
            said.tsuid = await self._pool.run(lambda check: self._only(parameters, check), reply.client_leaves)
        if method != "GET" and not said_words(said):
            await reply.empty(304)
            return
        tsuid = _well_formed(said.tsuid, method == "GET")
        name = await self._pool.run(lambda check: self._series(tsuid, check), reply.client_leaves)
        if method != "GET":
            await self._metas.write(SERIES_KIND, tsuid, said, method == "PUT")
        await reply.whole(orjson.dumps(Shown(self._store).of_series(tsuid, name)))

    async def rename(self, scope: Scope, parameters: Parameters, body: bytes, reply: Reply) -> None:
        """A series' key is a hash of its name, and every segment holds keys and names: a new name would be another
        series. Raises Refused."""
        said = {name: given[0] for name, given in parameters.items()}
        if body:
            said = await self._pool.read(len(body), lambda: decode_json(_RENAMING, body))
        if not said.get("name") or not any(said.get(kind) for kind in ("metric", "tagk", "tagv")):
            raise Refused("uid", "Missing necessary values to rename UID")
        instead = "write under the new name, and delete what is under the old with /api/delete_meta"
        raise Refused("not-implemented", "Renaming is not implemented: points are stored with their names", instead)

    async def other(self, scope: Scope, parameters: Parameters, body: bytes, reply: Reply) -> None:
        """OpenTSDB's words for all else. Raises Refused."""
        raise Refused("not-implemented", "Other UID endpoints have not been implemented yet")

    async def _read(
        self, decoder: msgspec.json.Decoder[Meta], kind: type[Meta], parameters: Parameters, body: bytes, method: str
    ) -> Meta:
        """A GET says only what it is about, and that in its parameters."""
        if method == "GET":
            return _of({name: parameters[name] for name in _NAMING if name in parameters}, kind)
        if not body:
            return _of(parameters, kind)
        return await self._pool.read(len(body), lambda: decode_json(decoder, body))

    def _name(self, role: str, uid: str, check: Check) -> str:
        """An id is a hash of the name: all are tried. Raises Refused."""
        names = self._store.suggest(role, "", limits.OPENTSDB_SUGGEST_MAX + 1)
        if len(names) > limits.OPENTSDB_SUGGEST_MAX:
            raise Refused("query-work", f"there are more than {limits.OPENTSDB_SUGGEST_MAX} names to look through")
        for number, name in enumerate(names):
            if not number % 1000:
                check()
            if uid_of(self._store.table, KINDS[role], name) == uid:
                return name
        raise Refused("name-unknown", "Could not find the requested UID", f"No such unique ID for '{role}': {uid}")

    def _series(self, tsuid: str, check: Check) -> SeriesName:
        with self._store.snapshot(check) as snapshot:
            series = snapshot.with_keys(keys_of([tsuid]))
            if series[0] == UNKNOWN:
                raise Refused("name-unknown", NO_SERIES)
            return snapshot.names(series)[0]

    def _all(self, parameters: Parameters, check: Check) -> bytes:
        found, metas = self._found(parameters, check), Shown(self._store)
        return b"[%b]" % b",".join(written(metas.of_series(tsuid, name) for tsuid, name in found))

    def _only(self, parameters: Parameters, check: Check) -> str:
        """The tsuid of the one series that has just these tags. Raises Refused."""
        _, filters = metric_and_filters(_m(parameters))
        wanted = {one.tagk: text_of(one.filter) for one in filters}
        for tsuid, name in self._found(parameters, check):
            if dict(name.tags) == wanted:
                return tsuid
        raise Refused("uid", "Could not find TSMeta", "no series has just these tags")

    def _found(self, parameters: Parameters, check: Check) -> list[tuple[str, SeriesName]]:
        metric, filters = metric_and_filters(_m(parameters))
        said = [short_form(one.tagk or "", text_of(one.filter) or "", group_by=False) for one in filters]
        with self._store.snapshot(check) as snapshot:
            try:
                series = groups.find(snapshot, selection_of(metric, said))
            except Refused as refused:
                if refused.rule != "metric-unknown":
                    raise
                words = f"No such name for 'metrics': '{shown(metric)}'"
                raise Refused("name-unknown", "Unable to find one of the UIDs", words) from refused
            if len(series) > limits.OPENTSDB_METAS_MAX:
                raise Refused("query-work", f"more than {limits.OPENTSDB_METAS_MAX} series match: name more tags")
            return list(zip(tsuids_of(snapshot.keys(series)), snapshot.names(series), strict=True))


def _named(said: UidMeta) -> tuple[str, str]:
    """(role, id in upper case). Raises Refused."""
    for name, value in (("uid", said.uid), ("type", said.type)):
        if not value:
            raise Refused("uid", f"Missing parameter <code>{name}</code>")
    assert said.uid
    assert said.type
    if said.type.lower() not in ROLES:
        raise Refused("uid", f"Invalid type requested: {shown(said.type)}")
    return ROLES[said.type.lower()], said.uid.upper()


def _check_uid(uid: str) -> None:
    if not _HEXADECIMAL.fullmatch(uid):
        raise Refused("uid", f"A UID is made of hexadecimal digits: {shown(uid)}")


def _to_forget(tsuid: str) -> str:
    """In upper case. Raises Refused for one that is none."""
    if not _HEXADECIMAL.fullmatch(tsuid):
        raise Refused("tsuid", "Unable to delete TSMeta information", f"No such name for 'tsuids': '{shown(tsuid)}'")
    return tsuid.upper()


def _well_formed(tsuid: str, is_read: bool) -> str:
    """In upper case. Raises Refused for one that no series can have; a short one is only unknown where it is read."""
    if not _HEXADECIMAL.fullmatch(tsuid) or (len(tsuid) < OPENTSDB_TSUID_DIGITS and not is_read):
        raise Refused(
            "tsuid", "TSUID is too short, may be missing tags", f"No such name for 'tsuids': '{shown(tsuid)}'"
        )
    try:
        keys_of([tsuid])
    except Refused as refused:
        raise Refused("name-unknown", NO_SERIES, refused.detail) from refused
    return tsuid.upper()


def _m(parameters: Parameters) -> str:
    given = parameters.get("m", [""])[0]
    if not given:
        raise Refused("m", "Missing parameter <code>m</code>")
    return given


def _of(given: Parameters, kind: type[Meta]) -> Meta:
    """What a query string says; `custom` has no room there. Raises Refused."""
    names = zip(kind.__struct_fields__, kind.__struct_encode_fields__, strict=True)
    said = {encoded: given[name][0] for name, encoded in names if given.get(name, [""])[0] and name != "custom"}
    return of_parameters(said, kind)
