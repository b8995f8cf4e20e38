"""The fast decoder: what is plain goes by a kernel, outside the GIL; the rest by the reference decoder."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray

from headrace import limits
from headrace.kernels.scanning import kairosdb_datapoints as kernel
from headrace.kernels.scanning import kairosdb_telnet, telnet_lines
from headrace.kernels.scanning.decimal import NOT_PLAIN
from headrace.kernels.series.names import line_parts
from headrace.model import time
from headrace.model.json_pieces import work_of
from headrace.model.odd_json.lenient import leave_the_loop
from headrace.model.points import Points, Values
from headrace.model.scanning import is_utf8, join_bodies, room_for, scan_points
from headrace.model.series import SeriesName
from headrace.model.spelling import ScannedNames, Spelling
from headrace.protocols.kairosdb.faults import Failures
from headrace.protocols.kairosdb.writing.decode import Decode, Decoded, expiries
from headrace.protocols.kairosdb.writing.wire import read_name

assert (kernel.TIME_MS_MAX, kernel.TTL_S_MAX) == (time.TIME_MS_MAX, limits.KAIROSDB_TTL_S_MAX), (
    "kernels import nothing of ours, so these rules stand in both"
)

_NOT_FOR_THE_KERNEL = (b'"', b"kairos_opt.")


def scan(body: bytes, secret: NDArray[np.uint64], now_ms: int) -> Points | None:
    """The points of a plain body in valid UTF-8, or None when the reference decoder must look at it. Any thread.

    secret: uint64[8], the database's own (model.series.SeriesTable.secret).   now_ms: the moment of the write. Never
    refuses: what is returned is exactly what the reference decoder returns, and it would have refused nothing.
    """
    points, [count] = scan_gathered([body], secret, now_ms)
    return None if count == NOT_PLAIN else points


def scan_gathered(bodies: Sequence[bytes], secret: NDArray[np.uint64], now_ms: int) -> tuple[Points, list[int]]:
    """As `scan`, for many bodies: the points of all that are plain, and for each body how many metric objects it has,
    NOT_PLAIN if the reference must look at it."""
    text, starts, lengths = join_bodies(bodies)
    metrics_max = len(text) // kernel.METRIC_BYTES_MIN + len(bodies)
    points_max = len(text) // kernel.POINT_BYTES_MIN + len(bodies)
    columns = room_for(metrics_max, points_max, secret)
    runs, ttls_s = np.empty(metrics_max, np.int64), np.empty(metrics_max, np.int64)
    counts = np.empty(len(bodies), np.int64)
    data = np.frombuffer(text, np.uint8)
    metrics, points = kernel.scan_bodies(data, starts, lengths, counts, runs, ttls_s, *columns)
    _, _, keys, spans, times_ms, kinds, bits = columns
    batch = Points(
        keys[:metrics],
        times_ms[:points],
        Values(kinds[:points], bits[:points]),
        ScannedNames(text, spans, read_name),
        np.arange(metrics),
        expiries(ttls_s[:metrics], runs[:metrics], now_ms),
        runs[:metrics],
    )
    return batch, counts.tolist()


def scan_lines(block: bytes, secret: NDArray[np.uint64], read: Callable[[Spelling], SeriesName]) -> Points | None:
    """As `scan`, for a block of whole telnet lines, which need not be UTF-8; None also when any line is no put.

    read: the name that a metric and its words `key=value` mean.
    """
    if any(mark in block for mark in _NOT_FOR_THE_KERNEL) or not is_utf8(block):
        return None
    rows = len(block) // kairosdb_telnet.LINE_BYTES_MIN + 1
    return scan_points(partial(telnet_lines.scan, telnet_lines.KAIROSDB), block, rows, secret, read, line_parts)


class ScanningDecoder:
    """A decode.Decode that scans what is plain and asks `reference` for the rest."""

    def __init__(self, reference: Decode, secret: NDArray[np.uint64]) -> None:
        self._reference = reference
        self._secret = secret

    def __call__(self, body: bytes, now_ms: int) -> Decoded:
        """The body as columns. Raises TooLongForTheLoop for a large one that is not plain."""
        points = scan(body, self._secret, now_ms)
        if points is not None:
            return Decoded(points, Failures())
        leave_the_loop(work_of(body), limits.KAIROSDB_LOOP_ODD_BODY_BYTES_MAX)
        return self._reference(body, now_ms)
