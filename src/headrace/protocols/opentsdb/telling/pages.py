"""What the server says of itself: version, aggregators, filters, configuration, statistics, serializers."""

from __future__ import annotations

import msgspec
from starlette.types import Scope

from headrace import limits
from headrace.config import Settings
from headrace.metrics import Metrics
from headrace.protocols.opentsdb.faults import JSON_TYPE
from headrace.protocols.opentsdb.reading.filters import described
from headrace.protocols.opentsdb.reply import Handler, Parameters, Reply
from headrace.protocols.opentsdb.telling.process import process_figures, threads
from headrace.protocols.opentsdb.telling.queries import QueryWatch
from headrace.protocols.opentsdb.telling.stats import server_stats
from headrace.protocols.opentsdb.telling.version import VERSION_JSON
from headrace.query.functions import AGGREGATORS

DROPPED = msgspec.json.encode({"status": "200", "message": "Caches dropped"})
"""No cache here can be stale, so there is nothing to drop (OpenTSDB: DropCachesRpc)."""

_FORMATTERS = (
    "AggregatorsV1",
    "AnnotationV1",
    "ConfigV1",
    "DropCachesV1",
    "ErrorV1",
    "FiltersV1",
    "LastPointQueryV1",
    "NotFoundV1",
    "PutV1",
    "QueryAsyncV1",
    "SearchResultsV1",
    "SerializersV1",
    "StatsV1",
    "SuggestV1",
    "UidAssignV1",
    "VersionV1",
)
_PARSERS = ("AnnotationV1", "LastPointQueryV1", "PutV1", "QueryV1", "SearchQueryV1", "SuggestV1", "UidAssignV1")

SERIALIZERS = msgspec.json.encode(
    [
        {
            "serializer": "json",
            "class": "net.opentsdb.tsd.HttpJsonSerializer",
            "request_content_type": "application/json",
            "response_content_type": JSON_TYPE[1].decode(),
            "formatters": _FORMATTERS,
            "parsers": _PARSERS,
        }
    ]
)
"""OpenTSDB: HttpQuery.getSerializerStatus."""


def server_pages(settings: Settings, metrics: Metrics, watch: QueryWatch) -> dict[str, Handler]:
    """The endpoints by their path below /api/. None of them reads a point. watch: of /api/query."""

    def constant(text: bytes) -> Handler:
        async def answer(scope: Scope, parameters: Parameters, body: bytes, reply: Reply) -> None:
            await reply.whole(text)

        return answer

    async def stats(scope: Scope, parameters: Parameters, body: bytes, reply: Reply) -> None:
        found = [
            {"metric": stat.metric, "timestamp": stat.timestamp_s, "value": stat.value, "tags": stat.tags}
            for stat in server_stats(metrics)
        ]
        await reply.whole(msgspec.json.encode(found))

    async def jvm(scope: Scope, parameters: Parameters, body: bytes, reply: Reply) -> None:
        await reply.whole(msgspec.json.encode(process_figures()))

    async def thread_list(scope: Scope, parameters: Parameters, body: bytes, reply: Reply) -> None:
        await reply.whole(msgspec.json.encode(threads()))

    return {
        "version": constant(VERSION_JSON),
        "aggregators": constant(msgspec.json.encode(list(AGGREGATORS))),
        "config/filters": constant(msgspec.json.encode(described())),
        "config": constant(msgspec.json.encode(configuration(settings))),
        "dropcaches": constant(DROPPED),
        "serializers": constant(SERIALIZERS),
        "stats/": stats,
        "stats/query": watch.query,
        "stats/jvm": jvm,
        "stats/threads": thread_list,
        "stats/region_clients": constant(b"[]"),  # of HBase, which is not here
    }


def configuration(settings: Settings) -> dict[str, str]:
    """The settings of OpenTSDB that have a counterpart here, by their names there and all as text (OpenTSDB:
    ShowConfig)."""
    return {
        "tsd.core.auto_create_metrics": "true",
        "tsd.core.auto_create_tagks": "true",
        "tsd.core.auto_create_tagvs": "true",
        "tsd.core.tag.allow_specialchars": "():,[]=#",
        "tsd.core.timezone": "UTC",
        "tsd.http.query.allow_delete": "true" if settings.opentsdb_delete else "false",
        "tsd.http.request.enable_chunked": "true",
        "tsd.http.request.max_chunk": str(settings.body_bytes_max),
        "tsd.network.bind": settings.listening[0].host,
        "tsd.network.port": ",".join(str(listener.port) for listener in settings.listening),
        "tsd.query.timeout": str(round(settings.query_timeout_s * 1000)),
        "tsd.storage.enable_appends": "false",
        "tsd.storage.fix_duplicates": "true",
        "tsd.storage.max_tags": str(limits.OPENTSDB_TAGS_MAX),
    }
