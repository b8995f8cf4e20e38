"""The paths of this room. A put is plain ASGI with as few steps as possible; every other endpoint is an ASGI app of
its own."""

from __future__ import annotations

import re
from collections.abc import Mapping
from concurrent.futures import Executor
from typing import Final
from urllib.parse import parse_qsl

from starlette.types import ASGIApp, Receive, Scope, Send

from headrace.access.deeds import Deed, Deeds, declared
from headrace.config import Settings
from headrace.errors import Refused, Unavailable
from headrace.intake import StoresPoints
from headrace.metrics import Metrics
from headrace.protocols.opentsdb import faults
from headrace.protocols.opentsdb.about import ABOUT
from headrace.protocols.opentsdb.faults import Answer
from headrace.protocols.opentsdb.names import OPENTSDB_RULES
from headrace.protocols.opentsdb.telnet import telnet
from headrace.protocols.opentsdb.writing.wire import Decode, ReferenceDecoder
from headrace.protocols.opentsdb.writing.write import ROOM, PutService, flags_of
from headrace.transport import Room, alike
from headrace.transport.http.body import read_body
from headrace.transport.senders import sender_of

API: Final = "/api/"

OLD: Final = ("q", "suggest", "aggregators", "version", "stats", "logs")
"""The addresses of OpenTSDB 1.x that this room has, without /api/. What follows them in a path means nothing
(OpenTSDB: HttpQuery.getQueryBaseRoute)."""

PREFIXES: Final = (API, *(f"/{name}" for name in OLD))

_CHANGES: Final[Mapping[str, Deed]] = {"GET": "read", "POST": "write", "PUT": "write", "DELETE": "delete"}

DEEDS: Final[Deeds] = {
    **dict.fromkeys(("health", "vip_health"), "open"),
    **dict.fromkeys(("put", "mput"), "write"),
    # One that deletes asks guard.demand, too: it answers what it deletes, so both are needed.
    "query": "read",
    **dict.fromkeys(("query/last", "query/exp", "query/gexp", "mquery", "query/mlast"), "read"),
    **dict.fromkeys(("suggest", "aggregators", "version", "config", "config/filters", "serializers"), "read"),
    **dict.fromkeys(("search/lookup", "search/annotation", "search/tsmeta", "search/tsmeta_summary"), "read"),
    **dict.fromkeys(("search/tsuids", "search/uidmeta", "search/", "uid/assign", "dump_meta"), "read"),
    **dict.fromkeys(("uid/uidmeta", "uid/tsmeta", "uid/rename", "uid/"), _CHANGES),
    **dict.fromkeys(("annotation", "annotation/bulk", "annotations", "annotations/bulk"), _CHANGES),
    **dict.fromkeys(("delete_data", "delete_meta"), "delete"),
    **dict.fromkeys(("dropcaches", "stats/", "stats/jvm", "stats/threads", "stats/region_clients"), "read"),
    "stats/query": "admin",
    # Those that are not there.
    **dict.fromkeys(("tree/", "rollup", "histogram", "users", "sqlquery", "truncate", "delete_all_table"), "read"),
    **dict.fromkeys(("updatelast", "set_cluster", "tags/"), "read"),
    "ttl": {"GET": "read", "POST": "admin"},
}
"""By path below /api/; "uid/" holds for all below it that is not named."""

SMALL_PUTS: Final = ("/api/put", "/api/put?summary", "/api/put?details", "/api/put?sync")
"""How agents spell a put. Small ones go the short way; in any other spelling, through the app."""

_PUT_PATHS: Final = frozenset(("/api/put", "/api/put/", "/api/v1/put", "/api/v1/put/"))

API_VERSION_MAX: Final = 1

_VERSION = re.compile(r"v([0-9]{1,9})")

_METHODS: Final = frozenset(("GET", "POST", "PUT", "DELETE"))


def room(
    store: StoresPoints,
    settings: Settings,
    metrics: Metrics,
    endpoints: Mapping[str, ASGIApp],
    decode: Decode | None = None,
    executor: Executor | None = None,
    old: Mapping[str, ASGIApp] | None = None,
) -> Room:
    """The OpenTSDB room over one store.

    endpoints: what else there is, by its path below /api/ in lower case ("query", "query/last"; "tree/" holds for
    itself and all below it that has no app of its own); each app words its own wrong methods.   decode: a faster
    decoder, equal to ReferenceDecoder, which stands in when there is none.
    executor: where large bodies are decoded; None: the event loop's own threads.   old: an app for each name of OLD.
    """
    puts = PutService(store, OPENTSDB_RULES, metrics, decode or ReferenceDecoder(store.table), executor)
    lines = telnet(puts, store.table, metrics)
    return Room(
        ROOM,
        PREFIXES,
        OpenTSDBApp(puts, endpoints, old or {}, settings.body_bytes_max),
        alike(faults.refuse),
        lines.session,
        {target.encode(): puts.gathered(flags_of(target.partition("?")[2])) for target in SMALL_PUTS},
        ABOUT,
        deed=deed_of,
    )


class OpenTSDBApp:
    """Everything under /api/ and at the old addresses, as an ASGI app. What it raises (Refused, Unavailable), the
    transport's router has worded.

    endpoints: what there is beside put, by path below /api/.   old: by the first word of a path elsewhere.
    """

    def __init__(
        self, puts: PutService, endpoints: Mapping[str, ASGIApp], old: Mapping[str, ASGIApp], body_bytes_max: int
    ) -> None:
        self._puts = puts
        self.endpoints = endpoints
        self.old = old
        self._body_bytes_max = body_bytes_max

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["path"] in _PUT_PATHS and scope["method"] == "POST":
            await _send(send, await self._put(scope, receive))
            return
        method = overridden_method(scope["method"], scope["query_string"])
        if isinstance(method, Refused):
            await _send(send, faults.refuse(405, method))
            return
        version, endpoint = split_path(scope["path"])
        first = scope["path"].lower().split("/")[1]
        if first in self.old:
            await self.old[first]({**scope, "method": method}, receive, send)
        elif version > API_VERSION_MAX:
            await _send(send, faults.version_too_high(version))
        elif endpoint == "put":
            answer = await self._put(scope, receive) if method == "POST" else faults.method_not_allowed(method)
            await _send(send, answer)
        elif found := self.endpoints.get(endpoint) or self.endpoints.get(endpoint.partition("/")[0] + "/"):
            await found({**scope, "method": method}, receive, send)
        else:
            await _send(send, faults.endpoint_not_found())

    async def _put(self, scope: Scope, receive: Receive) -> Answer:
        flags = flags_of(scope["query_string"].decode("latin-1"))
        try:
            body = await read_body(scope, receive, self._body_bytes_max)
        except Refused as refused:
            self._puts.refuse(refused, sender_of(scope))
            raise
        try:
            return await self._puts.put(body, _content_type(scope), flags, sender_of(scope))
        except Refused as refused:
            return faults.refuse(400, refused, flags.callback)
        except Unavailable as error:
            return faults.unavailable(error, callback=flags.callback)


def overridden_method(method: str, query: bytes) -> str | Refused:
    """The method that counts: a GET may name another by `method_override` (OpenTSDB: HttpQuery.getAPIMethod)."""
    if method != "GET" or b"method_override" not in query:
        return method
    named = dict(parse_qsl(query.decode("latin-1"), keep_blank_values=True)).get("method_override")
    if named is None:
        return method
    if not named:
        return Refused("method-override", "Missing method override value")
    if named.upper() not in _METHODS:
        return Refused("method-override", "Unknown or unsupported method override value", faults.shown(named))
    return named.upper()


def deed_of(scope: Scope) -> Deed:
    """What a request does (transport.Room)."""
    method = overridden_method(scope["method"], scope["query_string"])
    if isinstance(method, Refused) or scope["path"].lower().split("/")[1] in OLD:
        return "read"
    return declared(DEEDS, split_path(scope["path"])[1], method)


def split_path(path: str) -> tuple[int, str]:
    """(API version, path below it in lower case without slashes at its ends) of a path under /api/."""
    parts = path.lower().strip("/").split("/")[1:]
    if parts and (version := _VERSION.fullmatch(parts[0])):
        return int(version.group(1)), "/".join(parts[1:])
    return API_VERSION_MAX, "/".join(parts)


def _content_type(scope: Scope) -> str:
    for name, value in scope["headers"]:
        if name == b"content-type":
            return str(value, "latin-1")
    return ""


async def _send(send: Send, answer: Answer) -> None:
    status, headers, body = answer
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
