"""One value for each second, where an answer in seconds has several."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from headrace.kernels.answering.reductions import reduce_runs
from headrace.model.points import Kind, Values
from headrace.model.time import SECOND_MS
from headrace.query.functions import FUNCTIONS, NONE, in_doubles


def by_second(times: NDArray[np.int64], values: Values, aggregator: str) -> tuple[NDArray[np.int64], Values]:
    """The seconds (int64[m], ascending) of n points ascending in time (ms), and a value for each.

    A second's only point keeps its kind. Several become the double that the aggregator makes of them (OpenTSDB's
    documentation of msResolution: they are downsampled by the query's aggregation function), NaN taking no part. Where
    there is nothing to compute with, as with `none` or a text among them, the last of them stays.
    """
    seconds = times // SECOND_MS
    last = np.append(seconds[1:] != seconds[:-1], True)[: len(seconds)]
    if last.all():
        return seconds, values
    rows = np.flatnonzero(last)
    kinds, bits = values.kinds[rows], values.bits[rows]
    if aggregator == NONE or int(values.kinds.max()) > Kind.INT64:
        return seconds[rows], Values(kinds, bits, values.heap)
    several = np.diff(rows, prepend=-1) > 1
    combined = _combined(values, rows + 1, aggregator)
    kinds[several] = Kind.DOUBLE
    bits[several] = combined.view(np.int64)[several]
    return seconds[rows], Values(kinds, bits)


def _combined(values: Values, ends: NDArray[np.int64], aggregator: str) -> NDArray[np.float64]:
    """float64[m]: of the numbers up to each of `ends`, from the one before it on."""
    doubles = np.where(values.kinds == Kind.INT64, values.bits.astype(np.float64), values.doubles())
    present = ~np.isnan(doubles)
    bounds = np.append(0, np.cumsum(present))[np.append(0, ends)]
    function = in_doubles(FUNCTIONS[aggregator])
    out = np.empty(len(ends), dtype=np.float64)
    reduce_runs(function.code, function.probability, doubles[present], bounds[:-1], bounds[1:], out)
    return out
