"""Small puts of many connections, decoded, admitted and committed together.

Decoding, admitting and committing one point costs some 40 µs, of which the point is 1: the rest is one call after
another. So the small bodies that arrive in one turn of the event loop share those calls. What is not plain and good
goes the usual way alone.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from headrace import limits
from headrace.kernels.opentsdb_bodies import scan_bodies
from headrace.kernels.opentsdb_json import POINT_BYTES_MIN
from headrace.kernels.plain_json import PADDING, SPAN_COLUMNS, TAGS_MAX
from headrace.model.points import Admitted, Points, Values
from headrace.model.spelling import ScannedNames
from headrace.protocols.opentsdb.wire import as_utf8, read_name
from headrace.transport import WholeAnswer

_ZEROS = bytes(PADDING)


class GatheredPuts:
    """Puts to one address as the transport hands them over (transport.SmallPosts)."""

    body_bytes_max = limits.OPENTSDB_GATHERED_BODY_BYTES_MAX

    def __init__(
        self,
        secret: NDArray[np.uint64],
        admit: Callable[[Points], Admitted | None],
        append: Callable[[Admitted], Awaitable[object]],
        answer: Callable[[int], WholeAnswer],
    ) -> None:
        """secret: the database's own.   admit: the gate, None when it refuses any point.   append: the store's.
        answer: what a body hears all of whose points, so many, are stored."""
        self._secret = secret
        self._admit = admit
        self._append = append
        self._answer = answer

    async def take(self, bodies: Sequence[bytes]) -> list[WholeAnswer | None]:
        """See SmallPosts. A body goes alone when it is not plain, and all do when the gate refuses a point of one.
        Raises Unavailable."""
        points, counts = scan_gathered([as_utf8(body) for body in bodies], self._secret)
        admitted = self._admit(points)
        if admitted is None:
            return [None] * len(bodies)
        if len(admitted):
            await self._append(admitted)
        return [self._answer(count) if count > 0 else None for count in counts]


def scan_gathered(bodies: list[bytes], secret: NDArray[np.uint64]) -> tuple[Points, list[int]]:
    """The points of all plain bodies, and for each body how many it has, NOT_PLAIN if the reference must look at it."""
    lengths = np.array([len(body) for body in bodies], dtype=np.int64)
    starts = np.cumsum(lengths + PADDING) - lengths - PADDING
    text = _ZEROS.join([*bodies, b""])
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
