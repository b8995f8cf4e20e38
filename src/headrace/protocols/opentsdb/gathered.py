"""Small puts of many connections, decoded, admitted and committed together.

Decoding, admitting and committing one point costs some 40 µs, of which the point is 1: the rest is one call after
another. So the small bodies that arrive in one turn of the event loop share those calls. What is not plain and good
goes the usual way alone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from headrace.kernels.decimal import NOT_PLAIN
from headrace.kernels.opentsdb_bodies import scan_bodies
from headrace.kernels.opentsdb_json import POINT_BYTES_MIN
from headrace.kernels.plain_json import PADDING, SPAN_COLUMNS, TAGS_MAX
from headrace.model.points import Admitted, Points, Values
from headrace.model.spelling import ScannedNames
from headrace.protocols.opentsdb.wire import read_name

_ZEROS = bytes(PADDING)


class _Waiting(NamedTuple):
    body: bytes
    stored: asyncio.Future[int | None]


class GatheredPuts:
    """On one event loop. Nothing waits longer than for the turn of the loop that it arrived in."""

    def __init__(
        self,
        secret: NDArray[np.uint64],
        admit: Callable[[Points], Admitted | None],
        append: Callable[[Admitted], Awaitable[object]],
    ) -> None:
        """secret: the database's own.   admit: the gate, None when it refuses any point.   append: the store's."""
        self._secret = secret
        self._admit = admit
        self._append = append
        self._waiting: list[_Waiting] = []
        self._flushes: set[asyncio.Task[None]] = set()

    async def put(self, body: bytes) -> int | None:
        """Store the points of a body in valid UTF-8; returns how many. None, and nothing is stored: it is not plain, or
        the gate refuses a point of it or of a neighbour. Raises Unavailable."""
        loop = asyncio.get_running_loop()
        waiting = _Waiting(body, loop.create_future())
        self._waiting.append(waiting)
        if len(self._waiting) == 1:
            loop.call_soon(self._flush, loop)
        return await waiting.stored

    def _flush(self, loop: asyncio.AbstractEventLoop) -> None:
        waiting, self._waiting = self._waiting, []
        task = loop.create_task(self._store(waiting))
        self._flushes.add(task)
        task.add_done_callback(self._flushes.discard)

    async def _store(self, waiting: list[_Waiting]) -> None:
        try:
            points, counts = scan_gathered([one.body for one in waiting], self._secret)
            admitted = self._admit(points)
            if admitted is None:
                counts = [NOT_PLAIN] * len(waiting)
            elif len(admitted):
                await self._append(admitted)
        except Exception as failure:  # noqa: BLE001 - each put raises it in its own request, which words it
            for one in waiting:
                if not one.stored.done():
                    one.stored.set_exception(failure)
            return
        for one, count in zip(waiting, counts, strict=True):
            if not one.stored.done():
                one.stored.set_result(None if count == NOT_PLAIN else count)


def scan_gathered(bodies: list[bytes], secret: NDArray[np.uint64]) -> tuple[Points, list[int]]:
    """The points of all plain bodies, and for each body how many it has, NOT_PLAIN if the reference must look at it."""
    lengths = np.array([len(body) for body in bodies], dtype=np.int64)
    starts = np.zeros(len(bodies), dtype=np.int64)
    np.cumsum(lengths[:-1] + PADDING, out=starts[1:])
    text = _ZEROS.join([*bodies, b""])
    rows = int((lengths // POINT_BYTES_MIN + 1).sum())
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
