"""Which points two results have, of a difference: whether one has all of the other's, and where they part."""

from __future__ import annotations

import math
from itertools import zip_longest
from typing import Any

from oracles.comparing.differences import Difference
from oracles.kairosdb.judging import Number, Seen, alike

HAVE_POINTS = ("sample_size", "results", "type", "members", "times", "values", "spelling")
"""Kinds of differences that `is_less` can judge."""

Points = list[list[Any]]


def values_of(found: Difference) -> tuple[Points, Points]:
    """The points there and here, of all results together; of a sample size, as many that are nothing."""
    real, ours = (_points(one.said if isinstance(one, Seen) else one) for one in (found.real, found.ours))
    return real, ours


def is_less(found: Difference, ours: bool = True, relative: float = 0) -> bool:
    """Whether our points are some of KairosDB's, and fewer; or with `ours` false KairosDB's of ours. relative: how far
    doubles may be off."""
    real, here = values_of(found)
    more, fewer = (real, here) if ours else (here, real)
    return len(fewer) < len(more) and has_all_of(more, fewer, relative)


def has_all_of(more: Points, fewer: Points, relative: float) -> bool:
    """Whether each of `fewer` is there, as often."""
    by_time: dict[Any, list[Any]] = {}
    for time_ms, value in more:
        by_time.setdefault(time_ms, []).append(value)
    for time_ms, value in fewer:
        here = by_time.get(time_ms, [])
        at = next(
            (at for at, other in enumerate(here) if alike(other, value) or _is_near(other, value, relative)), None
        )
        if at is None:
            return False
        del here[at]
    return True


def first_difference_ms(found: Difference) -> float:
    """The time of the first point that one of them lacks, or has with another value; infinite if there is none."""
    for one, other in zip_longest(*values_of(found)):
        if one is None or other is None or one[0] != other[0] or not alike(one[1], other[1]):
            return min(float(point[0]) for point in (one, other) if point is not None)
    return math.inf


def _is_near(one: Any, other: Any, relative: float) -> bool:
    are_numbers = isinstance(one, Number) and isinstance(other, Number)
    return are_numbers and math.isclose(one.value, other.value, rel_tol=relative)


def _points(said: Any) -> Points:
    if isinstance(said, Number | int):
        return [["", ""]] * int(said)
    results = said if isinstance(said, list) else [said]
    return [point for result in results for point in result["values"]]
