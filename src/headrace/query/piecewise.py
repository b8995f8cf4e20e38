"""Downsampling piece by piece: raw points are let go as soon as their buckets are made, so that a query may go over
many more of them than memory holds."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from headrace import limits
from headrace.errors import Refused
from headrace.model.points import Kind, Values
from headrace.model.query import SeriesQuery, ValuesMatch
from headrace.query.across import Numbers
from headrace.query.buckets import scan_range
from headrace.query.downsampling import SCRATCH_POINT_BYTES, filled, reduced, spans
from headrace.store import Columns, Piece, Snapshot


def downsampled(
    snapshot: Snapshot, query: SeriesQuery, series: NDArray[np.uint32]
) -> tuple[NDArray[np.uint32], Numbers]:
    """Of `series` those that have points in the range, in that order, and the buckets of each.

    Raises as query.engine.run.
    """
    assert query.downsampling is not None
    scan = scan_range(query.range, query.downsampling.buckets)
    found: list[NDArray[np.uint32]] = []
    parts: list[Numbers] = []
    for piece in snapshot.pieces(series, *scan, limits.QUERY_PIECE_POINTS):
        present, numbers = _piece(snapshot, query, piece)
        snapshot.memory.hold(numbers.nbytes)
        found.append(present)
        parts.append(numbers)
    if len(parts) == 1:
        present, numbers = found[0], parts[0]
    else:
        present, numbers = np.concatenate(found), Numbers.side_by_side(parts)
        snapshot.memory.hold(2 * numbers.nbytes)
        order = np.argsort(places(present, series))
        present, numbers = present[order], numbers.reordered(order)
    return present, filled(numbers, query.downsampling, query.range, snapshot.memory.hold)


def _piece(snapshot: Snapshot, query: SeriesQuery, piece: Piece) -> tuple[NDArray[np.uint32], Numbers]:
    """As `downsampled`, of one piece; a single series of very many points is read in several stretches of time."""
    assert query.downsampling is not None
    scan = scan_range(query.range, query.downsampling.buckets)
    stretches = [scan]
    if len(piece.series) == 1:
        parts = -(-piece.points // limits.QUERY_PIECE_POINTS)
        stretches = spans(scan, query.range, query.downsampling.buckets, parts)
    present = piece.series[:0]
    numbers: list[Numbers] = []
    for stretch in stretches:
        snapshot.check()
        with snapshot.memory.scratch():
            columns = selected(snapshot, piece.series, stretch.start_ms, stretch.end_ms, query.where)
            snapshot.memory.hold(SCRATCH_POINT_BYTES * len(columns))
            if len(columns):
                present = columns.series
                numbers.append(reduced(numbers_of(columns), query.downsampling, query.range))
    if not numbers:
        return present, Numbers.none()
    return present, numbers[0] if len(numbers) == 1 else Numbers.one_after_another(numbers)


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
