"""Which series a query means, and which of them belong together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from headrace.errors import Refused
from headrace.model.query import ChosenSeries, Matches, Selection
from headrace.model.series import UNKNOWN
from headrace.store import Snapshot


class Groups(NamedTuple):
    """series: uint32[k], ordered by group.   codes: int64[k], each one's group, ascending from 0."""

    series: NDArray[np.uint32]
    codes: NDArray[np.int64]


def find(snapshot: Snapshot, selection: Selection) -> NDArray[np.uint32]:
    """Ordinals of the selected series, ascending. Raises Refused (rule "metric-unknown", detail the name) for an
    unknown metric."""
    conditions: dict[str, list[Matches]] = {}
    for condition in selection.filters:
        conditions.setdefault(condition.key, []).append(condition.matches)
    try:
        return snapshot.find(selection.metric, conditions, selection.absent_keys, selection.exact_keys)
    except KeyError as error:
        raise Refused("metric-unknown", selection.metric) from error


def chosen(snapshot: Snapshot, selection: ChosenSeries) -> NDArray[np.uint32]:
    """Ordinals of the chosen series, in their order, each once. Raises Refused: rule "series-unknown", detail the index
    of the first key that no series has; rule "metrics-differ"."""
    series = snapshot.with_keys(selection.keys)
    unknown = np.flatnonzero(series == UNKNOWN)
    if len(unknown):
        raise Refused("series-unknown", str(unknown[0]))
    _, first = np.unique(series, return_index=True)
    series = series[np.sort(first)]
    if len({name.metric for name in snapshot.names(series)}) > 1:
        raise Refused("metrics-differ", "the series are not all of one metric")
    return series


def group(snapshot: Snapshot, series: NDArray[np.uint32], keys: Sequence[str]) -> Groups:
    """Series with equal values of all tags `keys` make a group, in order of first appearance; without keys all are
    one group."""
    codes = np.zeros(len(series), dtype=np.int64)
    for key in keys:
        # Fewer than 2^32 series and values: below 2^64, and dense again after each key.
        codes = _dense(codes.astype(np.uint64) << np.uint64(32) | snapshot.tag_ids(series, key))
    order = np.argsort(codes, kind="stable")
    return Groups(series[order], codes[order])


def each(series: NDArray[np.uint32]) -> Groups:
    """Every series is its own group."""
    return Groups(series, np.arange(len(series), dtype=np.int64))


def _dense(codes: NDArray[np.uint64]) -> NDArray[np.int64]:
    _, first, inverse = np.unique(codes, return_index=True, return_inverse=True)
    rank = np.empty(len(first), dtype=np.int64)
    rank[np.argsort(first)] = np.arange(len(first))
    return rank[inverse]
