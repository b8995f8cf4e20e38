"""The room put together: what serve.py asks for."""

from __future__ import annotations

from typing import Protocol

from headrace.config import Settings
from headrace.metrics import Metrics
from headrace.model.time import Clock, wall_clock
from headrace.protocols.kairosdb import faults
from headrace.protocols.kairosdb.about import ABOUT
from headrace.protocols.kairosdb.endpoints import Endpoint, ListsAndDeletes, SmallEndpoints
from headrace.protocols.kairosdb.names import KAIROSDB_RULES
from headrace.protocols.kairosdb.reading.read import KairosDBQueries, ReadsAndSaves, read_endpoints
from headrace.protocols.kairosdb.rollups.endpoints import RollupEndpoints
from headrace.protocols.kairosdb.rollups.runner import ComputesRollups, Runner
from headrace.protocols.kairosdb.rollups.shown import RollupMetrics
from headrace.protocols.kairosdb.rollups.tasks import Tasks
from headrace.protocols.kairosdb.routes import PREFIXES, SMALL_WRITES, KairosDBApp, deed_of
from headrace.protocols.kairosdb.telnet import OWN_COMMANDS, Telnet
from headrace.protocols.kairosdb.types.registry import CustomType, Types
from headrace.protocols.kairosdb.writing.decode import ReferenceDecoder
from headrace.protocols.kairosdb.writing.scan import ScanningDecoder
from headrace.protocols.kairosdb.writing.write import ROOM, DatapointsService
from headrace.query.pool import QueryPool
from headrace.settings.quantities import parse_duration_ms
from headrace.transport import Room, alike


class ServesKairosDB(ComputesRollups, ListsAndDeletes, ReadsAndSaves, Protocol):
    """What this room needs of a store (store.embedded.store.EmbeddedStore)."""


def open_room(
    store: ServesKairosDB, settings: Settings, metrics: Metrics, pool: QueryPool, clock: Clock = wall_clock
) -> Room:
    """The room over a store.

    clock: by which roll-ups go.   pool: where the questions of all rooms run. Large bodies are decoded on the loop's
    own threads, out of their way.
    """
    types = Types(CustomType(name, name, fields) for name, fields in settings.kairosdb_types.items())
    decode = ScanningDecoder(ReferenceDecoder(store.table, types), store.table.secret)
    writes = DatapointsService(store, KAIROSDB_RULES, metrics, decode)
    queries = KairosDBQueries(store, pool, types.group_of, KAIROSDB_RULES)
    questions = read_endpoints(queries, settings.body_bytes_max)
    tasks = Tasks(store, [parse_duration_ms(after) for after in settings.kairosdb_rollups_after], clock)
    shown = RollupMetrics(metrics, tasks, clock)
    runner = Runner(store, tasks, KAIROSDB_RULES, types.group_of, clock, shown.failed)
    small_endpoints = SmallEndpoints(store, pool, settings.body_bytes_max).by_path()
    endpoints = small_endpoints | RollupEndpoints(store, tasks, pool, clock).by_path()
    endpoints["admin/runningqueries"] = Endpoint({"GET": queries.running.listed})
    app = KairosDBApp(writes, questions, endpoints, settings.body_bytes_max)
    lines = Telnet(writes, store.table)
    small = {target.encode(): writes.gathered() for target in SMALL_WRITES}
    return Room(
        *(ROOM, PREFIXES, app, alike(faults.refuse), lines.session, small, ABOUT, runner.running, OWN_COMMANDS),
        deed=deed_of,
    )
