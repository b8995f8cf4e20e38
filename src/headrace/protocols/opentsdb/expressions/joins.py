"""Which series of several variables belong together (OpenTSDB: UnionIterator, IntersectionIterator)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from headrace.errors import Refused

Key = tuple[frozenset[tuple[str, str]], frozenset[str]]
"""What series of one kind have in common: tags, and keys of tags that were aggregated."""


class Series(NamedTuple):
    """One series of a variable. metrics: of which it was made.   tags: those of all its members.   aggregated: keys of
    tags in which they differ.   times: int64[n] ms, ascending.   values: float64[n]."""

    metrics: frozenset[str]
    tags: Mapping[str, str]
    aggregated: frozenset[str]
    times: NDArray[np.int64]
    values: NDArray[np.float64]


class Variable(NamedTuple):
    """What an id stands for. filtered: keys of tags that its filters name.   missing: what it is at a time without a
    value."""

    series: Sequence[Series]
    filtered: frozenset[str]
    missing: float


class Join(NamedTuple):
    """intersection: only what all variables have; else what any has.   filtered_only: only tags that filters name must
    be equal.   with_aggregated: the keys of aggregated tags must be equal too."""

    intersection: bool = False
    filtered_only: bool = False
    with_aggregated: bool = True


Row = dict[str, Series]
"""One series of the result: of each variable the series that goes into it, or none."""


def joined(variables: Mapping[str, Variable], join: Join, place: str = "") -> list[Row]:
    """The rows in order of first appearance. Of several series of a variable with one key the last counts.

    Raises Refused (rule "expression") when an intersection of variables that have series is empty.
    """
    rows: dict[Key, Row] = {}
    for name, variable in variables.items():
        for series in variable.series:
            rows.setdefault(_key(series, variable, join), {})[name] = series
    if not join.intersection:
        return list(rows.values())
    kept = [row for row in rows.values() if len(row) == len(variables)]
    if rows and not kept:
        raise Refused("expression", f"No intersections found: {', '.join(variables)} have no series in common", place)
    return kept


def _key(series: Series, variable: Variable, join: Join) -> Key:
    """OpenTSDB: flattenTags. Series without any tag in common are of one kind, whatever was aggregated."""
    if not series.tags:
        return frozenset(), frozenset()
    tags = frozenset(
        (key, value) for key, value in series.tags.items() if not join.filtered_only or key in variable.filtered
    )
    return tags, series.aggregated if join.with_aggregated else frozenset()


def described(row: Row) -> tuple[frozenset[str], dict[str, str], frozenset[str]]:
    """(metrics, tags, aggregated tag keys) of what comes of a row: tags that all its series have, as OpenTSDB promises;
    keys that any of them has aggregated."""
    tags = [set(series.tags.items()) for series in row.values()]
    common = set.intersection(*tags)
    return (
        frozenset().union(*(series.metrics for series in row.values())),
        {key: value for key, value in _first_tags(row) if (key, value) in common},
        frozenset().union(*(series.aggregated for series in row.values())),
    )


def _first_tags(row: Row) -> Iterator[tuple[str, str]]:
    return iter(next(iter(row.values())).tags.items())
