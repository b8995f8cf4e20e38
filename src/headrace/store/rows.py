"""What a query asks of one source, and the rows that a source gives back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from headrace.errors import Refused
from headrace.kernels.rows import NOT_WANTED
from headrace.kernels.texts import rebase_texts
from headrace.model.points import NEVER, Values

MetricIds = Callable[[NDArray[np.uint32]], NDArray[np.uint32]]
"""The metric id (uint32) of each given ordinal. An id must never change, as segments are sorted by it. It is the rank
of the metric among all metrics by their first ordinal, so it can be had again from the series files alone."""


def sort_keys(ordinals: NDArray[np.uint32], metric_ids: MetricIds) -> NDArray[np.uint64]:
    """uint64 per ordinal: metric id << 32 | ordinal, the order of series in every segment."""
    return metric_ids(ordinals).astype(np.uint64) << np.uint64(32) | ordinals


@dataclass(frozen=True, slots=True)
class Wanted:
    """The series a query is about.

    ordinals: uint32[k], distinct, in the order of the answer.   keys: uint64[k], their sort keys, ascending.
    places: uint32, places[ordinal - lowest] is the ordinal's index in `ordinals`, or NOT_WANTED.
    """

    ordinals: NDArray[np.uint32]
    keys: NDArray[np.uint64]
    places: NDArray[np.uint32]
    lowest: int

    def __len__(self) -> int:
        return len(self.ordinals)


def want(ordinals: NDArray[np.uint32], metric_ids: MetricIds) -> Wanted:
    """Prepare a query for these distinct ordinals. Takes 4 bytes per ordinal between the lowest and highest."""
    if not len(ordinals):
        return Wanted(ordinals, np.empty(0, np.uint64), np.empty(0, np.uint32), 0)
    lowest = int(ordinals.min())
    places = np.full(int(ordinals.max()) - lowest + 1, NOT_WANTED, dtype=np.uint32)
    places[ordinals - np.uint32(lowest)] = np.arange(len(ordinals), dtype=np.uint32)
    return Wanted(ordinals, np.sort(sort_keys(ordinals, metric_ids)), places, lowest)


@dataclass(frozen=True, slots=True)
class Rows:
    """n rows of one source, a later one written after an earlier one if they have the same series and time.

    series: uint32[n].   times: int64[n] ms.   values: n values.   expires: int64[n] ms, or None when no row expires.
    """

    series: NDArray[np.uint32]
    times: NDArray[np.int64]
    values: Values
    expires: NDArray[np.int64] | None

    def __len__(self) -> int:
        return len(self.times)


def concatenate(parts: Sequence[Rows]) -> Rows:
    """One Rows of all parts, in their order; their texts in one heap."""
    if len(parts) == 1:
        return parts[0]
    kinds = np.concatenate([part.values.kinds for part in parts] or [np.empty(0, np.uint8)])
    bits = np.concatenate([part.values.bits for part in parts] or [np.empty(0, np.int64)])
    at = heap_bytes = 0
    for part in parts:
        if part.values.heap:
            rebase_texts(kinds[at : at + len(part)], bits[at : at + len(part)], heap_bytes)
            heap_bytes += len(part.values.heap)
        at += len(part)
    expires = None
    if any(part.expires is not None for part in parts):
        expires = np.concatenate(
            [np.full(len(part), NEVER) if part.expires is None else part.expires for part in parts]
        )
    return Rows(
        np.concatenate([part.series for part in parts] or [np.empty(0, np.uint32)]),
        np.concatenate([part.times for part in parts] or [np.empty(0, np.int64)]),
        Values(kinds, bits, b"".join(part.values.heap for part in parts)),
        expires,
    )


def too_many_points(points_max: int) -> Refused:
    """The refusal of a query that finds more rows than may be held in memory."""
    return Refused("query-points", f"more than {points_max} points; ask for fewer series or a shorter time")
