"""Windows of time that move on by a unit and overlap: each point comes back once for every window that holds it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from headrace.model.points import Values
from headrace.query.buckets import check_points
from headrace.query.chain.ranges import Ranges
from headrace.query.chain.rows import Rows
from headrace.store.query_memory import Hold

ROW_BYTES = 8 + 8 + 1 + 8 + 8
"""A time, a value, its kind, its weight, and its row before."""


@dataclass(frozen=True, slots=True)
class Windows:
    """The windows (anchor + (k - length) units, anchor + k units] for k >= 0. units: ranges of one unit each, from the
    anchor on.   length: in units."""

    units: Ranges
    length: int

    @property
    def first_ms(self) -> int:
        """Where the first window begins; it holds what is later."""
        return int(self.units.starts(np.array([-self.length], dtype=np.int64))[0])


def windowed(rows: Rows, hold: Hold, windows: Windows) -> Rows:
    """The points of one window after the other, each at the end of the window, up to the first window that holds the
    last point; windows without points leave nothing (KairosDB Extensions: MovingWindowAggregator). hold: counts what
    is made. Raises as `hold`, Refused (rule "query-points") for too many points."""
    rows = rows.merged()
    if not len(rows):
        return rows
    # Ranges hold their beginning, windows their end.
    ends = windows.units.numbers(rows.times - 1) + 1
    last = int(ends[-1])
    counts = np.maximum(np.minimum(ends + windows.length - 1, last) - np.maximum(ends, 0) + 1, 0)
    total = int(counts.sum(dtype=np.float64))
    check_points(total)
    hold(ROW_BYTES * total)
    numbers = _windows_of(np.unique(ends), windows.length, last)
    firsts = np.searchsorted(ends, numbers - windows.length, side="right")
    lengths = np.searchsorted(ends, numbers, side="right") - firsts
    places = np.cumsum(lengths) - lengths
    taken = np.repeat(firsts - places, lengths) + np.arange(total)
    values = Values(rows.values.kinds[taken], rows.values.bits[taken], rows.values.heap)
    times = np.repeat(windows.units.starts(numbers), lengths) if total else rows.times[:0]
    return Rows.of_one(times, values, None if rows.weights is None else rows.weights[taken])


def _windows_of(ends: NDArray[np.int64], length: int, last: int) -> NDArray[np.int64]:
    """int64[w] ascending: the windows from 0 to `last` that hold a point. ends: the first window of each point,
    ascending."""
    firsts = np.maximum(ends, 0)
    # Each adds what the next one does not.
    limits = np.minimum(np.append(firsts[1:], last + 1), np.minimum(ends + length, last + 1))
    counts = np.maximum(limits - firsts, 0)
    return np.repeat(firsts - (np.cumsum(counts) - counts), counts) + np.arange(int(counts.sum()))
