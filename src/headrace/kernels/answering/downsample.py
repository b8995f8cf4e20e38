"""Where the buckets of each series begin, and the filling of those without points. Series are CSR columns
(store.Columns)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from headrace.kernels import f64, f64_in, float64, i64, i64_in, int64, kernel, void


@kernel(int64(i64_in, i64_in, int64, int64, i64, i64, i64))
def fixed_runs(
    starts: NDArray[np.int64],
    times: NDArray[np.int64],
    interval_ms: int,
    offset_ms: int,
    run_starts: NDArray[np.int64],
    run_times: NDArray[np.int64],
    run_rows: NDArray[np.int64],
) -> int:
    """Split every series into runs of rows that share a bucket; returns their number r.

    Buckets are interval_ms long, and one begins at offset_ms, 0 <= offset_ms < interval_ms.

    starts[k + 1], times[n]: the series.   run_starts[k + 1]: runs of series s are run_starts[s]..run_starts[s + 1].
    run_times[n] and run_rows[n + 1]: the bucket's start and the first row of each run; run_rows[r] closes the last one.
    """
    runs = 0
    for series in range(len(starts) - 1):
        run_starts[series] = runs
        bucket_end = np.int64(-(2**63))
        for row in range(starts[series], starts[series + 1]):
            time = times[row]
            if time < bucket_end:
                continue
            # The next bucket is the usual one, and needs no division.
            follows = runs > run_starts[series] and time < bucket_end + interval_ms
            bucket = bucket_end if follows else time - (time - offset_ms) % interval_ms
            bucket_end = bucket + interval_ms
            run_times[runs] = bucket
            run_rows[runs] = row
            runs += 1
    run_starts[len(starts) - 1] = runs
    run_rows[runs] = len(times)
    return runs


@kernel(int64(i64_in, i64_in, i64_in, i64, i64, i64))
def edge_runs(
    starts: NDArray[np.int64],
    times: NDArray[np.int64],
    edges: NDArray[np.int64],
    run_starts: NDArray[np.int64],
    run_times: NDArray[np.int64],
    run_rows: NDArray[np.int64],
) -> int:
    """As fixed_runs, for buckets that begin at the ascending `edges`; no time may lie before the first edge."""
    runs = 0
    for series in range(len(starts) - 1):
        run_starts[series] = runs
        bucket = -1
        for row in range(starts[series], starts[series + 1]):
            if bucket >= 0 and (bucket + 1 == len(edges) or times[row] < edges[bucket + 1]):
                continue
            while bucket + 1 < len(edges) and edges[bucket + 1] <= times[row]:
                bucket += 1
            run_times[runs] = edges[bucket]
            run_rows[runs] = row
            runs += 1
    run_starts[len(starts) - 1] = runs
    run_rows[runs] = len(times)
    return runs


@kernel(void(i64_in, i64_in, f64_in, i64_in, float64, f64))
def fill(
    starts: NDArray[np.int64],
    times: NDArray[np.int64],
    values: NDArray[np.float64],
    grid: NDArray[np.int64],
    missing: float,
    out: NDArray[np.float64],
) -> None:
    """out[s * len(grid) + g] = the value of series s at time grid[g], or `missing`. Times outside the ascending grid
    are left out."""
    width = len(grid)
    for series in range(len(starts) - 1):
        row = starts[series]
        end = starts[series + 1]
        for at in range(width):
            while row < end and times[row] < grid[at]:
                row += 1
            found = row < end and times[row] == grid[at]
            out[series * width + at] = values[row] if found else missing
