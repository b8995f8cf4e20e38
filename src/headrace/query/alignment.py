"""Series of different times brought to the same ones, so that arithmetic can go along their rows."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from headrace.kernels.answering.aggregate import union_of_times
from headrace.model.points import Kind, Values
from headrace.store.query_memory import Hold, uncounted


def union_of(columns: Iterable[NDArray[np.int64]], hold: Hold = uncounted) -> NDArray[np.int64]:
    """All times of the columns, ascending, each once.

    columns: int64[n] ms each, ascending. Those of the same times as the one before cost a comparison.
    hold: counts the bytes that this takes.
    """
    different: list[NDArray[np.int64]] = []
    for column in columns:
        if not different or not np.array_equal(column, different[-1]):
            different.append(column)
    if len(different) <= 1:
        return different[0] if different else np.empty(0, dtype=np.int64)
    lengths = list(map(len, different))
    hold(3 * 8 * sum(lengths))
    starts = np.concatenate(([0], np.cumsum(lengths, dtype=np.int64)))
    merged = np.empty(int(starts[-1]), dtype=np.int64)
    return merged[: union_of_times(starts, np.concatenate(different), np.empty_like(starts), merged)]


def placed(
    union: NDArray[np.int64], times: NDArray[np.int64], values: NDArray[np.float64], out: NDArray[np.float64]
) -> None:
    """Write the values to where their times stand in `union`, which has them all; the rest of `out` stays."""
    if len(times) == len(union):
        out[:] = values
    else:
        out[np.searchsorted(union, times)] = values


def only_numbers(times: NDArray[np.int64], values: Values) -> tuple[NDArray[np.int64], Values]:
    """The points that are numbers."""
    numbers = values.kinds <= Kind.INT64
    if numbers.all():
        return times, values
    return times[numbers], Values(values.kinds[numbers], values.bits[numbers])


def doubles_of(values: Values) -> NDArray[np.float64]:
    """Numbers of either kind as doubles."""
    integers = values.kinds == Kind.INT64
    if not integers.any():
        return values.doubles()
    return np.where(integers, values.bits.astype(np.float64), values.doubles())
