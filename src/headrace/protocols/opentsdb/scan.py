"""The fast decoder of /api/put: plain bodies by a kernel, outside the GIL; all others by the reference decoder."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from headrace.kernels import opentsdb_json as kernel
from headrace.kernels.decimal import NOT_PLAIN
from headrace.model.points import Points, Values
from headrace.model.series import SeriesName
from headrace.protocols.opentsdb import times
from headrace.protocols.opentsdb.wire import Decode, Decoded, read_name

assert (kernel.SECONDS_MIN, kernel.SECONDS_MAX, kernel.MILLISECONDS_MAX) == (
    times.SECONDS_MIN,
    times.SECONDS_MAX,
    times.MILLISECONDS_MAX,
), "kernels import nothing of ours, so the rule of time stands in both"

_PADDING = bytes(kernel.PADDING)


class ScannedNames:
    """The names of a scanned body (model.points.Names), read from its bytes when the gate asks."""

    def __init__(self, body: bytes, spans: NDArray[np.int64]) -> None:
        self._body = body
        self._spans = spans

    def name(self, row: int) -> SeriesName:
        """The name of the series of point `row`."""
        at = row * kernel.SPAN_COLUMNS
        metric_start, metric_end, tags_start, tags_end = self._spans[at : at + kernel.SPAN_COLUMNS].tolist()
        return read_name((self._body[metric_start - 1 : metric_end + 1], self._body[tags_start:tags_end]))


def scan(body: bytes, secret: NDArray[np.uint64]) -> Points | None:
    """The points of a plain body in valid UTF-8, or None when the reference decoder must look at it. Any thread.

    secret: uint64[8], the database's own (model.series.SeriesTable.secret). Never refuses: what is returned is
    exactly what the reference decoder returns, and it would have refused nothing.
    """
    rows = len(body) // kernel.POINT_BYTES_MIN + 1
    data = np.frombuffer(body + _PADDING, dtype=np.uint8)
    keys = np.empty((rows, 2), dtype=np.uint64)
    times_ms, bits = np.empty(rows, dtype=np.int64), np.empty(rows, dtype=np.int64)
    kinds = np.empty(rows, dtype=np.uint8)
    seen = np.empty(kernel.TAGS_MAX, dtype=np.uint64)
    spans = np.empty(rows * kernel.SPAN_COLUMNS, dtype=np.int64)
    count = kernel.scan(data, len(body), secret, seen, keys, times_ms, kinds, bits, spans)
    if count == NOT_PLAIN:
        return None
    values = Values(kinds[:count], bits[:count])
    names = ScannedNames(body, spans)
    return Points(keys[:count], times_ms[:count], values, names, np.arange(count))


class ScanningDecoder:
    """A wire.Decode that scans what is plain and asks `reference` for the rest."""

    def __init__(self, reference: Decode, secret: NDArray[np.uint64]) -> None:
        self._reference = reference
        self._secret = secret

    def __call__(self, body: bytes) -> Decoded:
        """The body as columns. Raises Refused when the request fails as a whole."""
        points = scan(body, self._secret)
        return self._reference(body) if points is None else Decoded(points, [], len(points))
