"""A put: decode, gate, store, answer. Good points beside bad ones are kept, and every other point is answered for by
name."""

from __future__ import annotations

import asyncio
import functools
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from urllib.parse import parse_qsl

import msgspec

from headrace import limits
from headrace.errors import Refused, Unavailable
from headrace.gate import Admission, RuleSet
from headrace.intake import NOTHING_REFUSED, Intake, PointCounts, StoresPoints
from headrace.metrics import Metrics
from headrace.model.points import Admitted, Points
from headrace.model.series import SeriesName
from headrace.protocols.opentsdb import faults
from headrace.protocols.opentsdb.faults import Answer, answer, envelope
from headrace.protocols.opentsdb.writing.gathered import scan_gathered
from headrace.protocols.opentsdb.writing.wire import (
    Decode,
    Decoded,
    Failure,
    as_utf8,
    incoming_points,
    read_tags,
    text_of,
)
from headrace.transport.gathered_writes import GatheredWrites
from headrace.transport.loop_or_thread import LoopOrThread

ROOM = "opentsdb"
"""The label of this room's metrics."""


@dataclass(frozen=True, slots=True)
class Flags:
    """What the query string asks of a put. A flag is set when it is there, whatever its value."""

    summary: bool = False
    details: bool = False
    ignore_errors: bool = False
    timeout_ms: int = 0
    """sync_timeout beside sync; 0: wait for as long as it takes. Every put is sync: an answer always waits for the
    disk."""
    callback: str = ""

    @property
    def asks_counts(self) -> bool:
        """Whether the answer has a body when all went well."""
        return self.summary or self.details or self.ignore_errors


NO_FLAGS = Flags()

_TIMEOUT = re.compile(r"[0-9]{1,9}")


def flags_of(query: str) -> Flags:
    """The flags of a query string. Raises Refused (rules "sync-timeout", "jsonp")."""
    if not query:
        return NO_FLAGS
    given = dict(parse_qsl(query, keep_blank_values=True))
    timeout = given.get("sync_timeout", "0")
    if not _TIMEOUT.fullmatch(timeout):
        raise Refused(
            "sync-timeout", "Unable to parse 'sync_timeout' as a number of milliseconds", faults.shown(timeout)
        )
    return Flags(
        summary="summary" in given,
        details="details" in given,
        ignore_errors="ignoreErrors" in given,
        timeout_ms=int(timeout) if "sync" in given else 0,
        callback=faults.callback_of(given.get("jsonp", "")),
    )


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What became of a put's points: stored, refused (in the request's order), and not stored through no fault of
    theirs."""

    stored: int
    failures: list[Failure]
    unstored: Sequence[int] = ()
    unstored_error: str = ""


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

    async def put(self, body: bytes, content_type: str, flags: Flags) -> Answer:
        """The answer to a body, already decompressed. Raises Refused when the request fails as a whole, Unavailable
        when nothing was stored and no flag asks for counts."""
        text = as_utf8(body, content_type)
        decoded, admission = await self._bodies.run(len(text), lambda: self._read(text))
        admitted, failures = admission.admitted, decoded.failures
        if admission.refused:
            failures = sorted([*failures, *_name_failures(text, admission.refused)])
        try:
            if flags.timeout_ms:
                async with asyncio.timeout(flags.timeout_ms / 1000):
                    await self._intake.append(admitted, _by_rule(failures))
            else:
                await self._intake.append(admitted, _by_rule(failures))
        except TimeoutError:
            return self._timed_out(text, flags, len(admitted), failures, decoded.total)
        except Unavailable as error:
            if not flags.asks_counts:
                raise
            lost = _remaining(failures, decoded.total)
            outcome = _Outcome(0, failures, lost, f"Storage exception: {error.reason}")
            return faults.unavailable(error, _counts(text, flags, outcome, _no_timeouts(flags)), flags.callback)
        return _answer(text, flags, _Outcome(len(admitted), failures))

    def gathered(self, flags: Flags) -> GatheredWrites:
        """The short way of small puts with these flags, which name neither a timeout nor a callback."""
        answer = functools.lru_cache(lambda stored: _answer(b"", flags, _Outcome(stored, [])))
        scan = functools.partial(scan_gathered, secret=self._secret)
        return GatheredWrites(scan, self._intake.admit_all, self._intake.append, answer)

    def _read(self, body: bytes) -> tuple[Decoded, Admission]:
        """What a body means and what of it may be stored. Raises Refused when it fails as a whole. Any thread."""
        decoded = self._decode(body)
        if not decoded.total:
            raise Refused("no-points", "No datapoints found in content")
        return decoded, self.admit(decoded.points)

    def admit(self, points: Points) -> Admission:
        """What of a batch may be stored."""
        return self._intake.admit(points)

    async def append(self, admitted: Admitted, failures: Sequence[Failure]) -> None:
        """Store what the gate let through and count all points. Raises Unavailable, and then nothing is counted."""
        await self._intake.append(admitted, _by_rule(failures))

    def _timed_out(self, body: bytes, flags: Flags, waiting: int, failures: list[Failure], total: int) -> Answer:
        """503, flags or not: sending again is harmless, dropping is not; the points may yet become durable."""
        words = (
            f"The put call has timedout with 0 successful writes, {len(failures)} failed writes "
            f"and {waiting} timed out writes."
        )
        if not flags.asks_counts:
            return faults.unavailable(Unavailable(words), envelope(503, words), flags.callback)
        outcome = _Outcome(0, failures, _remaining(failures, total), "Write timedout")
        return faults.unavailable(Unavailable(words), _counts(body, flags, outcome, waiting), flags.callback)


def _by_rule(failures: Sequence[Failure]) -> Mapping[str, int]:
    return Counter(failure.rule for failure in failures) if failures else NOTHING_REFUSED


def _remaining(failures: Sequence[Failure], total: int) -> list[int]:
    failed = {failure.place for failure in failures}
    return [place for place in range(total) if place not in failed]


def _name_failures(body: bytes, refusals: list[tuple[int, Refused, SeriesName]]) -> list[Failure]:
    """The gate's refusals in this dialect's words, from the names as they were sent: there a null is no empty tag."""
    incoming = incoming_points(body)
    failures = []
    for place, refused, _ in refusals:
        point = incoming[place]
        assert point is not None, "the gate only sees points"
        tags: Mapping[str, str | None] = read_tags(bytes(point.tags)) or {}
        words = faults.refused_name(refused, text_of(point.metric) or "", tags)
        failures.append(Failure(place, refused.rule, words))
    return failures


def _answer(body: bytes, flags: Flags, outcome: _Outcome) -> Answer:
    if flags.asks_counts:
        status = 200 if flags.ignore_errors or not outcome.failures else 400
        return answer(status, _counts(body, flags, outcome, _no_timeouts(flags)), flags.callback)
    if not outcome.failures:
        return 204, [], b""
    # OpenTSDB: PutDataPointRpc.
    details = 'Please see the TSD logs or append "details" to the put request'
    return answer(400, envelope(400, "One or more data points had errors", details), flags.callback)


def _no_timeouts(flags: Flags) -> int | None:
    """A client that sets a timeout is shown the count of timed out points, as 0; others are not."""
    return 0 if flags.timeout_ms else None


def _counts(body: bytes, flags: Flags, outcome: _Outcome, timeouts: int | None) -> bytes:
    """The counts of a put as JSON. timeouts: left out when None; timed out points count there, other unstored ones
    failed."""
    failed = len(outcome.failures) + (0 if timeouts else len(outcome.unstored))
    parts = [b'"success":%d,"failed":%d' % (outcome.stored, failed)]
    if timeouts is not None:
        parts.append(b'"timeouts":%d' % timeouts)
    if flags.ignore_errors or flags.details:
        key = b"ignoredErrors" if flags.ignore_errors else b"errors"
        parts.append(b'"%s":[%s]' % (key, b",".join(_errors(body, outcome))))
    return b"{" + b",".join(parts) + b"}"


def _errors(body: bytes, outcome: _Outcome) -> list[bytes]:
    """One JSON object a point that was not stored, in the request's order, with the point as it was sent."""
    if not outcome.failures and not outcome.unstored:
        return []
    incoming = incoming_points(body)
    errors = [(failure.place, failure.error) for failure in outcome.failures]
    errors += [(place, outcome.unstored_error) for place in outcome.unstored]
    entries = []
    for place, error in sorted(errors):
        point = incoming[place]
        echo = b"null" if point is None else point.echo()
        entries.append(b'{"datapoint":%s,"error":%s}' % (echo, msgspec.json.encode(error)))
    return entries
