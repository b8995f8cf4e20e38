"""The room put together: what serve.py asks for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from starlette.types import ASGIApp

from headrace.config import OpenTSDBTimes, Settings
from headrace.metrics import Metrics
from headrace.protocols.opentsdb import routes
from headrace.protocols.opentsdb.catalog.metas import KeepsMetas
from headrace.protocols.opentsdb.catalog.search import SearchPages
from headrace.protocols.opentsdb.catalog.uids import METHODS as UID_METHODS
from headrace.protocols.opentsdb.catalog.uids import UidPages
from headrace.protocols.opentsdb.expressions.exp import ExpQueries
from headrace.protocols.opentsdb.expressions.gexp import GexpQueries
from headrace.protocols.opentsdb.managing.annotation_lists import AnnotationLists
from headrace.protocols.opentsdb.managing.annotations import BULK_METHODS, METHODS, Annotations, KeepsAnnotations
from headrace.protocols.opentsdb.managing.deletes import Deletes, DeleteService
from headrace.protocols.opentsdb.managing.query_deletes import QUERY_METHODS, QueryDeletes
from headrace.protocols.opentsdb.managing.ttl import TimeToLiveService
from headrace.protocols.opentsdb.multi_field.last import MultiFieldLast
from headrace.protocols.opentsdb.multi_field.put import MultiFieldPuts
from headrace.protocols.opentsdb.multi_field.query import MultiFieldQueries
from headrace.protocols.opentsdb.old import words
from headrace.protocols.opentsdb.old.graph import Graph
from headrace.protocols.opentsdb.old.pages import old_pages
from headrace.protocols.opentsdb.reading.last import LastPoints
from headrace.protocols.opentsdb.reading.names import NameQuestions
from headrace.protocols.opentsdb.reading.read import OpenTSDBQueries
from headrace.protocols.opentsdb.reply import endpoint
from headrace.protocols.opentsdb.telling.absent import ANY_METHOD, absent_pages
from headrace.protocols.opentsdb.telling.health import TakesPoints, health_pages
from headrace.protocols.opentsdb.telling.pages import server_pages
from headrace.protocols.opentsdb.telling.queries import QueryWatch
from headrace.protocols.opentsdb.writing.scan import ScanningDecoder
from headrace.protocols.opentsdb.writing.wire import ReferenceDecoder
from headrace.query.pool import QueryPool
from headrace.store import Store
from headrace.transport import Room
from headrace.transport.http.body import read_body


class ServesOpenTSDB(Store, TakesPoints, Protocol):
    """What this room needs of a store (store.embedded.store.EmbeddedStore)."""


def open_room(store: ServesOpenTSDB, settings: Settings, metrics: Metrics, pool: QueryPool) -> Room:
    """The room over a store.

    pool: where the questions of all rooms run. Large bodies are decoded on the loop's own threads, out of their way.
    """
    endpoints = {
        **read_endpoints(store, settings, metrics, pool),
        **alibaba_endpoints(store, settings, metrics, pool),
    }
    decode = ScanningDecoder(ReferenceDecoder(store.table), store.table.secret)
    old = old_addresses(endpoints, OpenTSDBQueries(store, pool, Annotations(store)), settings, metrics)
    return routes.room(store, settings, metrics, endpoints, decode, old=old)


def old_addresses(
    endpoints: Mapping[str, ASGIApp], queries: OpenTSDBQueries, settings: Settings, metrics: Metrics
) -> dict[str, ASGIApp]:
    """An app for each name of routes.OLD. endpoints: by path below /api/."""
    handlers = {"q": Graph(queries).q, **old_pages(metrics)}
    return {
        **{name: endpoints[name] for name in ("suggest", "aggregators")},
        **{name: endpoint(one, settings.body_bytes_max, words=words.refuse) for name, one in handlers.items()},
    }


def alibaba_endpoints(store: Store, settings: Settings, metrics: Metrics, pool: QueryPool) -> dict[str, ASGIApp]:
    """What only Alibaba has: multi-field points, deletes, and time to live. Here times are told as they were written
    unless all are to be milliseconds; the latest points in milliseconds always."""
    deletes = DeleteService(store, pool)
    told: OpenTSDBTimes = "milliseconds" if settings.opentsdb_times == "milliseconds" else "as-written"
    handlers = {
        "mquery": MultiFieldQueries(store, pool, told).mquery,
        "query/mlast": MultiFieldLast(store, pool).mlast,
        "ttl": TimeToLiveService(store, settings).ttl,
    }
    writing = {
        "delete_data": deletes.delete_data,
        "delete_meta": deletes.delete_meta,
    }
    return {
        "mput": endpoint(MultiFieldPuts(store, metrics).mput, settings.body_bytes_max, ("POST",), read_body),
        **{path: endpoint(handler, settings.body_bytes_max) for path, handler in handlers.items()},
        **{path: endpoint(handler, settings.body_bytes_max, ("POST",)) for path, handler in writing.items()},
    }


class ReadsAndTells(Deletes, KeepsAnnotations, KeepsMetas, TakesPoints, Protocol):
    """What the endpoints need of a store, all together."""


def read_endpoints(store: ReadsAndTells, settings: Settings, metrics: Metrics, pool: QueryPool) -> dict[str, ASGIApp]:
    """Everything but put, by its path below /api/ in lower case."""
    annotations = Annotations(store)
    names = NameQuestions(store, pool)
    queries = OpenTSDBQueries(store, pool, annotations, settings.opentsdb_times)
    watch = QueryWatch()
    handlers = {
        "query/last": LastPoints(store, pool, settings.opentsdb_times).last,
        "suggest": names.suggest,
        "search/lookup": names.lookup,
        "uid/assign": names.uid_assign,
        "dump_meta": names.dump_meta,
        **server_pages(settings, metrics, watch),
        **health_pages(store),
    }
    endpoints = {path: endpoint(handler, settings.body_bytes_max) for path, handler in handlers.items()}
    deleting = QueryDeletes(queries, store, pool, settings.opentsdb_delete)
    endpoints["query"] = endpoint(watch.watching(deleting.query), settings.body_bytes_max, QUERY_METHODS)
    exp = ExpQueries(store, pool, annotations)
    endpoints["query/exp"] = endpoint(exp.exp, settings.body_bytes_max, ("POST",))
    endpoints["query/gexp"] = endpoint(GexpQueries(queries).gexp, settings.body_bytes_max, ("GET",))
    for path, handler in absent_pages().items():
        endpoints[path] = endpoint(handler, settings.body_bytes_max, ANY_METHOD)
    endpoints |= catalog_endpoints(store, settings, pool, annotations)
    lists = AnnotationLists(annotations, pool)
    for path, handler in (("annotation", annotations.annotation), ("annotations", lists.annotations)):
        endpoints[path] = endpoint(handler, settings.body_bytes_max, METHODS)
        endpoints[f"{path}/bulk"] = endpoint(annotations.bulk, settings.body_bytes_max, BULK_METHODS)
    return endpoints


def catalog_endpoints(
    store: ReadsAndTells, settings: Settings, pool: QueryPool, annotations: Annotations
) -> dict[str, ASGIApp]:
    """Those about names and series that are neither suggest nor lookup."""
    search = SearchPages(store, pool, annotations.everything).by_path()
    uids = UidPages(store, pool).by_path()
    return {
        **{path: endpoint(handler, settings.body_bytes_max) for path, handler in search.items()},
        **{path: endpoint(handler, settings.body_bytes_max, UID_METHODS[path]) for path, handler in uids.items()},
    }
