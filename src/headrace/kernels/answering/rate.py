"""Change between neighbouring points of each series, per second or as such."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from headrace.kernels import boolean, f64, f64_in, i64, i64_in, int64, kernel, u8_in


@kernel(int64(i64_in, i64_in, u8_in, i64_in, f64_in, boolean, boolean, int64, int64, boolean, i64, i64, f64))
def rates(
    starts: NDArray[np.int64],
    times: NDArray[np.int64],
    kinds: NDArray[np.uint8],
    integers: NDArray[np.int64],
    doubles: NDArray[np.float64],
    per_second: bool,
    counter: bool,
    counter_max: int,
    reset_value: int,
    drop_resets: bool,
    out_starts: NDArray[np.int64],
    out_times: NDArray[np.int64],
    out_values: NDArray[np.float64],
) -> int:
    """(later - earlier) / seconds between, stamped with the later point; returns how many (OpenTSDB: RateSpan).

    per_second: else the change is not divided, whatever lies between (Alibaba TSDB: delta).

    kinds[n]: 1 where the value is integers[n], else it is doubles[n]. Two integers are subtracted as such, or as
    doubles where 64 bits would overflow. The options are those of model.query.Rate. out_starts[k + 1], out_times[n],
    out_values[n].
    """
    count = 0
    for series in range(len(starts) - 1):
        out_starts[series] = count
        for row in range(starts[series] + 1, starts[series + 1]):
            seconds = (times[row] - times[row - 1]) / 1000.0 if per_second else 1.0
            both_integers = kinds[row] == 1 and kinds[row - 1] == 1
            later = float(integers[row]) if kinds[row] == 1 else doubles[row]
            earlier = float(integers[row - 1]) if kinds[row - 1] == 1 else doubles[row - 1]
            change = later - earlier
            if both_integers and abs(change) < 2.0**62:
                change = float(integers[row] - integers[row - 1])
            fell = integers[row] < integers[row - 1] if both_integers else change < 0.0
            if counter and fell:
                if drop_resets:
                    continue
                change = float(counter_max) - earlier + later
                if both_integers and abs(change) < 2.0**62:
                    change = float(counter_max - integers[row - 1] + integers[row])
                if reset_value > 0 and change / seconds > reset_value:
                    change = 0.0
            out_times[count] = times[row]
            out_values[count] = change / seconds
            count += 1
    out_starts[len(starts) - 1] = count
    return count
