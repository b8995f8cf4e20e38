"""Points on their way into the store. Graphite's clients hear nothing: what is refused goes to the log and the
metrics, as in every room."""

from __future__ import annotations

from collections import Counter

from graphite.names import GRAPHITE_RULES, ROOM, read_name
from graphite.wire import decode
from headrace.intake import Intake, PointCounts, Refusal, RefusedPoints, StoresPoints
from headrace.metrics import Metrics
from headrace.model.spelling import KeyCache
from headrace.model.time import Clock
from headrace.transport import LineReply, Sender


class Writes:
    """What all connections share."""

    def __init__(self, store: StoresPoints, metrics: Metrics, clock: Clock) -> None:
        self.intake = Intake(store, GRAPHITE_RULES, PointCounts(metrics, ROOM, clock))
        self.keys = KeyCache(store.table, read_name)
        self.clock = clock

    def session(self, sender: Sender) -> LineSession:
        """A new connection's session."""
        return LineSession(self, sender)


class LineSession:
    """One connection (transport.LineSession)."""

    def __init__(self, writes: Writes, sender: Sender) -> None:
        self._writes = writes
        self._sender = sender.address

    async def feed(self, block: bytes, first_line: int, others: object = None) -> LineReply:
        """Take whole lines; returns when their points are durable. Raises Unavailable, and then nothing is stored or
        counted, and the transport feeds the block again. Every first word is a path here, whatever command of other
        dialects it looks like."""
        writes = self._writes
        points, refused = decode(block, writes.keys, writes.clock())
        admission = writes.intake.admit(points)
        by_rule = Counter(why.rule for _, why in refused) + admission.by_rule
        first = [Refusal(why.rule, f"line {first_line + place}", "", why.detail) for place, why in refused]
        first += [
            Refusal(why.rule, f"line {first_line + place}", name.metric, why.detail)
            for place, why, name in admission.refused
        ]
        await writes.intake.append(admission.admitted, RefusedPoints(by_rule, first, self._sender))
        return LineReply()

    def line_too_long(self, line: int) -> LineReply:
        """A line that was dropped."""
        refusal = Refusal("line-too-long", f"line {line}", "", "the line is too long")
        self._writes.intake.refuse(RefusedPoints({"line-too-long": 1}, [refusal], self._sender))
        return LineReply()
