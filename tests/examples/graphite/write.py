"""Points on their way into the store. Graphite's clients hear nothing: what is refused goes to the log and the
metrics."""

from __future__ import annotations

from collections import Counter
from typing import Protocol

import structlog

from graphite.names import GRAPHITE_RULES, ROOM, read_name
from graphite.wire import decode
from headrace.gate import admit
from headrace.metrics import Metrics
from headrace.model.points import Admitted
from headrace.model.series import SeriesTable
from headrace.model.spelling import KeyCache
from headrace.model.time import Clock
from headrace.transport import LineReply
from headrace.transport.few_per_minute import FewPerMinute

log = structlog.get_logger(__name__)

REASONS_MAX = 3
"""Refused lines of one block whose reasons go to the log."""


class Appends(Protocol):
    """What writing needs of a store (store.Store)."""

    @property
    def table(self) -> SeriesTable:
        """From keys to ordinals; the gate registers new series here."""
        ...

    async def append(self, points: Admitted) -> int:
        """Durable and visible on return; raises Unavailable."""
        ...


class LineSession:
    """Any connection (transport.LineSession): none has a state of its own, so that all share this one."""

    def __init__(self, store: Appends, metrics: Metrics, clock: Clock) -> None:
        self._store = store
        self._keys = KeyCache(store.table, read_name)
        self._clock = clock
        self._few = FewPerMinute(clock)
        self._accepted = metrics.points_accepted.labels(ROOM)
        self._refused = metrics.points_refused

    async def feed(self, block: bytes) -> LineReply:
        """Take whole lines; returns when their points are durable. Raises Unavailable, and then nothing is stored or
        counted, and the transport feeds the block again."""
        points, refused = decode(block, self._keys, self._clock())
        admission = admit(points, GRAPHITE_RULES, self._store.table)
        if len(admission.admitted):
            await self._store.append(admission.admitted)
            self._accepted.inc(len(admission.admitted))
        refused += [(place, why) for place, why, _ in admission.refused]
        for rule, count in Counter(why.rule for _, why in refused).items():
            self._refused.labels(ROOM, rule).inc(count)
        if refused:
            self._tell([f"line {place + 1}: {why.detail}" for place, why in refused[:REASONS_MAX]])
        return LineReply()

    def line_too_long(self) -> LineReply:
        """A line that was dropped."""
        self._refused.labels(ROOM, "line-too-long").inc()
        self._tell(["a line is too long"])
        return LineReply()

    def _tell(self, reasons: list[str]) -> None:
        untold = self._few.tell()
        if untold is not None:
            log.warning("lines refused", room=ROOM, reasons=reasons, blocks_untold_before=untold)
