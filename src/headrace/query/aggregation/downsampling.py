"""One value per bucket and series."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from headrace.kernels.answering.downsample import edge_runs, fill, fixed_runs
from headrace.kernels.answering.reductions import reduce_runs
from headrace.model.query import Buckets, CalendarBuckets, Downsampling, Fill, FixedBuckets, OneBucket
from headrace.model.time import TimeRange, floor_to
from headrace.query.aggregation.across import Numbers
from headrace.query.buckets import calendar_edges, check_points, scan_range, stamps
from headrace.query.functions import FUNCTIONS, in_doubles
from headrace.scratch import SCRATCH
from headrace.store.query_memory import Hold, uncounted

SCRATCH_POINT_BYTES = 8 + 8 + 8 + 8
"""Of `reduced`: a time, a row, a double and a value for each point, if each has a bucket of its own."""

FILLED_POINT_BYTES = 8 + 8 + 1
"""Of `filled`: a time, a value and its kind for each bucket."""


def reduced(numbers: Numbers, downsampling: Downsampling, asked: TimeRange) -> Numbers:
    """Each series' buckets that hold points, stamped with their start; always doubles."""
    series, points = len(numbers.starts) - 1, len(numbers.times)
    starts = np.empty(series + 1, dtype=np.int64)
    times = SCRATCH.empty(points, np.int64)
    rows = SCRATCH.empty(points + 1, np.int64)
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
    return Numbers.of_doubles(starts, times[:runs].copy(), values)


def filled(
    numbers: Numbers, downsampling: Downsampling, asked: TimeRange, one_before: bool = False, hold: Hold = uncounted
) -> Numbers:
    """What `reduced` gave; with a fill, every bucket that begins within `asked`.

    one_before: and the one before these, from which the first rate is counted (OpenTSDB: RateSpan).   hold: counts the
    bytes that this takes. Raises Refused (rule "query-points") for too many buckets.
    """
    if downsampling.fill is Fill.NONE:
        return numbers
    series = len(numbers.starts) - 1
    grid = stamps(asked, downsampling.buckets, one_before)
    check_points(series * len(grid))
    hold(series * len(grid) * FILLED_POINT_BYTES)
    values = np.empty(series * len(grid), dtype=np.float64)
    missing = 0.0 if downsampling.fill is Fill.ZERO else np.nan
    fill(numbers.starts, numbers.times, numbers.doubles(), grid, missing, values)
    regular = np.arange(series + 1, dtype=np.int64) * len(grid)
    return Numbers.of_doubles(regular, np.tile(grid, series), values)


def spans(over: TimeRange, asked: TimeRange, buckets: Buckets, parts: int) -> list[TimeRange]:
    """`over` cut into some `parts` between buckets, so that each bucket lies in one of them; a single bucket is not
    cut."""
    if parts <= 1 or isinstance(buckets, OneBucket):
        return [over]
    step = -(-(over.end_ms - over.start_ms + 1) // parts)
    if isinstance(buckets, FixedBuckets):
        step = -(-step // buckets.interval_ms) * buckets.interval_ms
        first = floor_to(over.start_ms, buckets.interval_ms)
        cuts = list(range(first + step, over.end_ms + 1, step))
    else:
        edges = calendar_edges(buckets, asked, scan_range(asked, buckets))
        places = np.unique(np.searchsorted(edges, np.arange(over.start_ms + step, over.end_ms, step)))
        cuts = edges[places[places < len(edges)]].tolist()
    bounds = [over.start_ms, *(cut for cut in cuts if over.start_ms < cut <= over.end_ms), over.end_ms + 1]
    return [TimeRange(begin, end - 1) for begin, end in pairwise(bounds)]
