"""What scanners have in common: room for the columns of one key a point, the batch that these become, and many bodies
as one text."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import accumulate
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from headrace.kernels.scanning.columns import SPAN_COLUMNS, TAGS_MAX
from headrace.kernels.scanning.decimal import NOT_PLAIN
from headrace.kernels.scanning.plain_json import PADDING
from headrace.model.points import Points, Values
from headrace.model.series import SeriesName
from headrace.model.spelling import ScannedNames, Spelling

_ZEROS = bytes(PADDING)


Room = tuple[
    NDArray[np.uint64],
    NDArray[np.uint64],
    NDArray[np.uint64],
    NDArray[np.int64],
    NDArray[np.int64],
    NDArray[np.uint8],
    NDArray[np.int64],
]
"""secret, seen, keys and spans of columns.NameColumns, then times, kinds and bits of columns.PointColumns: single
arrays, as kernels take them from Python."""


def room_for(names: int, points: int, secret: NDArray[np.uint64]) -> Room:
    """Columns for at most so many names and points. secret: uint64[8].

    Pages of them that nothing reaches are never touched and cost nothing.
    """
    # The dtype by its place: by its name each array takes 70 ns longer, and most bodies hold a point or two.
    return (
        secret,
        np.empty(TAGS_MAX, np.uint64),
        np.empty((names, 2), np.uint64),
        np.empty(names * SPAN_COLUMNS, np.int64),
        np.empty(points, np.int64),
        np.empty(points, np.uint8),
        np.empty(points, np.int64),
    )


def scan_points(
    kernel: Callable[..., Any],
    text: bytes,
    rows: int,
    secret: NDArray[np.uint64],
    read: Callable[[Spelling], SeriesName],
    take_apart: Callable[..., None],
) -> Points | None:
    """The points of a text that is plain to `kernel`, or None. Any thread.

    kernel: as kernels.scanning.opentsdb_json.scan.   rows: at least as many as points can stand in `text`.
    secret: uint64[8].   read, take_apart: see ScannedNames.
    """
    columns = room_for(rows, rows, secret)
    count = kernel(np.frombuffer(text + _ZEROS, np.uint8), len(text), *columns)
    if count == NOT_PLAIN:
        return None
    _, _, keys, spans, times_ms, kinds, bits = columns
    names = ScannedNames(text, spans, read, take_apart)
    return Points(keys[:count], times_ms[:count], Values(kinds[:count], bits[:count]), names, np.arange(count))


class Joined(NamedTuple):
    """Several texts as one. Text i is text[starts[i] : starts[i] + lengths[i]], PADDING zero bytes behind each."""

    text: bytes
    starts: NDArray[np.int64]
    lengths: NDArray[np.int64]


def join_bodies(bodies: Sequence[bytes]) -> Joined:
    """For a kernel that scans many bodies in one call."""
    lengths = [len(body) for body in bodies]
    *starts, _ = accumulate((length + PADDING for length in lengths), initial=0)
    text = _ZEROS.join([*bodies, b""])
    return Joined(text, np.array(starts, dtype=np.int64), np.array(lengths, dtype=np.int64))


def is_utf8(text: bytes) -> bool:
    """Whether a text may be scanned: what is not UTF-8, a reference decoder mends."""
    if text.isascii():
        return True
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True
