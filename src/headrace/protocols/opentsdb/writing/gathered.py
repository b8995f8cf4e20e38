"""Small puts of many connections, read in one call."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from headrace.kernels.scanning.opentsdb_bodies import scan_bodies
from headrace.kernels.scanning.opentsdb_json import POINT_BYTES_MIN
from headrace.kernels.scanning.plain_json import SPAN_COLUMNS, TAGS_MAX
from headrace.model.points import Points, Values
from headrace.model.scanning import join_bodies
from headrace.model.spelling import ScannedNames
from headrace.protocols.opentsdb.writing.wire import as_utf8, read_name


def scan_gathered(bodies: Sequence[bytes], secret: NDArray[np.uint64]) -> tuple[Points, list[int]]:
    """The points of all plain bodies, and for each body how many it has, NOT_PLAIN if the reference must look at it.

    bodies: as they came, whatever is in them.
    """
    text, starts, lengths = join_bodies([as_utf8(body) for body in bodies])
    rows = len(text) // POINT_BYTES_MIN + len(bodies)
    keys = np.empty((rows, 2), dtype=np.uint64)
    times_ms, bits = np.empty(rows, dtype=np.int64), np.empty(rows, dtype=np.int64)
    kinds = np.empty(rows, dtype=np.uint8)
    seen = np.empty(TAGS_MAX, dtype=np.uint64)
    spans = np.empty(rows * SPAN_COLUMNS, dtype=np.int64)
    counts = np.empty(len(bodies), dtype=np.int64)
    data = np.frombuffer(text, dtype=np.uint8)
    count = scan_bodies(data, starts, lengths, secret, seen, keys, times_ms, kinds, bits, spans, counts)
    names = ScannedNames(text, spans, read_name)
    points = Points(keys[:count], times_ms[:count], Values(kinds[:count], bits[:count]), names, np.arange(count))
    return points, counts.tolist()
