"""The room put together: what serve.py asks for."""

from __future__ import annotations

from concurrent.futures import Executor

from headrace.config import Settings
from headrace.metrics import Metrics
from headrace.protocols.opentsdb import routes
from headrace.protocols.opentsdb.read import read_endpoints
from headrace.protocols.opentsdb.scan import ScanningDecoder
from headrace.protocols.opentsdb.wire import ReferenceDecoder
from headrace.store import Store
from headrace.transport import Room


def open_room(store: Store, settings: Settings, metrics: Metrics, query_pool: Executor) -> Room:
    """The room over a store.

    query_pool: threads for queries alone; large bodies are decoded on the loop's own threads, where no query is in
    their way.
    """
    endpoints = read_endpoints(store, query_pool, settings.body_bytes_max)
    decode = ScanningDecoder(ReferenceDecoder(store.table), store.table.secret)
    return routes.room(store, settings, metrics, endpoints, decode)
