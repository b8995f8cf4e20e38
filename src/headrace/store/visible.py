"""What queries may see: the segments that count and the generations of recent, changed only as a whole."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass

from headrace import limits
from headrace.errors import Unavailable
from headrace.model.points import Admitted
from headrace.store.recent import Recent, RecentView
from headrace.store.segment_set import SegmentSet
from headrace.store.segments import Segment


@dataclass(frozen=True, slots=True)
class Pinned:
    """One moment: segments, then generations, all in rising order of version."""

    segments: tuple[Segment, ...]
    generations: tuple[RecentView, ...]


class Visible:
    """The writer appends and freezes, the sealer turns the oldest frozen generation into a segment, anyone pins."""

    def __init__(self, segments: SegmentSet, generation_points: int) -> None:
        self._segments = segments
        self._generation_points = generation_points
        self._changed = threading.Condition()
        self._generations: tuple[Recent, ...] = (Recent(generation_points),)
        self._newest_since_s = time.monotonic()

    def append(self, points: Admitted, sequence: int) -> None:
        """Make a committed batch visible, all of it at once. Writer only, and only when it `fits`."""
        newest = self._generations[-1]
        if not len(newest):
            self._newest_since_s = time.monotonic()
        newest.append(points, sequence)

    def fits(self, points: int) -> bool:
        """Whether the newest generation takes so many points more; an empty one takes any number."""
        newest = self._generations[-1]
        return not len(newest) or len(newest) + points <= self._generation_points

    def newest_age_s(self) -> float:
        """For how long the newest generation has held points; 0 when it holds none."""
        return time.monotonic() - self._newest_since_s if len(self._generations[-1]) else 0.0

    @property
    def recent_points(self) -> int:
        return sum(map(len, self._generations))

    def freeze(self, wait_s: float) -> None:
        """Begin a new generation, and leave the present one, unless it is empty, to the sealer. Writer only.

        Raises Unavailable when limits.GENERATIONS_MAX are there and the sealer frees none within `wait_s`.
        """
        with self._changed:
            if not self._changed.wait_for(lambda: len(self._generations) < limits.GENERATIONS_MAX, wait_s):
                raise Unavailable("points arrive faster than they can be sealed")
            self.freeze_unbounded()

    def freeze_unbounded(self) -> None:
        """As `freeze`, at once and however many generations there are: for reading back what they all held before."""
        with self._changed:
            if len(self._generations[-1]):
                self._generations = (*self._generations, Recent(self._generation_points))
                self._changed.notify_all()

    def wait_for_frozen(self, wait_s: float) -> RecentView | None:
        """The oldest frozen generation, or None when there is none within `wait_s`. Sealer only."""
        with self._changed:
            self._changed.wait_for(lambda: len(self._generations) > 1, wait_s)
            return self._generations[0].view() if len(self._generations) > 1 else None

    def replace_oldest(self, segment: Segment) -> None:
        """From now on this segment stands for the oldest generation. Sealer only."""
        with self._changed:
            self._segments.add((segment,))
            self._generations = self._generations[1:]
            self._changed.notify_all()

    def pin(self) -> Pinned:
        """What is visible now; `release` it. The points of one commit are in it all or not at all."""
        with self._changed:
            return Pinned(self._segments.pin(), tuple(generation.view() for generation in self._generations))

    def close(self) -> None:
        """Let go of all segments; nothing may be pinned."""
        self._segments.close()

    def release(self, pinned: Pinned) -> None:
        self._segments.release(pinned.segments)
