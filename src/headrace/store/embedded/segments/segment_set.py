"""The segments that count, and who still reads those that no longer do."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Collection
from pathlib import Path

from headrace.store.embedded.files.durable import discard
from headrace.store.embedded.segments.files.segment import Segment


class SegmentSet:
    """An immutable tuple of segments, in rising order of version, that is swapped as a whole. Any thread.

    A segment that is taken out is closed and its file retired as soon as nobody has it pinned. A crash in between
    leaves a file that current.json does not list; opening sweeps it.
    """

    def __init__(self, segments: Collection[Segment] = (), retire: Callable[[Path], None] = discard) -> None:
        """retire: what becomes of a file that nobody needs; never raises."""
        self._retire = retire
        self._lock = threading.Lock()
        self._segments = _in_version_order(segments)
        self._pins: Counter[Segment] = Counter()
        self._dropped: set[Segment] = set()

    def pin(self) -> tuple[Segment, ...]:
        """The segments that count now; they stay readable until `release`."""
        with self._lock:
            self._pins.update(self._segments)
            return self._segments

    def are_all_of(self, pinned: tuple[Segment, ...]) -> bool:
        """Whether no segment has come since `pinned` were pinned."""
        with self._lock:
            return set(self._segments) <= set(pinned)

    def release(self, pinned: tuple[Segment, ...]) -> None:
        """Give back what one `pin` returned."""
        with self._lock:
            self._pins.subtract(pinned)
            unused = self._take_unused()
        self._let_go(unused)

    def add(self, segments: Collection[Segment]) -> None:
        """From now on these count too."""
        self.replace((), segments)

    def replace(self, old: Collection[Segment], new: Collection[Segment]) -> None:
        """In one step, `new` count and `old` no longer do. current.json must say so already."""
        with self._lock:
            self._segments = _in_version_order([segment for segment in self._segments if segment not in old] + [*new])
            self._dropped.update(old)
            unused = self._take_unused()
        self._let_go(unused)

    def discard(self, path: Path) -> None:
        """The segment in this file counts no longer, if one did; whoever has it pinned may read on."""
        with self._lock:
            gone = [segment for segment in self._segments if segment.path == path]
        self.replace(gone, ())

    def close(self) -> None:
        """Let go of all files; nothing may be pinned."""
        with self._lock:
            for segment in self._segments:
                segment.close()
            self._segments = ()

    def _take_unused(self) -> list[Segment]:
        unused = [segment for segment in self._dropped if not self._pins[segment]]
        self._dropped.difference_update(unused)
        for segment in unused:
            del self._pins[segment]
        return unused

    def _let_go(self, segments: list[Segment]) -> None:
        for segment in segments:
            segment.close()
        for segment in segments:
            self._retire(segment.path)


def _in_version_order(segments: Collection[Segment]) -> tuple[Segment, ...]:
    return tuple(sorted(segments, key=lambda segment: segment.meta.max_sequence))
