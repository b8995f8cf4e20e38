"""The way of a room's points into the store: through the gate by the room's rules, durable, and counted.

What a body means is decided before, and what its sender hears after this; in between all rooms take the same steps.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, Protocol

from headrace.gate import Admission, RuleSet, admit
from headrace.metrics import Metrics
from headrace.model.points import Admitted, Points
from headrace.model.series import SeriesTable

NOTHING_REFUSED: Final[Mapping[str, int]] = MappingProxyType({})


class StoresPoints(Protocol):
    """What points need of a store on their way in (store.Store)."""

    @property
    def table(self) -> SeriesTable:
        """From keys to ordinals; the gate registers new series here."""
        ...

    async def append(self, points: Admitted) -> int:
        """Durable and visible on return; raises Unavailable."""
        ...


class PointCounts:
    """The counts of one room's points in the metrics."""

    def __init__(self, metrics: Metrics, room: str) -> None:
        self._room = room
        self._accepted = metrics.points_accepted.labels(room)
        self._refused = metrics.points_refused

    def add_accepted(self, points: int) -> None:
        """Points that are durable."""
        self._accepted.inc(points)

    def add_refused(self, by_rule: Mapping[str, int]) -> None:
        """Points that were refused, by the broken rule."""
        for rule, points in by_rule.items():
            self._refused.labels(self._room, rule).inc(points)


class Intake:
    """Points of one room and one set of rules on their way into the store."""

    def __init__(self, store: StoresPoints, rules: RuleSet, counts: PointCounts) -> None:
        self._store = store
        self._rules = rules
        self._counts = counts

    def admit(self, points: Points) -> Admission:
        """What of a batch may be stored, and why not the rest. Any thread. Raises Unavailable."""
        return admit(points, self._rules, self._store.table)

    def admit_all(self, points: Points) -> Admitted | None:
        """As `admit`, None when it refuses any point."""
        admission = self.admit(points)
        return None if admission.refused else admission.admitted

    async def append(self, admitted: Admitted, refused: Mapping[str, int] = NOTHING_REFUSED) -> None:
        """Store what was admitted, if anything was; then count it, and what was refused beside it by broken rule.

        Durable and visible on return. Raises Unavailable, and then nothing is counted.
        """
        if len(admitted):
            await self._store.append(admitted)
            self._counts.add_accepted(len(admitted))
        if refused:
            self._counts.add_refused(refused)
