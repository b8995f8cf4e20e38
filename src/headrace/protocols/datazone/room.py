"""The room put together: what serve.py asks for."""

from __future__ import annotations

from typing import Protocol

from headrace import limits
from headrace.access.authority import Authority
from headrace.config import Settings
from headrace.metrics import Metrics
from headrace.model.time import Clock, wall_clock
from headrace.protocols.datazone import faults
from headrace.protocols.datazone.about import ABOUT
from headrace.protocols.datazone.names import ROOM
from headrace.protocols.datazone.reading.read import FormQueries, ReadsForms
from headrace.protocols.datazone.reading.read_types import TypeQueries
from headrace.protocols.datazone.routes import ROOT, DataZoneApp
from headrace.protocols.datazone.sigv4 import Signatures
from headrace.protocols.datazone.writing.write import FormsService, KeepsForms
from headrace.transport import Room, alike
from headrace.transport.guarding.denials import Denials


class ServesDataZone(KeepsForms, ReadsForms, Protocol):
    """What this room needs of a store (store.Store)."""


def open_room(
    store: ServesDataZone, settings: Settings, metrics: Metrics, authority: Authority, clock: Clock = wall_clock
) -> Room:
    """The room over a store."""
    # A prefix of nothing is ROOT itself.
    roots = tuple(dict.fromkeys((ROOT, settings.datazone_prefix + ROOT)))
    app = DataZoneApp(
        FormsService(store, metrics, clock, settings.datazone_points),
        FormQueries(store),
        TypeQueries(store),
        authority,
        Signatures(authority.aws_key, settings.datazone_region, clock),
        Denials(metrics.requests_denied, ROOM, clock),
        roots,
        min(settings.body_bytes_max, limits.DATAZONE_BODY_BYTES_MAX),
    )
    return Room(ROOM, tuple(root.lower() for root in roots), app, alike(faults.refuse), about=ABOUT, asks_itself=True)
