"""One value for each second, where an answer in seconds has several."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from headrace.errors import Refused
from headrace.kernels.answering.reductions import reduce_runs
from headrace.model.points import Kind, Values
from headrace.model.time import SECOND_MS
from headrace.query.functions import FUNCTIONS, NONE, in_doubles

_STRETCH_POINTS: Final = 1 << 16
"""Points that are worked on together, so that what it takes beside the result stays at some 4 MB."""


def by_second(times: NDArray[np.int64], values: Values, aggregator: str) -> tuple[NDArray[np.int64], Values] | None:
    """Of n points ascending in time (ms) one for each second: its beginning (int64[m] ms), and a value; None where none
    has several.

    A second's only point keeps its kind. Several become the double that the aggregator makes of them (OpenTSDB's
    documentation of msResolution: they are downsampled by the query's aggregation function), NaN taking no part. Where
    there is nothing to compute with, as with `none` or a text among them, the last of them stays. Raises Refused (rule
    "infinite").
    """
    stretches = list(_stretches(times))
    if not any(_several(times[rows]) for rows in stretches):
        return None
    alone = aggregator == NONE or int(values.kinds.max()) > Kind.INT64
    parts = [
        _one_each(times[rows], Values(values.kinds[rows], values.bits[rows]), NONE if alone else aggregator)
        for rows in stretches
    ]
    seconds, kinds, bits = (np.concatenate(columns) for columns in zip(*parts, strict=True))
    return seconds, Values(kinds, bits, values.heap)


def _stretches(times: NDArray[np.int64]) -> Iterator[slice]:
    """Cut between seconds."""
    first = 0
    while first < len(times):
        last = min(first + _STRETCH_POINTS, len(times)) - 1
        end = int(np.searchsorted(times, (times[last] // SECOND_MS + 1) * SECOND_MS))
        yield slice(first, end)
        first = end


def _several(times: NDArray[np.int64]) -> bool:
    seconds = times // SECOND_MS
    return bool((seconds[1:] == seconds[:-1]).any())


def _one_each(
    times: NDArray[np.int64], values: Values, aggregator: str
) -> tuple[NDArray[np.int64], NDArray[np.uint8], NDArray[np.int64]]:
    seconds = times // SECOND_MS
    rows = np.append(np.flatnonzero(seconds[1:] != seconds[:-1]), len(seconds) - 1)
    kinds, bits = values.kinds[rows], values.bits[rows]
    if aggregator != NONE:
        several = np.diff(rows, prepend=-1) > 1
        combined = _combined(values, rows + 1, aggregator)[several]
        if np.isinf(combined).any():
            raise Refused("infinite", "Got Infinity: the values of a second are too large for a double")
        kinds[several] = Kind.DOUBLE
        bits[several] = combined.view(np.int64)
    return seconds[rows] * SECOND_MS, kinds, bits


def _combined(values: Values, ends: NDArray[np.int64], aggregator: str) -> NDArray[np.float64]:
    """float64[m]: of the numbers up to each of `ends`, from the one before it on."""
    doubles = np.where(values.kinds == Kind.INT64, values.bits.astype(np.float64), values.bits.view(np.float64))
    present = ~np.isnan(doubles)
    bounds = np.append(0, np.cumsum(present))[np.append(0, ends)]
    function = in_doubles(FUNCTIONS[aggregator])
    out = np.empty(len(ends), dtype=np.float64)
    reduce_runs(function.code, function.probability, doubles[present], bounds[:-1], bounds[1:], out)
    return out
