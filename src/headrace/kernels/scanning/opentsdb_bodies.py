"""Many small put bodies in one call: what a single one costs is then the points in it and not the call."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from headrace.kernels import Index, borrowing_kernel, i64, int64, keys128, u8, u8_in, u64
from headrace.kernels.scanning.columns import NameColumns, PointColumns
from headrace.kernels.scanning.decimal import NOT_PLAIN
from headrace.kernels.scanning.opentsdb_json import scan_body


@borrowing_kernel(int64(u8_in, i64, i64, i64, u64, u64, keys128, i64, i64, u8, i64))
def scan_bodies(
    data: NDArray[np.uint8],
    starts: NDArray[np.int64],
    lengths: NDArray[np.int64],
    counts: NDArray[np.int64],
    secret: NDArray[np.uint64],
    seen: NDArray[np.uint64],
    keys: NDArray[np.uint64],
    spans: NDArray[np.int64],
    times: NDArray[np.int64],
    kinds: NDArray[np.uint8],
    bits: NDArray[np.int64],
) -> Index:
    """opentsdb_json.scan over each body data[starts[i]:][:lengths[i]], PADDING zero bytes behind each.

    Returns the number of points of all plain bodies; their rows follow one another. counts: int64, written: the points
    of each body, or NOT_PLAIN, and then it has no rows. There is room for lengths[i] // POINT_BYTES_MIN + 1 rows of
    each.
    """
    names, points = NameColumns(secret, seen, keys, spans), PointColumns(times, kinds, bits)
    row: Index = 0
    for body in range(len(starts)):
        start = starts[body]
        end_row = scan_body(data, start, start + lengths[body], row, names, points)
        if end_row < 0:
            counts[body] = NOT_PLAIN
        else:
            counts[body] = end_row - row
            row = end_row
    return row
