"""One value per bucket and series."""

from __future__ import annotations

import numpy as np

from headrace.kernels.downsample import edge_runs, fill, fixed_runs
from headrace.kernels.reductions import reduce_runs
from headrace.model.query import CalendarBuckets, Downsampling, Fill, FixedBuckets
from headrace.model.time import TimeRange
from headrace.query.across import Numbers
from headrace.query.buckets import calendar_edges, check_points, scan_range, stamps
from headrace.query.functions import FUNCTIONS, in_doubles


def downsample(numbers: Numbers, downsampling: Downsampling, asked: TimeRange) -> Numbers:
    """Each series' buckets, stamped with their start; always doubles. With a fill, every bucket that begins within
    `asked`."""
    series, points = len(numbers.starts) - 1, len(numbers.times)
    starts = np.empty(series + 1, dtype=np.int64)
    times = np.empty(points, dtype=np.int64)
    rows = np.empty(points + 1, dtype=np.int64)
    buckets = downsampling.buckets
    if isinstance(buckets, FixedBuckets):
        runs = fixed_runs(numbers.starts, numbers.times, buckets.interval_ms, 0, starts, times, rows)
    else:
        if isinstance(buckets, CalendarBuckets):
            edges = calendar_edges(buckets, asked, scan_range(asked, buckets))
        else:
            edges = stamps(asked, buckets)
        runs = edge_runs(numbers.starts, numbers.times, edges, starts, times, rows)
    function = in_doubles(FUNCTIONS[downsampling.function])
    values = np.empty(runs, dtype=np.float64)
    reduce_runs(function.code, function.probability, numbers.doubles(), rows[:runs], rows[1 : runs + 1], values)
    times = times[:runs]
    if downsampling.fill is Fill.NONE:
        return Numbers.of_doubles(starts, times, values)
    grid = stamps(asked, buckets)
    check_points(series * len(grid))
    filled = np.empty(series * len(grid), dtype=np.float64)
    fill(starts, times, values, grid, 0.0 if downsampling.fill is Fill.ZERO else np.nan, filled)
    regular = np.arange(series + 1, dtype=np.int64) * len(grid)
    return Numbers.of_doubles(regular, np.tile(grid, series), filled)
