"""The room put together: what serve.py asks for."""

from __future__ import annotations

from graphite.about import ABOUT
from graphite.names import ROOM
from graphite.write import Appends, LineSession
from headrace.metrics import Metrics
from headrace.model.time import Clock, wall_clock
from headrace.transport import Room, lines_only


def open_room(store: Appends, metrics: Metrics, clock: Clock = wall_clock) -> Room:
    """The room over a store. It only writes: what it took is read by the other rooms."""
    session = LineSession(store, metrics, clock)
    return lines_only(ROOM, lambda: session, ABOUT)
