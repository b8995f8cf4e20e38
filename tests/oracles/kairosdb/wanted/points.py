"""Which points two answers have: whether one has all of the other's, and which it lacks."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import Any

from oracles.comparing.differences import Difference
from oracles.comparing.sorts import Said
from oracles.kairosdb.judging import Number, alike
from oracles.kairosdb.wanted.told import said_of

HAVE_POINTS = ("sample_size", "results", "type", "members", "times", "values")
"""Kinds of differences that `is_less` can judge."""

Points = list[list[Any]]

Same = Callable[[int, Any, Any], bool]
"""Whether at a time a value there stands for one here."""


def values_of(found: Difference) -> tuple[Points, Points]:
    """The points there and here, of all results together; of a sample size, as many that are nothing."""
    real, ours = map(_points, said_of(found))
    return real, ours


def all_of(answer: Said) -> Points:
    """The points of an answer about a metric."""
    return _points(answer["results"])


def is_less(found: Difference, ours: bool = True) -> bool:
    """Whether our points are some of KairosDB's, and fewer; or with `ours` false KairosDB's of ours."""
    real, here = values_of(found)
    more, fewer = (real, here) if ours else (here, real)
    return len(fewer) < len(more) and lacking(more, fewer) is not None


def lacking(more: Points, fewer: Points, same: Same | None = None) -> Points | None:
    """Those of `more` that `fewer` lacks; None if not each of `fewer` is there, as often."""
    left = by_time(more)
    for time_ms, value in fewer:
        here = left.get(time_ms, [])
        at = next((at for at, other in enumerate(here) if _same(same, time_ms, other, value)), None)
        if at is None:
            return None
        del here[at]
    return [[time_ms, value] for time_ms, values in left.items() for value in values]


def by_time(points: Points) -> dict[Any, list[Any]]:
    """Time -> its values."""
    found: dict[Any, list[Any]] = defaultdict(list)
    for time_ms, value in points:
        found[time_ms].append(value)
    return found


def same_points(points: Points, others: Points, same: Same | None = None) -> bool:
    """In this order."""
    return len(points) == len(others) and all(
        one[0] == other[0] and _same(same, one[0], one[1], other[1]) for one, other in zip(points, others, strict=True)
    )


def _same(same: Same | None, time_ms: Any, one: Any, other: Any) -> bool:
    return alike(one, other) or (same is not None and same(int(time_ms), one, other))


def _points(said: Any) -> Points:
    if isinstance(said, Number | int):
        return [["", ""]] * int(said)
    results = said if isinstance(said, list) else [said]
    return [point for result in results for point in result["values"]]
