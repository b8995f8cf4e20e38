"""Downsampling piece by piece: raw points are let go as soon as their buckets are made, so that a query may go over
many more of them than memory holds, and several threads may make them."""

from __future__ import annotations

from functools import partial
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from headrace.errors import Refused
from headrace.model.points import Kind, Values
from headrace.model.query import SeriesQuery, ValuesMatch
from headrace.model.time import TimeRange
from headrace.query.aggregation.across import Numbers
from headrace.query.aggregation.downsampling import SCRATCH_POINT_BYTES, filled, reduced, spans
from headrace.query.buckets import scan_range
from headrace.store import Columns, Snapshot

_Found = tuple[NDArray[np.uint32], Numbers]
"""Series that have points, and the buckets of each."""


def downsampled(snapshot: Snapshot, query: SeriesQuery, series: NDArray[np.uint32]) -> _Found:
    """Of `series` those that have points in the range, in that order, and the buckets of each.

    Raises as query.aggregation.engine.run.
    """
    assert query.downsampling is not None
    scan = scan_range(query.range, query.downsampling.buckets)
    pieces = snapshot.pieces(series, *scan)
    cuts = [spans(scan, query.range, query.downsampling.buckets, piece.stretches) for piece in pieces]
    stretches = [(piece.series, stretch) for piece, cut in zip(pieces, cuts, strict=True) for stretch in cut]
    reductions = iter(snapshot.each(stretches, partial(_reduced_stretch, query)))
    parts = [_joined(list(islice(reductions, len(cut)))) for cut in cuts]
    if len(parts) == 1:
        present, numbers = parts[0]
    else:
        present = np.concatenate([series for series, _ in parts])
        numbers = Numbers.side_by_side([numbers for _, numbers in parts])
        snapshot.memory.hold(2 * numbers.nbytes)
        order = np.argsort(places(present, series))
        present, numbers = present[order], numbers.reordered(order)
    return present, filled(numbers, query.downsampling, query.range, snapshot.memory.hold)


def _reduced_stretch(query: SeriesQuery, snapshot: Snapshot, stretch: tuple[NDArray[np.uint32], TimeRange]) -> _Found:
    """Of some series and a stretch of time."""
    assert query.downsampling is not None
    snapshot.check()
    series, (start_ms, end_ms) = stretch
    with snapshot.memory.scratch():
        columns = selected(snapshot, series, start_ms, end_ms, query.where)
        snapshot.memory.hold(SCRATCH_POINT_BYTES * len(columns))
        if not len(columns):
            return columns.series, Numbers.none()
        numbers = reduced(numbers_of(columns), query.downsampling, query.range)
    snapshot.memory.hold(numbers.nbytes)
    return columns.series, numbers


def _joined(stretches: list[_Found]) -> _Found:
    """The stretches of one piece, which has a single series if they are several."""
    with_points = [stretch for stretch in stretches if len(stretch[0])]
    if len(with_points) <= 1:
        return with_points[0] if with_points else stretches[0]
    return with_points[0][0], Numbers.one_after_another([numbers for _, numbers in with_points])


def selected(
    snapshot: Snapshot, series: NDArray[np.uint32], start_ms: int, end_ms: int, where: ValuesMatch | None
) -> Columns:
    """The points of `series` whose value matches, and the series that have some."""
    columns = snapshot.select(series, start_ms, end_ms)
    if where is None:
        return columns
    kept = where(columns.values)
    starts = np.append(0, np.cumsum(kept))[columns.starts].astype(np.int64)
    present = np.flatnonzero(np.diff(starts))
    values = Values(columns.values.kinds[kept], columns.values.bits[kept], columns.values.heap)
    return Columns(columns.series[present], np.append(starts[present], starts[-1]), columns.times[kept], values)


def numbers_of(columns: Columns) -> Numbers:
    """Raises Refused (rule "value-kind") when some are no numbers."""
    kinds = columns.values.kinds
    other = np.flatnonzero(kinds > Kind.INT64)
    if len(other):
        kind = Kind(int(kinds[other[0]])).name.lower()
        raise Refused(
            "value-kind",
            f"the series hold {kind} values: numbers cannot be computed from them, ask with aggregator none",
        )
    return Numbers(columns.starts, columns.times, np.ascontiguousarray(kinds), columns.values.bits)


def places(some: NDArray[np.uint32], series: NDArray[np.uint32]) -> NDArray[np.int64]:
    """Where each of `some` stands in `series`, which holds them all."""
    by_ordinal = np.argsort(series)
    return by_ordinal[np.searchsorted(series, some, sorter=by_ordinal)]
