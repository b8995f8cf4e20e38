"""A write: decode, gate, store, answer. Good points beside bad ones are kept, and every bad one is answered for by
name."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Protocol

from headrace import limits
from headrace.gate import Admission, RuleSet, admit
from headrace.metrics import Metrics
from headrace.model.points import Admitted, Points
from headrace.model.series import SeriesTable
from headrace.protocols.kairosdb import faults
from headrace.protocols.kairosdb.faults import Answer, Failure, shown
from headrace.protocols.kairosdb.writing.decode import Decode
from headrace.protocols.kairosdb.writing.scan import scan_gathered
from headrace.transport.gathered_writes import GatheredWrites
from headrace.transport.loop_or_thread import LoopOrThread

ROOM = "kairosdb"
"""The label of this room's metrics."""


class StoresDatapoints(Protocol):
    """What writing needs of a store (store.Store)."""

    @property
    def table(self) -> SeriesTable:
        """From keys to ordinals; the gate registers new series here."""
        ...

    async def append(self, points: Admitted) -> int:
        """Durable and visible on return; raises Unavailable."""
        ...


def clock_ms() -> int:
    """Now, in ms since 1970 UTC."""
    return time.time_ns() // 1_000_000


class DatapointsService:
    """Points of this room on their way into the store; HTTP and telnet share it."""

    def __init__(
        self,
        store: StoresDatapoints,
        rules: RuleSet,
        metrics: Metrics,
        decode: Decode,
        now_ms: Callable[[], int] = clock_ms,
    ) -> None:
        self._store = store
        self._rules = rules
        self._decode = decode
        self._bodies = LoopOrThread(limits.KAIROSDB_LOOP_BODY_BYTES_MAX)
        self._now_ms = now_ms
        self._accepted = metrics.points_accepted.labels(ROOM)
        self._refused = metrics.points_refused

    async def write(self, body: bytes) -> Answer:
        """The answer to a body, already decompressed. Raises Unavailable, and then nothing was stored."""
        text, now_ms = _as_utf8(body), self._now_ms()
        decoded = await self._bodies.run(len(text), lambda: self._decode(text, now_ms))
        refused = await self.store(decoded.points, decoded.failures.by_rule)
        if not refused and not decoded.failures:
            return faults.done()
        return faults.errors(400, decoded.failures.texts(refused))

    async def store(self, points: Points, bad: Counter[str]) -> list[Failure]:
        """Store what the gate lets through, and count it and the refusals. Returns the gate's refusals, each placed
        as its key.

        bad: what was refused before, points by broken rule. Raises Unavailable, and then nothing is stored or counted.
        """
        admission = self._admit(points)
        if len(admission.admitted):
            await self._append(admission.admitted)
        failures = [
            Failure(place, refused.rule, f"metric[{place}](name={shown(name.metric)}) {refused.detail}.")
            for place, refused, name in admission.refused
        ]
        if failures:
            lost = len(points) - len(admission.admitted)
            # Points are counted under the rule of the first: a batch breaks more than one as good as never.
            bad = bad + Counter({failures[0].rule: lost})
        for rule, count in bad.items():
            self._refused.labels(ROOM, rule).inc(count)
        return failures

    def gathered(self) -> GatheredWrites:
        """The short way of small bodies."""
        secret, answer = self._store.table.secret, faults.done()

        def scan(bodies: Sequence[bytes]) -> tuple[Points, list[int]]:
            return scan_gathered([_as_utf8(body) for body in bodies], secret, self._now_ms())

        return GatheredWrites(scan, self._admit_all, self._append, lambda metrics: answer)

    def now_ms(self) -> int:
        """The moment of a write."""
        return self._now_ms()

    def _admit(self, points: Points) -> Admission:
        return admit(points, self._rules, self._store.table)

    def _admit_all(self, points: Points) -> Admitted | None:
        admission = self._admit(points)
        return None if admission.refused else admission.admitted

    async def _append(self, admitted: Admitted) -> None:
        await self._store.append(admitted)
        self._accepted.inc(len(admitted))


def _as_utf8(body: bytes) -> bytes:
    """Malformed UTF-8 becomes U+FFFD, as in Java."""
    return body if body.isascii() else body.decode(errors="replace").encode()
