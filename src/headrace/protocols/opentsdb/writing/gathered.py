"""Small puts of many connections, read in one call."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from headrace.kernels.scanning.opentsdb_bodies import scan_bodies
from headrace.kernels.scanning.opentsdb_json import POINT_BYTES_MIN
from headrace.model.points import Points, Values
from headrace.model.scanning import join_bodies, room_for
from headrace.model.spelling import ScannedNames
from headrace.protocols.opentsdb.writing.bodies import as_utf8
from headrace.protocols.opentsdb.writing.wire import read_name


def scan_gathered(bodies: Sequence[bytes], secret: NDArray[np.uint64]) -> tuple[Points, list[int]]:
    """The points of all plain bodies, and for each body how many it has, NOT_PLAIN if the reference must look at it.

    bodies: as they came, whatever is in them.
    """
    text, starts, lengths = join_bodies([as_utf8(body) for body in bodies])
    rows = len(text) // POINT_BYTES_MIN + len(bodies)
    columns = room_for(rows, rows, secret)
    counts = np.empty(len(bodies), np.int64)
    count = scan_bodies(np.frombuffer(text, np.uint8), starts, lengths, counts, *columns)
    _, _, keys, spans, times_ms, kinds, bits = columns
    names = ScannedNames(text, spans, read_name)
    points = Points(keys[:count], times_ms[:count], Values(kinds[:count], bits[:count]), names, np.arange(count))
    return points, counts.tolist()
