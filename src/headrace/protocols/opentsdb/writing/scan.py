"""The fast decoders: what is plain goes by a kernel, outside the GIL; the rest by the reference decoders."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
from numpy.typing import NDArray

from headrace.kernels.scanning import opentsdb_json, opentsdb_telnet, telnet_lines
from headrace.kernels.series.names import json_parts, line_parts
from headrace.model.points import Points
from headrace.model.scanning import is_utf8, scan_points
from headrace.model.series import SeriesName
from headrace.model.spelling import Spelling
from headrace.protocols.opentsdb import times
from headrace.protocols.opentsdb.writing.wire import Decode, Decoded, read_name

assert (opentsdb_json.SECONDS_MIN, opentsdb_json.SECONDS_MAX, opentsdb_json.MILLISECONDS_MAX) == (
    times.SECONDS_MIN,
    times.SECONDS_MAX,
    times.MILLISECONDS_MAX,
), "kernels import nothing of ours, so the rule of time stands in both"


def scan(body: bytes, secret: NDArray[np.uint64]) -> Points | None:
    """The points of a plain JSON body in valid UTF-8, or None when the reference decoder must look at it. Any thread.

    secret: uint64[8], the database's own (model.series.SeriesTable.secret). Never refuses: what is returned is
    exactly what the reference decoder returns, and it would have refused nothing.
    """
    rows = len(body) // opentsdb_json.POINT_BYTES_MIN + 1
    return scan_points(opentsdb_json.scan, body, rows, secret, read_name, json_parts)


def scan_lines(block: bytes, secret: NDArray[np.uint64], read: Callable[[Spelling], SeriesName]) -> Points | None:
    """As `scan`, for a block of whole telnet lines, which need not be UTF-8; None also when any line is no put.

    read: telnet's own reading of a spelling.
    """
    if not is_utf8(block):
        return None
    rows = len(block) // opentsdb_telnet.LINE_BYTES_MIN + 1
    return scan_points(partial(telnet_lines.scan, telnet_lines.OPENTSDB), block, rows, secret, read, line_parts)


class ScanningDecoder:
    """A wire.Decode that scans what is plain and asks `reference` for the rest."""

    def __init__(self, reference: Decode, secret: NDArray[np.uint64]) -> None:
        self._reference = reference
        self._secret = secret

    def __call__(self, body: bytes) -> Decoded:
        """The body as columns. Raises Refused when the request fails as a whole."""
        points = scan(body, self._secret)
        return self._reference(body) if points is None else Decoded(points, [], len(points))
