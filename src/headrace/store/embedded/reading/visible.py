"""What queries may see: the segments that count and the generations of recent, changed only as a whole."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from headrace import limits
from headrace.errors import Unavailable
from headrace.model.points import Admitted
from headrace.store import Moment
from headrace.store.embedded.recent.deletes import NO_DELETES, Delete, Deletes
from headrace.store.embedded.recent.hidden import NONE_HIDDEN, Hidden
from headrace.store.embedded.recent.recent import Recent, RecentView
from headrace.store.embedded.segments.files.meta import SegmentMeta
from headrace.store.embedded.segments.files.segment import Segment
from headrace.store.embedded.segments.segment_set import SegmentSet
from headrace.store.rows import MetricIds


@dataclass(frozen=True, slots=True)
class Pinned:
    """One moment: segments, then generations, all in rising order of version; and the deletes that came before it."""

    segments: tuple[Segment, ...]
    generations: tuple[RecentView, ...]
    deletes: Deletes
    hidden: Hidden


class Visible:
    """The writer appends, deletes and freezes, the sealer turns the oldest frozen generation into a segment, anyone
    pins."""

    def __init__(
        self, segments: SegmentSet, generation_points: int, deletes: Deletes = NO_DELETES, hidden: Hidden = NONE_HIDDEN
    ) -> None:
        """deletes, hidden: as the last seal left them."""
        self._segments = segments
        self._generation_points = generation_points
        self._deletes = deletes
        self._hidden = hidden
        self._changed = threading.Condition()
        self._generations: tuple[Recent, ...] = (Recent(generation_points),)
        self._newest_since_s: float | None = None
        """Since when the newest generation stands for something."""

    def apply(self, steps: Sequence[Delete | Admitted], first_sequence: int) -> None:
        """Make the steps of one commit visible, in their order; their records are numbered from first_sequence on.
        Writer only, and only when their points `fit`. What is pinned meanwhile shows all of them, or none."""
        self._generations[-1].reserve(sum(len(step) for step in steps if isinstance(step, Admitted)))
        with self._changed if len(steps) > 1 else nullcontext():
            for sequence, step in enumerate(steps, first_sequence):
                if isinstance(step, Delete):
                    self.delete(step, sequence)
                else:
                    self.append(step, sequence)

    def append(self, points: Admitted, sequence: int, records: int = 1, age_s: float = 0.0) -> None:
        """Make a committed batch, or those of so many records that end with `sequence`, visible, all of it at once.
        Writer only, and only when it `fits`.   age_s: for how long it has been durable."""
        self._generations[-1].append(points, sequence, records)
        self.advance(sequence, age_s=age_s)
        if self._hidden:
            self._hidden = self._hidden.showing(points.series)

    def delete(self, delete: Delete, sequence: int) -> None:
        """Make a committed delete visible. Writer only, so it is later than every row that is there, and than no
        other."""
        with self._changed:
            newest = self._generations[-1]
            self._deletes = self._deletes.with_delete(delete, sequence, newest.number, len(newest))
            if delete.is_of_all_time:
                self._hidden = self._hidden.hiding(delete.series)
        self.advance(sequence)

    def advance(self, sequence: int, other_bytes: int = 0, age_s: float = 0.0) -> None:
        """The newest generation stands for the journal through `sequence`, whatever its records are. Writer only.

        other_bytes: of those since the last call that are neither points nor series.   age_s: for how long the record
        has been durable.
        """
        if self._newest_since_s is None or age_s:
            since_s = time.monotonic() - age_s
            self._newest_since_s = min(since_s, self._newest_since_s or since_s)
        newest = self._generations[-1]
        newest.last_sequence = sequence
        newest.other_bytes += other_bytes

    def unwritten(self, series: NDArray[np.uint32], since: Moment) -> NDArray[np.uint32]:
        """Those of `series` into which no point came after that moment; none where its generation has been sealed.
        Writer only."""
        generations = self._generations
        if generations[0].number > since.generation:
            return series[:0]
        for generation in generations:
            if generation.number >= since.generation:
                rows = since.rows if generation.number == since.generation else 0
                view = generation.view()
                series = series[~np.isin(series, view.series[rows : len(view)])]
        return series

    @property
    def is_heavy(self) -> bool:
        """Whether the newest generation should be frozen for what it holds beside points."""
        return self._generations[-1].other_bytes >= limits.SEAL_OTHER_BYTES

    @property
    def deletes(self) -> Deletes:
        """Those that are pending now. Any thread."""
        return self._deletes

    @property
    def hidden(self) -> Hidden:
        """The series that are hidden now. Any thread."""
        return self._hidden

    def fits(self, points: int, text_bytes: int) -> bool:
        """Whether the newest generation takes so many points more, with texts of so many bytes; an empty one takes any
        number."""
        newest = self._generations[-1]
        return not len(newest) or (
            len(newest) + points <= self._generation_points and newest.text_bytes + text_bytes <= limits.SEAL_TEXT_BYTES
        )

    def is_larger_than_a_generation(self, points: int, text_bytes: int) -> bool:
        """Whether so many points, with texts of so many bytes, take more memory than a generation should."""
        return points > max(self._generation_points, limits.SEAL_POINTS) or text_bytes > limits.SEAL_TEXT_BYTES

    def newest_age_s(self) -> float:
        """For how long the newest generation has stood for something, 0 while it does not."""
        since_s = self._newest_since_s
        return 0.0 if since_s is None else time.monotonic() - since_s

    @property
    def recent_points(self) -> int:
        return sum(map(len, self._generations))

    def freeze(self, wait_s: float) -> None:
        """Begin a new generation, and leave the present one, unless it stands for nothing, to the sealer. Writer only.

        Raises Unavailable when limits.GENERATIONS_MAX are there and the sealer frees none within `wait_s`.
        """
        with self._changed:
            if not self._changed.wait_for(lambda: len(self._generations) < limits.GENERATIONS_MAX, wait_s):
                raise _sealing_is_behind()
            self.freeze_unbounded()

    def wait_until_sealed(self, wait_s: float) -> None:
        """Until no frozen generation is left. Writer only. Raises Unavailable when one is after `wait_s`."""
        with self._changed:
            if not self._changed.wait_for(lambda: not self.seal_waits, wait_s):
                raise _sealing_is_behind()

    def freeze_unbounded(self) -> None:
        """As `freeze`, at once and however many generations there are: for reading back what they all held before."""
        with self._changed:
            if self._generations[-1].last_sequence:
                number = self._generations[-1].number + 1
                self._generations = (*self._generations, Recent(self._generation_points, number))
                # In this order: who sees without the lock that the newest stands for nothing sees the frozen one.
                self._newest_since_s = None
                self._changed.notify_all()

    def wait_for_frozen(self, wait_s: float, stopping: threading.Event) -> RecentView | None:
        """The oldest frozen generation, or None when there is none within `wait_s`, or until `stopping` is set (and
        `wake` called). Sealer only."""
        with self._changed:
            self._changed.wait_for(lambda: stopping.is_set() or len(self._generations) > 1, wait_s)
            return self._generations[0].view() if len(self._generations) > 1 else None

    def wake(self) -> None:
        """Let who waits for a frozen generation look whether to go on waiting. Any thread."""
        with self._changed:
            self._changed.notify_all()

    def replace_oldest(self, segment: Segment | None) -> None:
        """From now on this segment stands for the oldest generation; None when nothing of it was left. Sealer only."""
        with self._changed:
            if segment is not None:
                self._segments.add((segment,))
            self._generations = self._generations[1:]
            self._changed.notify_all()

    def under_deletes(self, segments: Sequence[Segment], metric_ids: MetricIds) -> list[Segment]:
        """Those of the segments that may hold rows of pending deletes. Any thread."""
        pending = list(self._deletes)
        return [
            segment
            for segment in segments
            if any(segment.may_hold(delete, sequence, metric_ids) for delete, sequence in pending)
        ]

    def forget_deletes(self, metric_ids: MetricIds, may_come_back: Callable[[], Sequence[SegmentMeta]] = tuple) -> None:
        """Drop the pending deletes under which no row of a segment or of recent falls any more, nor one of those that
        count no longer and may count again. Any thread; does nothing when a segment comes meanwhile.

        may_come_back: asked for after the segments, for whatever they lack by then is among them."""
        pending = self._deletes
        if not len(pending):
            return
        segments = self._segments.pin()
        others = may_come_back()
        try:
            idle = pending.idle(
                lambda delete, sequence: (
                    any(segment.may_hold(delete, sequence, metric_ids) for segment in segments)
                    or any(meta.may_hold(delete, sequence) for meta in others)
                )
            )
            with self._changed:  # the writer may have added deletes, but none that is idle
                # A seal of which only dropped rows were left makes no segment.
                if self._segments.are_all_of(segments) and may_come_back() == others:
                    self._deletes = self._deletes.without(idle, self._generations[0].number)
        finally:
            self._segments.release(segments)

    def pin(self) -> Pinned:
        """What is visible now; `release` it. The points of one commit are in it all or not at all.

        A delete becomes visible only under the lock, so the rows that are there contain all that came before it.
        """
        with self._changed:
            generations = tuple(generation.view() for generation in self._generations)
            return Pinned(self._segments.pin(), generations, self._deletes, self._hidden)

    def pin_segments(self) -> tuple[Segment, ...]:
        """The segments that count now, without the memory of recent; `release_segments` them."""
        return self._segments.pin()

    def release_segments(self, pinned: tuple[Segment, ...]) -> None:
        self._segments.release(pinned)

    def replace(self, old: Collection[Segment], new: Collection[Segment]) -> None:
        """In one step, `new` stand for `old`. Any thread."""
        with self._changed:
            self._segments.replace(old, new)

    def discard(self, path: Path) -> None:
        """The segment in this file counts no longer. Any thread."""
        with self._changed:
            self._segments.discard(path)

    @property
    def seal_waits(self) -> bool:
        """Whether a generation is frozen and not sealed yet."""
        return len(self._generations) > 1

    def close(self) -> None:
        """Let go of all segments; nothing may be pinned."""
        self._segments.close()

    def release(self, pinned: Pinned) -> None:
        self._segments.release(pinned.segments)


def _sealing_is_behind() -> Unavailable:
    return Unavailable("points arrive faster than they can be sealed")
