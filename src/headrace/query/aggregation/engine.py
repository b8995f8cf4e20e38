"""From a query to its results: select one snapshot's points, downsample and rate each series, aggregate each group.

Order of work as in OpenTSDB (TsdbQuery, SpanGroup): downsample, rate, aggregate with interpolation, keep start <=
time <= end. Everything is CSR columns; Python touches groups, never points.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from headrace.errors import Refused
from headrace.kernels.answering.rate import rates
from headrace.model.points import Kind, Values
from headrace.model.query import ChosenSeries, Rate, SeriesQuery
from headrace.model.time import TimeRange
from headrace.query import groups
from headrace.query.aggregation.across import Numbers, aggregate
from headrace.query.aggregation.piecewise import downsampled, numbers_of, places, selected
from headrace.query.aggregation.sightings import Sightings
from headrace.query.buckets import scan_range
from headrace.query.functions import AGGREGATORS, NONE
from headrace.store import Columns, Snapshot

RATE_POINT_BYTES = 8 + 8 + 1
"""A time, a value and its kind."""


class Result(NamedTuple):
    """One group's answer. series: uint32[m], its members that have points.   times: int64[n] ms, ascending.   values:
    n values."""

    series: NDArray[np.uint32]
    times: NDArray[np.int64]
    values: Values


def run(snapshot: Snapshot, query: SeriesQuery, sightings: Sightings | None = None) -> Iterator[Result]:
    """The results of all groups that have a point within the range, one at a time.

    Text, bool and custom values come back as such when nothing is computed from them (aggregator none, neither
    downsampling nor rate), else they are passed over.   sightings: of query.range, told what is read. Raises
    Refused: what groups.find and groups.chosen raise, "value-kind" when numbers are asked and the range holds only
    other values, "query-points", "query-work", "infinite", and what query.buckets raises.
    """
    sightings = sightings or Sightings(query.range)
    ordered = _grouped(snapshot, query)
    if query.downsampling is not None:
        series, numbers = downsampled(snapshot, query, ordered.series, sightings)
    else:
        columns = selected(snapshot, ordered.series, *scan_range(query.range, None), query.where, sightings)
        if query.aggregator == NONE and query.rate is None:
            sightings.look_back(snapshot, columns.series)
            yield from _plain(snapshot, columns, query)
            return
        series, numbers = numbers_of(snapshot, columns, sightings)
    sightings.check()
    sightings.look_back(snapshot, series)
    if query.rate is not None:
        snapshot.memory.hold(RATE_POINT_BYTES * len(numbers.times))
        numbers = _rate(numbers, query.rate)
    aggregator = AGGREGATORS[query.aggregator]
    codes = ordered.codes[places(series, ordered.series)]
    bounds = [*np.flatnonzero(np.diff(codes, prepend=-1)).tolist(), len(codes)]
    for first, end in pairwise(bounds):
        snapshot.check()
        with snapshot.memory.scratch():
            group = numbers.of_series(first, end)
            times, values = aggregate(group, aggregator, query.rate is not None, snapshot.memory.hold)
        snapshot.memory.hold(times.nbytes + values.nbytes)
        infinite = np.isinf(values.doubles())
        if infinite.any() and (values.kinds[infinite] == Kind.DOUBLE).any():
            raise Refused("infinite", "Got Infinity: the values are too large for a double")
        yield from _result(series[first:end], times, values, query)


def _plain(snapshot: Snapshot, columns: Columns, query: SeriesQuery) -> Iterator[Result]:
    """Nothing is computed: each series is its own result."""
    for series in range(len(columns.series)):
        snapshot.check()
        rows = slice(int(columns.starts[series]), int(columns.starts[series + 1]))
        yield from _result(columns.series[series : series + 1], columns.times[rows], _rows(columns.values, rows), query)


def _grouped(snapshot: Snapshot, query: SeriesQuery) -> groups.Groups:
    """The selected series by their groups; chosen ones are a single group."""
    selection = query.selection
    if isinstance(selection, ChosenSeries):
        series = groups.chosen(snapshot, selection)
        keys = []
    else:
        series = groups.find(snapshot, selection)
        keys = [condition.key for condition in selection.filters if condition.group_by]
    if query.aggregator == NONE:
        return groups.each(series)
    return groups.group(snapshot, series, list(dict.fromkeys(keys)))


def _rate(numbers: Numbers, rate: Rate) -> Numbers:
    out_starts = np.empty(len(numbers.starts), dtype=np.int64)
    out_times = np.empty(len(numbers.times), dtype=np.int64)
    out_values = np.empty(len(numbers.times), dtype=np.float64)
    count = rates(
        numbers.starts,
        numbers.times,
        numbers.kinds,
        numbers.bits,
        numbers.bits.view(np.float64),
        rate.per_second,
        rate.counter,
        rate.counter_max,
        rate.reset_value,
        rate.drop_resets,
        out_starts,
        out_times,
        out_values,
    )
    return Numbers.of_doubles(out_starts, out_times[:count], out_values[:count])


def _result(
    series: NDArray[np.uint32], times: NDArray[np.int64], values: Values, query: SeriesQuery
) -> Iterator[Result]:
    """The part of a group's answer within the range, if there is any."""
    asked: TimeRange = query.range
    first = int(np.searchsorted(times, asked.start_ms, side="left"))
    end = int(np.searchsorted(times, asked.end_ms, side="right"))
    if first < end:
        yield Result(series, times[first:end], _rows(values, slice(first, end)))


def _rows(values: Values, rows: slice) -> Values:
    return Values(values.kinds[rows], values.bits[rows], values.heap)
