"""What queries may see: the segments that count and the generations of recent, changed only as a whole."""

from __future__ import annotations

import threading
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

    def append(self, points: Admitted, sequence: int) -> None:
        """Make a committed batch visible, all of it at once. Writer only; `fits` has said yes."""
        self._generations[-1].append(points, sequence)

    def fits(self, points: int) -> bool:
        """Whether the newest generation takes so many points more; an empty one takes any number."""
        newest = self._generations[-1]
        return not len(newest) or len(newest) + points <= self._generation_points

    def freeze(self, wait_s: float) -> None:
        """Begin a new generation, and leave the present one, unless it is empty, to the sealer. Writer only.

        Raises Unavailable when limits.GENERATIONS_MAX are there and the sealer frees none within `wait_s`.
        """
        with self._changed:
            if not len(self._generations[-1]):
                return
            if not self._changed.wait_for(lambda: len(self._generations) < limits.GENERATIONS_MAX, wait_s):
                raise Unavailable("points arrive faster than they can be sealed")
            self._generations = (*self._generations, Recent(self._generation_points))
            self._changed.notify_all()

    def wait_for_frozen(self, wait_s: float) -> Recent | None:
        """The oldest frozen generation, or None when there is none within `wait_s`. Sealer only."""
        with self._changed:
            self._changed.wait_for(lambda: len(self._generations) > 1, wait_s)
            return self._generations[0] if len(self._generations) > 1 else None

    def replace_oldest(self, segments: tuple[Segment, ...]) -> None:
        """From now on these segments stand for the oldest generation. Sealer only."""
        with self._changed:
            self._segments.add(segments)
            self._generations = self._generations[1:]
            self._changed.notify_all()

    def pin(self) -> Pinned:
        """What is visible now; `release` it. The points of one commit are in it all or not at all."""
        with self._changed:
            return Pinned(self._segments.pin(), tuple(generation.view() for generation in self._generations))

    def release(self, pinned: Pinned) -> None:
        self._segments.release(pinned.segments)
