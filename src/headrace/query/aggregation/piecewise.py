"""Downsampling piece by piece: raw points are let go as soon as their buckets are made, so that a query may go over
many more of them than memory holds, and several threads may make them."""

from __future__ import annotations

from functools import partial
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from headrace.model.points import Values
from headrace.model.query import SeriesQuery, ValuesMatch
from headrace.model.time import TimeRange
from headrace.query.aggregation.across import Numbers
from headrace.query.aggregation.downsampling import SCRATCH_POINT_BYTES, filled, reduced, spans
from headrace.query.aggregation.sightings import Sightings
from headrace.query.buckets import scan_range
from headrace.store import Columns, Snapshot

_Found = tuple[NDArray[np.uint32], Numbers]
"""Series that have points, and the buckets of each."""


def downsampled(snapshot: Snapshot, query: SeriesQuery, series: NDArray[np.uint32], sightings: Sightings) -> _Found:
    """Of `series` those that have numbers in the range, in that order, and the buckets of each.

    Raises as query.aggregation.engine.run.
    """
    assert query.downsampling is not None
    scan = scan_range(query.range, query.downsampling.buckets)
    pieces = snapshot.pieces(series, *scan)
    cuts = [spans(scan, query.range, query.downsampling.buckets, piece.stretches) for piece in pieces]
    stretches = [(piece.series, stretch) for piece, cut in zip(pieces, cuts, strict=True) for stretch in cut]
    reductions = iter(snapshot.each(stretches, partial(_reduced_stretch, query, sightings)))
    parts = [_joined(list(islice(reductions, len(cut)))) for cut in cuts]
    if len(parts) == 1:
        present, numbers = parts[0]
    else:
        present = np.concatenate([series for series, _ in parts])
        numbers = Numbers.side_by_side([numbers for _, numbers in parts])
        snapshot.memory.hold(2 * numbers.nbytes)
        order = np.argsort(places(present, series))
        present, numbers = present[order], numbers.reordered(order)
    return present, filled(numbers, query.downsampling, query.range, query.rate is not None, snapshot.memory.hold)


def _reduced_stretch(
    query: SeriesQuery, sightings: Sightings, snapshot: Snapshot, stretch: tuple[NDArray[np.uint32], TimeRange]
) -> _Found:
    """Of some series and a stretch of time."""
    assert query.downsampling is not None
    snapshot.check()
    series, (start_ms, end_ms) = stretch
    with snapshot.memory.scratch():
        present, raw = numbers_of(
            snapshot, selected(snapshot, series, start_ms, end_ms, query.where, sightings), sightings
        )
        snapshot.memory.hold(SCRATCH_POINT_BYTES * len(raw.times))
        if not len(raw.times):
            return present, Numbers.none()
        numbers = reduced(raw, query.downsampling, query.range)
    snapshot.memory.hold(numbers.nbytes)
    return present, numbers


def _joined(stretches: list[_Found]) -> _Found:
    """The stretches of one piece, which has a single series if they are several."""
    with_points = [stretch for stretch in stretches if len(stretch[0])]
    if len(with_points) <= 1:
        return with_points[0] if with_points else stretches[0]
    return with_points[0][0], Numbers.one_after_another([numbers for _, numbers in with_points])


def selected(
    snapshot: Snapshot,
    series: NDArray[np.uint32],
    start_ms: int,
    end_ms: int,
    where: ValuesMatch | None,
    sightings: Sightings,
) -> Columns:
    """The points of `series` whose value matches, and the series that have some."""
    columns = snapshot.select(series, start_ms, end_ms)
    sightings.times(columns.times)
    return columns if where is None else _kept(columns, where(columns.values))


def numbers_of(snapshot: Snapshot, columns: Columns, sightings: Sightings) -> _Found:
    """The series that have numbers, and these alone: other values are passed over, and told to `sightings`."""
    kept = sightings.numbers(columns)
    if kept is not None:
        snapshot.memory.hold(columns.times.nbytes + columns.values.kinds.nbytes + columns.values.bits.nbytes)
        columns = _kept(columns, kept)
    kinds = np.ascontiguousarray(columns.values.kinds)
    return columns.series, Numbers(columns.starts, columns.times, kinds, columns.values.bits)


def _kept(columns: Columns, kept: NDArray[np.bool_]) -> Columns:
    """These points, bool[n], and the series that have some."""
    starts = np.append(0, np.cumsum(kept))[columns.starts].astype(np.int64)
    present = np.flatnonzero(np.diff(starts))
    values = Values(columns.values.kinds[kept], columns.values.bits[kept], columns.values.heap)
    return Columns(columns.series[present], np.append(starts[present], starts[-1]), columns.times[kept], values)


def places(some: NDArray[np.uint32], series: NDArray[np.uint32]) -> NDArray[np.int64]:
    """Where each of `some` stands in `series`, which holds them all."""
    by_ordinal = np.argsort(series)
    return by_ordinal[np.searchsorted(series, some, sorter=by_ordinal)]
