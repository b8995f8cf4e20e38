"""The way of a room's points into the store: through the gate by the room's rules, durable, and counted; and the trace
that a refused point leaves, whether its sender reads an answer or not.

What a body means is decided before, and what its sender hears after this; in between all rooms take the same steps.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final, NamedTuple, Protocol

import structlog

from headrace import limits
from headrace.errors import Refused
from headrace.gate import Admission, RuleSet, admit
from headrace.metrics import Metrics
from headrace.model.cut_text import cut
from headrace.model.few_per_minute import FewPerMinute
from headrace.model.points import Admitted, Points
from headrace.model.series import Registry
from headrace.model.time import Clock, wall_clock

log = structlog.get_logger(__name__)


class StoresPoints(Protocol):
    """What points need of a store on their way in (store.Store)."""

    @property
    def table(self) -> Registry:
        """From keys to ordinals; the gate registers new series here."""
        ...

    async def append(self, points: Admitted) -> int:
        """Durable and visible on return; raises Unavailable."""
        ...


class Refusal(NamedTuple):
    """One refused point, as the log tells of it.

    where: its place in what was sent, such as `[3]` or `line 17`.   metric: as far as it can be seen, else "".
    """

    rule: str
    where: str
    metric: str
    reason: str


class RefusedPoints(NamedTuple):
    """What was refused of a request.

    by_rule: all points, by the broken rule.   first: the first of them, as many as are worded; asked only for what is
    told.   sender: address.
    """

    by_rule: Mapping[str, int] = MappingProxyType({})
    first: Iterable[Refusal] = ()
    sender: str = ""


NOTHING_REFUSED: Final = RefusedPoints()


def refused_whole(refused: Refused, sender: str, points: int = 1) -> RefusedPoints:
    """A request that is refused as a whole.   points: how many it brought, as far as that is known."""
    reason = f"{refused.detail}: {refused.at}" if refused.at else refused.detail
    return RefusedPoints({refused.rule: points}, [Refusal(refused.rule, "all", "", reason)], sender)


class PointCounts:
    """The counts of one room's points in the metrics, and the names of the first refused ones of each minute and reason
    in the log. On the event loop."""

    def __init__(self, metrics: Metrics, room: str, clock: Clock = wall_clock) -> None:
        self._room = room
        self._clock = clock
        self._accepted = metrics.points_accepted.labels(room)
        self._refused = metrics.points_refused
        self._few: dict[str, FewPerMinute] = {}
        """By rule, which are few."""

    def add_accepted(self, points: int) -> None:
        """Points that are durable."""
        self._accepted.inc(points)

    def add_refused(self, refused: RefusedPoints) -> None:
        """Points that were refused."""
        left = dict(refused.by_rule)
        for rule, points in refused.by_rule.items():
            self._refused.labels(self._room, rule).inc(points)
            if rule not in self._few:
                self._few[rule] = FewPerMinute(self._clock, limits.REFUSED_TOLD_PER_MINUTE)
        open_rules = {rule for rule in left if self._few[rule].left() > 0}
        for one in refused.first if open_rules else ():
            if one.rule not in open_rules:
                continue
            self._tell(one, refused.sender)
            left[one.rule] -= 1
            if self._few[one.rule].left() <= 0:
                open_rules.discard(one.rule)
                if not open_rules:
                    break
        for rule, points in left.items():
            self._few[rule].leave_out(points)

    def _tell(self, one: Refusal, sender: str) -> None:
        log.warning(
            "point refused",
            room=self._room,
            reason=one.rule,
            metric=cut(one.metric, limits.REFUSED_SHOWN_TEXT_MAX, "..."),
            where=one.where,
            why=cut(one.reason, limits.REFUSED_SHOWN_TEXT_MAX, "..."),
            sender=sender,
            untold_before=self._few[one.rule].tell(),
        )


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

    async def append(self, admitted: Admitted, refused: RefusedPoints = NOTHING_REFUSED) -> None:
        """Store what was admitted, if anything was; then count it, and what was refused beside it.

        Durable and visible on return. Raises Unavailable, and then nothing is counted.
        """
        if len(admitted):
            await self._store.append(admitted)
            self._counts.add_accepted(len(admitted))
        if refused.by_rule:
            self._counts.add_refused(refused)

    def refuse(self, refused: RefusedPoints) -> None:
        """Count what is refused before anything was admitted."""
        self._counts.add_refused(refused)
