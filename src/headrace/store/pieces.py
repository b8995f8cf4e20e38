"""A large select cut into pieces that can be had one after the other: each series' points are in one piece."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from headrace.store import Piece
from headrace.store.recent import RecentView
from headrace.store.rows import Wanted
from headrace.store.segments import Segment


def cut(
    segments: Sequence[Segment],
    generations: Sequence[RecentView],
    wanted: Wanted,
    start_ms: int,
    end_ms: int,
    points_max: int,
) -> list[Piece]:
    """See store.Snapshot.pieces. Neighbours on disk come together, so that few row groups are read twice."""
    steps = np.zeros(len(wanted) + 1)
    for segment in segments:
        segment.add_expected(wanted.keys, start_ms, end_ms, steps)
    recent = sum(map(len, generations)) / max(len(wanted), 1)
    expected = np.maximum(np.cumsum(steps[:-1]), 0.0) + recent
    if expected.sum() <= points_max:
        return [Piece(wanted.ordinals, int(expected.sum()))]
    ordinals = (wanted.keys & np.uint64(0xFFFF_FFFF)).astype(np.uint32)
    ends = _ends(expected, points_max)
    begins = [0, *ends[:-1]]
    return [Piece(ordinals[begin:end], int(expected[begin:end].sum())) for begin, end in zip(begins, ends, strict=True)]


def _ends(expected: NDArray[np.float64], points_max: int) -> list[int]:
    """As many series to a piece as stay within points_max together, at least one."""
    sums = np.cumsum(expected)
    ends: list[int] = []
    begin, before = 0, 0.0
    while begin < len(expected):
        begin = max(begin + 1, int(np.searchsorted(sums, before + points_max, side="right")))
        before = float(sums[begin - 1])
        ends.append(begin)
    return ends
