"""A write: decode, gate, store, answer. Good points beside bad ones are kept, and every bad one is answered for by
name."""

from __future__ import annotations

import itertools
import time
from collections import Counter
from collections.abc import Callable, Sequence

from headrace import limits
from headrace.errors import Refused
from headrace.gate import Admission, RuleSet
from headrace.intake import Intake, PointCounts, Refusal, RefusedPoints, StoresPoints, refused_whole
from headrace.metrics import Metrics
from headrace.model.json_pieces import work_of
from headrace.model.points import Points
from headrace.protocols.kairosdb import faults
from headrace.protocols.kairosdb.faults import Answer, Failure, shown
from headrace.protocols.kairosdb.writing.decode import Decode, Decoded
from headrace.protocols.kairosdb.writing.scan import scan_gathered
from headrace.transport.gathered_writes import GatheredWrites
from headrace.transport.loop_or_thread import LoopOrThread

ROOM = "kairosdb"
"""The label of this room's metrics."""


def clock_ms() -> int:
    """Now, in ms since 1970 UTC."""
    return time.time_ns() // 1_000_000


class DatapointsService:
    """Points of this room on their way into the store; HTTP and telnet share it."""

    def __init__(
        self,
        store: StoresPoints,
        rules: RuleSet,
        metrics: Metrics,
        decode: Decode,
        now_ms: Callable[[], int] = clock_ms,
    ) -> None:
        self._secret = store.table.secret
        self._intake = Intake(store, rules, PointCounts(metrics, ROOM))
        self._decode = decode
        self._bodies = LoopOrThread(limits.KAIROSDB_LOOP_BODY_BYTES_MAX)
        self._now_ms = now_ms

    async def write(self, body: bytes, sender: str = "") -> Answer:
        """The answer to a body, already decompressed. Raises Refused when it fails as a whole, Unavailable; and then
        nothing was stored."""
        try:
            decoded, admission = await self._bodies.run(work_of(body), lambda: self._read(body))
        except Refused as whole:
            self.refuse(refused_whole(whole, sender))
            raise
        first = map(Failure.refusal, decoded.failures.first)
        refused = await self.store(admission, RefusedPoints(decoded.failures.by_rule, first, sender))
        if not refused and not decoded.failures:
            return faults.done()
        unworded = len(admission.left_out) - len(refused)
        return faults.errors(400, decoded.failures.texts(refused, unworded))

    def _read(self, body: bytes) -> tuple[Decoded, Admission]:
        """What a body means and what of it may be stored. Any thread."""
        decoded = self._decode(_as_utf8(body), self._now_ms())
        return decoded, self.admit(decoded.points)

    def admit(self, points: Points) -> Admission:
        """What of a batch may be stored. Any thread."""
        return self._intake.admit(points)

    async def store(
        self, admission: Admission, bad: RefusedPoints, where: Callable[[int], str] = "[{}]".format
    ) -> list[Failure]:
        """Store what the gate lets through, and count it and the refusals. Returns the gate's refusals, each placed
        as its key, of many the first.

        bad: what was refused before.   where: a place as the log shows it. Raises Unavailable, and then nothing is
        stored or counted.
        """
        if admission.lost:
            # All are counted under the rule of the first: a batch hardly ever breaks more than one.
            [rule, *_] = admission.by_rule
            by_rule = Counter(bad.by_rule) + Counter({rule: admission.lost})
            by_gate = (
                Refusal(refused.rule, where(place), name.metric, refused.detail)
                for place, refused, name in admission.refused
            )
            bad = bad._replace(by_rule=by_rule, first=itertools.chain(bad.first, by_gate))
        await self._intake.append(admission.admitted, bad)
        return [
            Failure(place, refused.rule, f"metric[{place}](name={shown(name.metric)}) {refused.detail}.")
            for place, refused, name in admission.refused
        ]

    def refuse(self, refused: RefusedPoints) -> None:
        """Count what is refused before anything was decoded."""
        self._intake.refuse(refused)

    def gathered(self) -> GatheredWrites:
        """The short way of small bodies."""
        answer = faults.done()

        def scan(bodies: Sequence[bytes]) -> tuple[Points, list[int]]:
            return scan_gathered([_as_utf8(body) for body in bodies], self._secret, self._now_ms())

        return GatheredWrites(scan, self._intake.admit_all, self._intake.append, lambda metrics: answer)

    def now_ms(self) -> int:
        """The moment of a write."""
        return self._now_ms()


def _as_utf8(body: bytes) -> bytes:
    """Malformed UTF-8 becomes U+FFFD, as in Java."""
    return body if body.isascii() else body.decode(errors="replace").encode()
