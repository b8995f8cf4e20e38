"""A put: decode, gate, store, answer. Good points beside bad ones are kept, and every other point is answered for by
name."""

from __future__ import annotations

import asyncio
import functools
import itertools
from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Final, NamedTuple
from urllib.parse import parse_qsl

import msgspec

from headrace import limits
from headrace.errors import Refused, Unavailable
from headrace.gate import Admission, RuleSet
from headrace.intake import Intake, PointCounts, RefusedPoints, StoresPoints, refused_whole
from headrace.metrics import Metrics
from headrace.model.json_pieces import work_of
from headrace.model.points import Admitted, Points
from headrace.model.series import SeriesName
from headrace.protocols.opentsdb import faults
from headrace.protocols.opentsdb.faults import Answer, answer, envelope
from headrace.protocols.opentsdb.integers import integer_of
from headrace.protocols.opentsdb.writing.bodies import Incoming, IncomingPoint, as_utf8, points_at
from headrace.protocols.opentsdb.writing.gathered import scan_gathered
from headrace.protocols.opentsdb.writing.wire import BodyRefused, Decode, Failure, read_tags, text_of
from headrace.transport.gathered_writes import GatheredWrites
from headrace.transport.loop_or_thread import LoopOrThread

ROOM = "opentsdb"
"""The label of this room's metrics."""


WITHOUT_POINTS: Final = ("body-empty", "no-points")
"""Rules of bodies that have no point that could be refused."""


@dataclass(frozen=True, slots=True)
class Flags:
    """What the query string asks of a put. A flag is set when it is there, whatever its value."""

    summary: bool = False
    details: bool = False
    ignore_errors: bool = False
    timeout_ms: int = 0
    """sync_timeout beside sync; 0, which also stands for less: wait for as long as it takes. Every put is sync: an
    answer always waits for the disk."""
    counts_timeouts: bool = False
    """Whether sync_timeout is above 0, beside sync or not: then the counts have one of timed out points."""
    callback: str = ""

    @property
    def asks_counts(self) -> bool:
        """Whether the answer has a body when all went well."""
        return self.summary or self.details or self.ignore_errors


NO_FLAGS = Flags()


def flags_of(query: str) -> Flags:
    """The flags of a query string. Raises Refused (rules "sync-timeout", "jsonp")."""
    if not query:
        return NO_FLAGS
    given = dict(parse_qsl(query, keep_blank_values=True))
    said = given.get("sync_timeout", "0")
    timeout_ms = integer_of(said)
    if timeout_ms is None:
        raise Refused("sync-timeout", "Unable to parse 'sync_timeout' as a number of milliseconds", faults.shown(said))
    return Flags(
        summary="summary" in given,
        details="details" in given,
        ignore_errors="ignoreErrors" in given,
        timeout_ms=max(timeout_ms, 0) if "sync" in given else 0,
        counts_timeouts=timeout_ms > 0,
        callback=faults.callback_of(given.get("jsonp", "")),
    )


class _Read(NamedTuple):
    """A body. text: in UTF-8.   failures: the first limits.REFUSALS_WORDED_MAX points that may not be stored, in the
    request's order.   total: of all points.   by_rule: all that may not be stored."""

    text: bytes
    admitted: Admitted
    failures: list[Failure]
    total: int
    by_rule: Mapping[str, int]


class _Outcome(NamedTuple):
    """What became of a put's points. unstored_error: why those that are neither stored nor refused are not."""

    stored: int
    read: _Read
    unstored_error: str = ""

    @property
    def failed(self) -> int:
        """How many points are not stored, for whatever reason."""
        return self.read.total - self.stored


class PutService:
    """Points of this room on their way into the store; HTTP and telnet share it."""

    def __init__(
        self, store: StoresPoints, rules: RuleSet, metrics: Metrics, decode: Decode, executor: Executor | None = None
    ) -> None:
        """executor: where bodies over limits.OPENTSDB_LOOP_BODY_BYTES_MAX are decoded (None: the loop's own
        threads)."""
        self._secret = store.table.secret
        self._intake = Intake(store, rules, PointCounts(metrics, ROOM))
        self._decode = decode
        self._bodies = LoopOrThread(limits.OPENTSDB_LOOP_BODY_BYTES_MAX, executor)

    async def put(self, body: bytes, content_type: str, flags: Flags, sender: str = "") -> Answer:
        """The answer to a body, already decompressed. Raises Refused when the request fails as a whole, Unavailable
        when nothing was stored and no flag asks for counts."""
        try:
            read = await self._bodies.run(work_of(body), lambda: self._read(body, content_type))
        except Refused as whole:
            self.refuse(whole, sender)
            raise
        admitted = read.admitted
        refused = RefusedPoints(read.by_rule, map(Failure.refusal, read.failures), sender)
        try:
            if flags.timeout_ms:
                async with asyncio.timeout(flags.timeout_ms / 1000):
                    await self._intake.append(admitted, refused)
            else:
                await self._intake.append(admitted, refused)
        except TimeoutError:
            return await self._timed_out(read, flags)
        except Unavailable as error:
            if not flags.asks_counts:
                raise
            lost = _Outcome(0, read, f"Storage exception: {error.reason}")
            counts = await self._counts(flags, lost, _no_timeouts(flags))
            return faults.unavailable(error, counts, flags.callback)
        return await self._answer(flags, _Outcome(len(admitted), read))

    def gathered(self, flags: Flags) -> GatheredWrites:
        """The short way of small puts with these flags, which name neither a timeout nor a callback."""
        answer = functools.lru_cache(lambda stored: _all_stored(flags, stored))
        scan = functools.partial(scan_gathered, secret=self._secret)
        return GatheredWrites(scan, self._intake.admit_all, self._intake.append, answer)

    def _read(self, body: bytes, content_type: str) -> _Read:
        """What a body means and what of it may be stored. Raises Refused when it fails as a whole. Any thread."""
        text = as_utf8(body, content_type)
        decoded = self._decode(text)
        if not decoded.total:
            raise Refused("no-points", "No datapoints found in content")
        admission = self.admit(decoded.points)
        failures = decoded.failures
        if admission.refused:
            failures = sorted([*failures, *_name_failures(text, admission.refused)])[: limits.REFUSALS_WORDED_MAX]
        return _Read(text, admission.admitted, failures, decoded.total, decoded.by_rule + admission.by_rule)

    def admit(self, points: Points) -> Admission:
        """What of a batch may be stored."""
        return self._intake.admit(points)

    async def append(self, admitted: Admitted, refused: RefusedPoints) -> None:
        """Store what the gate let through and count all points. Raises Unavailable, and then nothing is counted."""
        await self._intake.append(admitted, refused)

    def refuse(self, whole: Refused, sender: str) -> None:
        """Count a body that is refused as a whole; one without a point is none."""
        if whole.rule not in WITHOUT_POINTS:
            points = whole.points if isinstance(whole, BodyRefused) else 1
            self._intake.refuse(refused_whole(whole, sender, points))

    def refuse_lines(self, refused: RefusedPoints) -> None:
        """Count lines that are refused and never came to a batch."""
        self._intake.refuse(refused)

    async def _timed_out(self, read: _Read, flags: Flags) -> Answer:
        """503, flags or not: sending again is harmless, dropping is not; the points may yet become durable."""
        waiting = len(read.admitted)
        words = (
            f"The put call has timedout with 0 successful writes, {read.total - waiting} failed writes "
            f"and {waiting} timed out writes."
        )
        if not flags.asks_counts:
            return faults.unavailable(Unavailable(words), envelope(503, words), flags.callback)
        counts = await self._counts(flags, _Outcome(0, read, "Write timedout"), waiting)
        return faults.unavailable(Unavailable(words), counts, flags.callback)

    async def _answer(self, flags: Flags, outcome: _Outcome) -> Answer:
        failed = outcome.failed
        if not failed:
            return _all_stored(flags, outcome.stored)
        if flags.asks_counts:
            counts = await self._counts(flags, outcome, _no_timeouts(flags))
            return answer(200 if flags.ignore_errors else 400, counts, flags.callback)
        # OpenTSDB: PutDataPointRpc.
        details = 'Please see the TSD logs or append "details" to the put request'
        return answer(400, envelope(400, "One or more data points had errors", details), flags.callback)

    async def _counts(self, flags: Flags, outcome: _Outcome, timeouts: int | None) -> bytes:
        """The counts of a put as JSON. timeouts: left out when None; timed out points count there, other unstored ones
        failed."""
        errors: Sequence[bytes] = ()
        if flags.ignore_errors or flags.details:
            errors = await self._bodies.run(work_of(outcome.read.text), lambda: errors_of(outcome))
        return _counted(flags, outcome.stored, outcome.failed - (timeouts or 0), timeouts, errors)


def _all_stored(flags: Flags, stored: int) -> Answer:
    if flags.asks_counts:
        return answer(200, _counted(flags, stored, 0, _no_timeouts(flags), ()), flags.callback)
    return 204, [], b""


def _no_timeouts(flags: Flags) -> int | None:
    """A client that sets a timeout is shown the count of timed out points, as 0; others are not."""
    return 0 if flags.counts_timeouts else None


def _counted(flags: Flags, stored: int, failed: int, timeouts: int | None, errors: Sequence[bytes]) -> bytes:
    parts = [b'"success":%d,"failed":%d' % (stored, failed)]
    if timeouts is not None:
        parts.append(b'"timeouts":%d' % timeouts)
    if flags.ignore_errors or flags.details:
        key = b"ignoredErrors" if flags.ignore_errors else b"errors"
        parts.append(b'"%s":[%s]' % (key, b",".join(errors)))
    return b"{" + b",".join(parts) + b"}"


def _name_failures(body: bytes, refusals: list[tuple[int, Refused, SeriesName]]) -> list[Failure]:
    """The gate's refusals in this dialect's words, from the names as they were sent: there a null is no empty tag."""
    sent = points_at(body, {place for place, _, _ in refusals})
    failures = []
    for place, refused, _ in refusals:
        point = sent[place]
        assert isinstance(point, IncomingPoint), "the gate only sees points"
        tags: Mapping[str, str | None] = read_tags(bytes(point.tags)) or {}
        words = faults.refused_name(refused, text_of(point.metric) or "", tags)
        failures.append(Failure(place, refused.rule, words, faults.shown(text_of(point.metric) or "")))
    return failures


def errors_of(outcome: _Outcome) -> list[bytes]:
    """A JSON object for each of the first points that were not stored, in the request's order, with the point as it was
    sent; then one that says how many more there are. Any thread."""
    errors = {failure.place: failure.error for failure in outcome.read.failures}
    if outcome.unstored_error:
        others = (place for place in range(outcome.read.total) if place not in errors)
        unstored = list(itertools.islice(others, limits.REFUSALS_WORDED_MAX))
        errors |= dict.fromkeys(unstored, outcome.unstored_error)
    worded = sorted(errors.items())[: limits.REFUSALS_WORDED_MAX]
    sent = points_at(outcome.read.text, (place for place, _ in worded))
    entries: list[bytes] = []
    size = 0
    for place, error in worded:
        point = sent[place]
        entry = _error(_echo(point), error)
        size += len(entry)
        if size > limits.OPENTSDB_ERRORS_BYTES_MAX:
            break
        entries.append(entry)
    if more := outcome.failed - len(entries):
        entries.append(_error(b"null", f"and {more} more"))
    return entries


def _echo(point: Incoming) -> bytes:
    if isinstance(point, IncomingPoint):
        return point.echo()
    return msgspec.json.encode({"metric": faults.shown(point.metric)}) if point and point.metric else b"null"


def _error(datapoint: bytes, error: str) -> bytes:
    return b'{"datapoint":%s,"error":%s}' % (datapoint, msgspec.json.encode(error))
