"""Which files to merge next: docs/decisions/merging.md has the argument and the bounds.

Files stand in rising order of version and only neighbours may be merged (docs/decisions/versions.md). A file's size is
its share of a full one. One of at least half that size is closed and never merged again for its size. Behind the last
closed file sizes fall in tiers by a factor of limits.MERGE_FACTOR, so there are few files; before it nothing small is
left between closed ones.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import floor, fsum, log

from headrace import limits

CLOSED = 0.5


def plan_merge(sizes: Sequence[float]) -> slice | None:
    """The neighbours to merge next, at least two and at most limits.MERGE_INPUTS_MAX, or None when all is well.

    sizes: of the files in rising order of version, each a share of the largest file allowed, over 0. The chosen ones
    together are at most 1. Of several choices it is the cheapest.
    """
    return min(_plans(sizes), key=lambda plan: fsum(sizes[plan.start : plan.stop]), default=None)


def _plans(sizes: Sequence[float]) -> Iterator[slice]:
    open_from = max((at + 1 for at, size in enumerate(sizes) if size >= CLOSED), default=0)
    for at in range(open_from - 1):
        if sizes[at] < CLOSED and sizes[at + 1] < CLOSED:
            yield _fitting(sizes, at, open_from)
    begin = open_from
    while begin < len(sizes):
        tiers = [_tier(size) for size in sizes[begin:]]
        highest = max(tiers)
        end = begin + max(at + 1 for at, tier in enumerate(tiers) if tier == highest)
        if end - begin >= limits.MERGE_FACTOR:
            yield _fitting(sizes, begin, end)
        begin = end


def _tier(size: float) -> int:
    """0 for the largest open files, -1 for those smaller by the factor, and so on."""
    return floor(log(size / CLOSED, limits.MERGE_FACTOR)) + 1


def _fitting(sizes: Sequence[float], begin: int, end: int) -> slice:
    """As many from `begin` on, all open, as may be one file: two always may."""
    stop, total = begin, 0.0
    while stop < min(end, begin + limits.MERGE_INPUTS_MAX) and sizes[stop] < CLOSED and total + sizes[stop] <= 1:
        total += sizes[stop]
        stop += 1
    return slice(begin, stop)
