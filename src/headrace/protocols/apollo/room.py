"""The room put together: what serve.py asks for."""

from __future__ import annotations

from typing import Protocol

from headrace.access.authority import Authority
from headrace.config import Settings
from headrace.metrics import Metrics
from headrace.model.time import Clock, wall_clock
from headrace.protocols.apollo import faults
from headrace.protocols.apollo.about import ABOUT
from headrace.protocols.apollo.access import Access
from headrace.protocols.apollo.names import ROOM
from headrace.protocols.apollo.reading.cursor import Tokens
from headrace.protocols.apollo.reading.read import SampleQueries
from headrace.protocols.apollo.registrations import Registrations
from headrace.protocols.apollo.routes import PREFIXES, ApolloApp
from headrace.protocols.apollo.writing.decode import decode
from headrace.protocols.apollo.writing.scan import ScanningDecoder
from headrace.protocols.apollo.writing.write import SamplesService, StoresSamples
from headrace.query.pool import QueryPool, Reads
from headrace.transport import Room
from headrace.transport.guarding.denials import Denials


class ServesApollo(StoresSamples, Reads, Protocol):
    """What this room needs of a store (store.Store)."""


def open_room(
    store: ServesApollo,
    settings: Settings,
    metrics: Metrics,
    pool: QueryPool,
    authority: Authority,
    clock: Clock = wall_clock,
) -> Room:
    """The room over a store.

    pool: where the questions of all rooms run. Large bodies are decoded on the loop's own threads, out of their way.
    """
    registrations = Registrations(store)
    decoder = ScanningDecoder(decode, store.table.secret)
    writes = SamplesService(store, registrations, metrics, decoder, clock)
    samples = SampleQueries(store, registrations, pool, Tokens(store.table.secret))
    access = Access(authority, settings.apollo_org_id)
    denials = Denials(metrics.requests_denied, ROOM, clock)
    app = ApolloApp(writes, samples, registrations, access, denials, settings.apollo_org_id, settings.body_bytes_max)
    return Room(ROOM, PREFIXES, app, faults.refuse, about=ABOUT, asks_itself=True)
