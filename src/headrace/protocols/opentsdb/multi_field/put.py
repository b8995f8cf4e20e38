"""/api/mput: multi-field points in, flags and answers as put's."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

import msgspec
from starlette.types import Scope

from headrace import limits
from headrace.errors import Refused, Unavailable
from headrace.gate import RuleSet
from headrace.intake import Intake, PointCounts, RefusedPoints, StoresPoints, refused_whole
from headrace.metrics import Metrics
from headrace.model.json_pieces import check_items, work_of
from headrace.model.odd_json.broken import Unread
from headrace.model.points import Admitted
from headrace.protocols.opentsdb import faults
from headrace.protocols.opentsdb.fields import in_plain_words
from headrace.protocols.opentsdb.multi_field.decode import FieldDecoder, MultiFieldPoint, shown_metric
from headrace.protocols.opentsdb.names import OPENTSDB_RULES
from headrace.protocols.opentsdb.reply import Parameters, Reply
from headrace.protocols.opentsdb.writing.bodies import as_utf8
from headrace.protocols.opentsdb.writing.wire import BodyRefused, Failure
from headrace.protocols.opentsdb.writing.write import ROOM, WITHOUT_POINTS, Flags, flags_of
from headrace.transport.loop_or_thread import LoopOrThread
from headrace.transport.senders import sender_of

FIELD_RULES: Final = RuleSet(
    name="opentsdb-fields",
    bit=7,
    illegal_character=None,
    tags_min=OPENTSDB_RULES.tags_min,
    tags_max=OPENTSDB_RULES.tags_max,
    name_bytes_max=2 * OPENTSDB_RULES.name_bytes_max,
)
"""What the gate asks of the names of fields. Characters are checked before the separator joins metric and field."""


class _Read(NamedTuple):
    """A body. sent: its points.   admitted: what of them may be stored.   refused: fields, by broken rule.   failures:
    of each point that is not wholly taken, by place, what is wrong with it first."""

    sent: list[MultiFieldPoint | Unread]
    admitted: Admitted
    refused: Counter[str]
    failures: dict[int, Failure]


class MultiFieldPuts:
    """Answers /api/mput."""

    def __init__(self, store: StoresPoints, metrics: Metrics) -> None:
        self._intake = Intake(store, FIELD_RULES, PointCounts(metrics, ROOM))
        self._decode = FieldDecoder(store.table)
        self._bodies = LoopOrThread(limits.OPENTSDB_LOOP_FIELDS_BYTES_MAX)

    async def mput(self, scope: Scope, parameters: Parameters, body: bytes, reply: Reply) -> None:
        """Counts are of points. A field that cannot be taken fails alone, and its point counts as failed."""
        flags = flags_of(scope["query_string"].decode("latin-1"))
        work = work_of(body)
        sender = sender_of(scope)
        try:
            read = await self._bodies.run(work, lambda: self._read(body))
        except Refused as whole:
            if whole.rule not in WITHOUT_POINTS:
                points = whole.points if isinstance(whole, BodyRefused) else 1
                self._intake.refuse(refused_whole(whole, sender, points))
            raise
        await self._append(read, sender, flags.timeout_ms)
        if flags.asks_counts:
            status = 400 if read.failures and not flags.ignore_errors else 200
            await reply.whole(await self._bodies.run(work, lambda: _counts(read, flags)), status)
        elif read.failures:
            raise Refused(
                "points",
                "One or more data points had errors",
                'Please see the TSD logs or append "details" to the put request',
            )
        else:
            await reply.empty(204)

    def _read(self, body: bytes) -> _Read:
        """Raises Refused when the body fails as a whole. Any thread."""
        check_items(body, limits.OPENTSDB_MPUT_ITEMS_MAX)
        decoded = self._decode(as_utf8(body))
        admission = self._intake.admit(decoded.points)
        failures, refused = decoded.wrong, Counter[str]()
        for place, failure in failures.items():
            refused[failure.rule] += _fields_of(decoded.sent[place])
        for failure in decoded.failures:
            failures.setdefault(failure.place, failure)
            refused[failure.rule] += 1
        for place, refusal, name in admission.refused:
            words = in_plain_words(refusal.detail)
            failures.setdefault(place, Failure(place, refusal.rule, words, shown_metric(name.metric)))
        for place in decoded.points.places[admission.left_out[len(admission.refused) :]].tolist():
            failures.setdefault(place, Failure(place, next(iter(admission.by_rule)), "as others before it"))
        return _Read(decoded.sent, admission.admitted, refused + admission.by_rule, failures)

    async def _append(self, read: _Read, sender: str, timeout_ms: int) -> None:
        """Raises Unavailable, also when it takes longer than timeout_ms (0: as long as it takes)."""
        first = (read.failures[place].refusal() for place in sorted(read.failures))
        refused = RefusedPoints(read.refused, first, sender)
        try:
            async with asyncio.timeout(timeout_ms / 1000 if timeout_ms else None):
                await self._intake.append(read.admitted, refused)
        except TimeoutError:
            raise Unavailable(f"The put call has timedout, {len(read.admitted)} values may yet come") from None


def _fields_of(point: MultiFieldPoint | Unread) -> int:
    """How many values a point would have brought, at least 1."""
    return max(1, len(point.fields or ())) if isinstance(point, MultiFieldPoint) else 1


def _counts(read: _Read, flags: Flags) -> bytes:
    """What became of the points, as JSON."""
    counts: dict[str, Any] = {"success": len(read.sent) - len(read.failures), "failed": len(read.failures)}
    if flags.details or flags.ignore_errors:
        counts["ignoredErrors" if flags.ignore_errors else "errors"] = list(_worded(read))
    return msgspec.json.encode(counts)


def _worded(read: _Read) -> Iterator[dict[str, object]]:
    """The first points that are not wholly taken, as they were sent, and why: limits.REFUSALS_WORDED_MAX of them, of
    limits.OPENTSDB_ERRORS_BYTES_MAX. A large one is told by its metric alone."""
    left = limits.OPENTSDB_ERRORS_BYTES_MAX
    for place in sorted(read.failures)[: limits.REFUSALS_WORDED_MAX]:
        sent = read.sent[place]
        shown = msgspec.json.encode(sent) if isinstance(sent, MultiFieldPoint) else b""
        if not 0 < len(shown) <= limits.OPENTSDB_ECHO_BYTES_MAX:
            shown = msgspec.json.encode({"metric": faults.shown(sent.metric or "")})
        left -= len(shown) + len(read.failures[place].error)
        if left < 0:
            return
        yield {"datapoint": msgspec.Raw(shown), "error": read.failures[place].error}
