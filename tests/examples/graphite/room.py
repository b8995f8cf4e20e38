"""The room put together: what serve.py asks for."""

from __future__ import annotations

from graphite.about import ABOUT
from graphite.names import ROOM
from graphite.write import Writes
from headrace.intake import StoresPoints
from headrace.metrics import Metrics
from headrace.model.time import Clock, wall_clock
from headrace.transport import Room, lines_only


def open_room(store: StoresPoints, metrics: Metrics, clock: Clock = wall_clock) -> Room:
    """The room over a store. It only writes: what it took is read by the other rooms."""
    writes = Writes(store, metrics, clock)
    return lines_only(ROOM, writes.session, ABOUT)
