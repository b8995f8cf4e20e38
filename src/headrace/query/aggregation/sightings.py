"""What a question meets among the points that it reads: whether there are numbers to compute from, and times between
seconds."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from headrace.errors import Refused
from headrace.limits import UNIT_LOOKS
from headrace.model.points import Kind
from headrace.model.time import TIME_MS_MAX, TimeRange
from headrace.store import Columns, Snapshot

_LOOK_POINTS: Final = 1 << 16
"""Times that are looked at together: their halves fit into a core's cache."""


class Sightings:
    """Of one question. Several threads may tell it what they read, each piece once; what was seen stays seen."""

    def __init__(self, asked: TimeRange, of_seconds: bool = False) -> None:
        """asked: the range that decides whether there are numbers.   of_seconds: look for times between seconds."""
        self._asked = asked
        self._of_seconds = of_seconds
        self._points = 0
        self._first_ms = TIME_MS_MAX
        self._numbers = False
        self._other: Kind | None = None
        self.between_seconds = False
        """Whether some point that was read lies between two whole seconds."""

    def anew(self, asked: TimeRange) -> Sightings:
        """Of the same question, put for another range."""
        sightings = Sightings(asked, self._of_seconds)
        sightings.between_seconds = self.between_seconds
        return sightings

    def times(self, times: NDArray[np.int64]) -> None:
        """int64[n] ms of points that were read."""
        if not self._of_seconds or not len(times):
            return
        self._points += len(times)
        self._first_ms = min(self._first_ms, int(times.min()))
        for first in range(0, len(times), _LOOK_POINTS):
            if self.between_seconds:
                return
            some = times[first : first + _LOOK_POINTS]
            self.between_seconds = bool((some // 1000 * 1000 != some).any())

    def look_back(self, snapshot: Snapshot, series: NDArray[np.uint32]) -> None:
        """Where few points were read, look at some of the first of `series` that lie before them."""
        while self._of_seconds and not self.between_seconds and 0 < self._points < UNIT_LOOKS and len(series):
            before = snapshot.last(series[:1], self._first_ms - 1).times
            if not len(before):
                return
            self.times(before)

    def numbers(self, columns: Columns) -> NDArray[np.bool_] | None:
        """bool[n]: which of the points that were read are numbers, None when all are."""
        kinds = columns.values.kinds
        if int(kinds.max(initial=0)) <= Kind.INT64:
            if not self._numbers:
                self._numbers = bool(self._within(columns.times).any())
            return None
        numbers, within = kinds <= Kind.INT64, self._within(columns.times)
        if self._other is None:
            others = kinds[within & ~numbers]
            self._other = Kind(int(others[0])) if len(others) else None
        self._numbers = self._numbers or bool((within & numbers).any())
        return numbers

    def check(self) -> None:
        """Raises Refused (rule "value-kind") when the range holds values of other kinds and no number."""
        if self._other is not None and not self._numbers:
            raise Refused(
                "value-kind",
                f"the series hold {self._other.name.lower()} values: numbers cannot be computed from them, ask with "
                "aggregator none",
            )

    def _within(self, times: NDArray[np.int64]) -> NDArray[np.bool_]:
        return (times >= self._asked.start_ms) & (times <= self._asked.end_ms)
