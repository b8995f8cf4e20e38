"""The last point of each of many series: stretches of time from the newest back, each longer than the one before, in
which only the series are read that none of the later ones held."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from headrace import limits
from headrace.errors import Refused
from headrace.kernels.storing.rows import gather
from headrace.model.points import Values, take_optional
from headrace.model.time import TimeRange
from headrace.store import Columns
from headrace.store.rows import Collector, Rows

Select = Callable[[NDArray[np.uint32], int, int], Columns]
"""Snapshot.select, with limits.LAST_POINTS_MAX for the number of points."""

WINDOW_GROWTH = 8


class _Window(NamedTuple):
    start_ms: int
    end_ms: int


def last(select: Select, series: NDArray[np.uint32], before_ms: int, held: TimeRange | None, now_ms: int) -> Columns:
    """See store.Snapshot.last. Deletes, expiry and the order of versions are `select`'s to know.

    held: the times of the earliest and latest point anywhere, None when there is none.
    """
    found = Collector(len(series))
    remaining = series
    end = before_ms if held is None else min(before_ms, held.end_ms)
    width = limits.LAST_WINDOW_MS
    while held is not None and len(remaining) and end >= held.start_ms:
        window = _window(end, width, held.start_ms, now_ms)
        try:
            columns = select(remaining, *window)
        except Refused as refused:
            if refused.rule != "query-points" or window.start_ms == window.end_ms:
                raise
            width = (window.end_ms - window.start_ms + 1) // 2
            continue
        if len(columns):
            found.add(_ends(columns))
            remaining = remaining[~np.isin(remaining, columns.series)]
        end = window.start_ms - 1
        width = limits.LAST_WINDOW_MS if end == now_ms else width * WINDOW_GROWTH
    return _in_order(found.take(), series)


def _window(end_ms: int, width_ms: int, earliest_ms: int, now_ms: int) -> _Window:
    """A clock that ran ahead must not draw the stretches away from where the points are: none spans the present."""
    start = max(end_ms - width_ms + 1, earliest_ms)
    return _Window(now_ms + 1 if start <= now_ms < end_ms else start, end_ms)


def _ends(columns: Columns) -> Rows:
    """The last row of each series."""
    rows = (columns.starts[1:] - 1).astype(np.uint32)
    times = np.empty(len(rows), dtype=np.int64)
    kinds = np.empty(len(rows), dtype=np.uint8)
    bits = np.empty(len(rows), dtype=np.int64)
    gather(rows, columns.times, columns.values.kinds, columns.values.bits, times, kinds, bits)
    return Rows(
        columns.series, times, Values(kinds, bits, columns.values.heap), None, take_optional(columns.arrivals, rows)
    )


def _in_order(rows: Rows, series: NDArray[np.uint32]) -> Columns:
    """One row a series, in the order of `series`."""
    by_ordinal = np.argsort(series)
    places = by_ordinal[np.searchsorted(series, rows.series, sorter=by_ordinal)]
    order = np.argsort(places)
    values = Values(rows.values.kinds[order], rows.values.bits[order], rows.values.heap)
    return Columns(
        rows.series[order],
        np.arange(len(order) + 1, dtype=np.int64),
        rows.times[order],
        values,
        take_optional(rows.arrivals, order),
    )
