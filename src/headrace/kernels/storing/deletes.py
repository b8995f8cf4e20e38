"""Rows against deletes: which of them lie in a deleted stretch of their series and were written before the delete."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from headrace.kernels import i64_in, int64, kernel, u32, u32_in


@kernel(int64(u32, u32_in, i64_in, u32_in, int64, i64_in, i64_in, i64_in, i64_in))
def keep_undeleted(
    rows: NDArray[np.uint32],
    series: NDArray[np.uint32],
    times: NDArray[np.int64],
    places: NDArray[np.uint32],
    lowest: int,
    starts: NDArray[np.int64],
    from_ms: NDArray[np.int64],
    through_ms: NDArray[np.int64],
    ends_row: NDArray[np.int64],
) -> int:
    """Of the row numbers in `rows` keep those that no stretch deletes. Packs in place, returns how many stay.

    Stretches starts[p]..starts[p + 1] are those of the series at place p (kernels/storing/rows.py; every row has a
    place). One deletes its series' rows with a number below ends_row and from_ms <= time <= through_ms.
    """
    kept = 0
    for i in range(len(rows)):
        row = rows[i]
        place = places[np.int64(series[row]) - lowest]
        time = times[row]
        deleted = False
        for stretch in range(starts[place], starts[place + 1]):
            if np.int64(row) < ends_row[stretch] and from_ms[stretch] <= time <= through_ms[stretch]:
                deleted = True
                break
        if not deleted:
            rows[kept] = row
            kept += 1
    return kept
