"""How far a task is: which ranges were computed, and which are to be computed again. A document beside the task's own,
changed in one commit with the points that a step made."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

import msgspec

from headrace import limits
from headrace.protocols.kairosdb.rollups.task import Task, plan_of

Mark = tuple[int, int]
"""(end of a range, ms; when the ranges up to it had been computed, ms)."""


class Again(msgspec.Struct, frozen=True):
    """Of the ranges that are computed again when some time has gone since they were computed first.

    after_ms: how much time.   through_ms: up to where that has been done.   marks: what waits, ascending.
    """

    after_ms: int
    through_ms: int
    marks: tuple[Mark, ...] = ()

    def noted(self, end_ms: int, now_ms: int) -> Again:
        """The ranges up to end_ms have been computed now. What is computed close together waits together, and of more
        than limits.ROLLUP_MARKS_MAX marks the first ones are one, as late as the latest of them."""
        together_ms = max(self.after_ms // limits.ROLLUP_MARKS, 1)
        marks = [mark for mark in self.marks if mark[0] < end_ms]
        if marks and marks[-1][1] // together_ms == now_ms // together_ms:
            marks.pop()
        marks.append((end_ms, now_ms))
        first, last = marks[: 1 - limits.ROLLUP_MARKS_MAX], marks[1 - limits.ROLLUP_MARKS_MAX :]
        merged = [(first[-1][0], max(then for _, then in first))] if first else []
        return msgspec.structs.replace(self, marks=(*merged, *last))

    def due_ms(self, now_ms: int) -> int:
        """Up to where ranges are due."""
        return max((end for end, then in self.marks if then + self.after_ms <= now_ms), default=self.through_ms)

    def set_back(self, through_ms: int, now_ms: int) -> Again:
        """Nothing that is noted lies beyond through_ms, and nothing was computed later than now."""
        done_ms = min(self.through_ms, through_ms)
        marks: dict[int, int] = {}
        for end_ms, then_ms in self.marks:
            # Of those beyond, the first has what was computed up to there.
            if min(end_ms, through_ms) > done_ms:
                marks.setdefault(min(end_ms, through_ms), min(then_ms, now_ms))
        return Again(self.after_ms, done_ms, tuple(marks.items()))

    def done(self, end_ms: int) -> Again:
        """The ranges up to end_ms have been computed again."""
        return msgspec.structs.replace(
            self, through_ms=end_ms, marks=tuple(mark for mark in self.marks if mark[0] > end_ms)
        )


class PartProgress(msgspec.Struct, frozen=True):
    """Of one queried metric.

    begin_ms: from where its ranges are counted.   through_ms: up to where they have been computed.   highest_ms: up to
    where they had ever been and made points, before a clock was set back.   executed_ms, length_ms, points: when it was
    last run, for how long, and how many points that made.
    """

    begin_ms: int
    through_ms: int
    highest_ms: int
    again: tuple[Again, ...] = ()
    executed_ms: int = 0
    length_ms: int = 0
    points: int = 0

    def computed(self, end_ms: int, now_ms: int, made: int) -> PartProgress:
        """The ranges up to end_ms have been computed now, which made so many points."""
        highest = max(self.highest_ms, end_ms) if made else self.highest_ms
        again = tuple(one.noted(end_ms, now_ms) for one in self.again)
        return msgspec.structs.replace(self, through_ms=end_ms, highest_ms=highest, again=again)

    def computed_again(self, after_ms: int, end_ms: int) -> PartProgress:
        """Those ranges have been computed again that waited for after_ms, up to end_ms."""
        again = tuple(one.done(end_ms) if one.after_ms == after_ms else one for one in self.again)
        return msgspec.structs.replace(self, again=again)

    def set_back(self, ready_ms: int, now_ms: int) -> PartProgress:
        """By a clock that says now_ms, by which ranges are over up to ready_ms, and by which nothing was computed later
        than now: what was, was computed when it may not have been over, and has not been computed."""
        through_ms = min(self.through_ms, ready_ms)
        for one in self.again:
            if any(then > now_ms for _, then in one.marks):
                before = [end for end, then in one.marks if then <= now_ms]
                through_ms = min(through_ms, max(before, default=one.through_ms))
        again = tuple(one.set_back(through_ms, now_ms) for one in self.again)
        return msgspec.structs.replace(self, through_ms=through_ms, again=again)


class Backfill(msgspec.Struct, frozen=True):
    """A stretch of one queried metric that is to be computed again by request, up to end_ms. id: of the request for it,
    of which a later one is another, since points may have come between."""

    digest: str
    first_ms: int
    end_ms: int
    id: str = msgspec.field(default_factory=lambda: uuid.uuid4().hex)


class Progress(msgspec.Struct, frozen=True):
    """Of a task. created_ms: from which relative times of its queries count.   parts: by digest."""

    created_ms: int
    parts: dict[str, PartProgress]
    backfills: tuple[Backfill, ...] = ()

    def with_part(self, digest: str, part: PartProgress) -> Progress:
        """With another progress of one queried metric."""
        return msgspec.structs.replace(self, parts={**self.parts, digest: part})

    def backfilled(self, done_id: str, end_ms: int) -> Progress:
        """Without what has been done of a backfill, up to end_ms."""
        left = [msgspec.structs.replace(one, first_ms=end_ms) if one.id == done_id else one for one in self.backfills]
        return msgspec.structs.replace(self, backfills=tuple(one for one in left if one.first_ms < one.end_ms))


_DECODER = msgspec.json.Decoder(Progress)


def from_bytes(body: bytes) -> Progress:
    """Raises msgspec.DecodeError."""
    return _DECODER.decode(body)


def to_bytes(progress: Progress) -> bytes:
    """As a document has it."""
    return msgspec.json.encode(progress)


def begun(task: Task, before: Progress | None, again_ms: Sequence[int], now_ms: int) -> Progress:
    """The progress of a task that is new, was changed, or is met by a server with other settings: what was queried
    before goes on, what was not begins where its query says.

    again_ms: after which times ranges are computed again.   now_ms: as parse_task had it. Raises Refused as plan_of.
    """
    parts = {}
    for part in task.parts:
        known = before.parts.get(part.digest) if before is not None else None
        if known is None:
            first = plan_of(part, part.begin_ms).floor(part.begin_ms)
            known = PartProgress(part.begin_ms, first, first)
        old = {one.after_ms: one for one in known.again}
        again = tuple(old.get(after, Again(after, known.through_ms)) for after in again_ms)
        parts[part.digest] = msgspec.structs.replace(known, again=again)
    backfills = tuple(one for one in before.backfills if one.digest in parts) if before is not None else ()
    return Progress(now_ms, parts, backfills)
