"""A large select cut into pieces that can be had one by one: each series' points are in one piece."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from math import ceil

import numpy as np

from headrace import limits
from headrace.store import Piece
from headrace.store.embedded.recent.recent import RecentView
from headrace.store.embedded.segments.files.segment import Segment
from headrace.store.rows import Wanted


def cut(
    segments: Sequence[Segment],
    generations: Sequence[RecentView],
    wanted: Wanted,
    start_ms: int,
    end_ms: int,
) -> list[Piece]:
    """See store.Snapshot.pieces. Neighbours on disk come together, so that few row groups are read twice."""
    steps = np.zeros(len(wanted) + 1)
    for segment in segments:
        segment.add_expected(wanted.keys, start_ms, end_ms, steps)
    sealed = np.maximum(np.cumsum(steps[:-1]), 0.0)
    # Recent may be all of these series or of others: that it could be much is no reason to cut what is soon done.
    recent = sum(map(len, generations))
    few = sealed.sum() < limits.QUERY_HALVED_POINTS and sealed.sum() + recent <= 2 * limits.QUERY_PIECE_POINTS
    if few or not len(wanted):
        return [Piece(wanted.ordinals)]
    expected = sealed + recent / len(wanted)
    sums = np.cumsum(expected)
    points = float(sums[-1])
    count = _pieces_of(points)
    ordinals = (wanted.keys & np.uint64(0xFFFF_FFFF)).astype(np.uint32)
    numbers = ((sums - expected / 2) * (count / points)).astype(np.int64)  # of the piece that a series' middle lies in
    large = expected > points / count
    begins = np.diff(numbers, prepend=-1) > 0
    begins |= large
    begins[1:] |= large[:-1]
    bounds = [*np.flatnonzero(begins).tolist(), len(numbers)]
    return [
        Piece(ordinals[begin:end], _pieces_of(float(expected[begin])) if large[begin] else 1)
        for begin, end in pairwise(bounds)
    ]


def _pieces_of(points: float) -> int:
    """Into how many pieces so many points are cut: an even number, as two are worked on at a time."""
    return 2 * ceil(points / (2 * limits.QUERY_PIECE_POINTS))
