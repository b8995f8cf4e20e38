"""A decoded row group in few bytes: 1 to 3 a point for values of a few decimals, where its columns take 20.

Only row groups of numbers of one kind that neither expire nor have an arrival; others are read from the file.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headrace.kernels.storing.packed import IRREGULAR, count_between, find_steps, scale_decimals, unpack
from headrace.model.points import Kind, Values
from headrace.scratch import SCRATCH
from headrace.store.rows import Rows, Wanted

SCALES = (1.0, 10.0, 100.0, 1000.0)
"""Values of up to three decimals are kept as integers."""

_NO_OFFSETS = np.empty(0, dtype=np.uint32)


@dataclass(frozen=True, slots=True)
class Packed:
    """n rows, those of a series beside each other, their times rising.

    kind: DOUBLE or INT64.   The others: see kernels.storing.packed; by run but for offsets and codes, which are by row.
    """

    kind: Kind
    ordinals: NDArray[np.uint32]
    starts: NDArray[np.uint32]
    firsts: NDArray[np.int64]
    steps: NDArray[np.int64]
    offsets: NDArray[np.uint32]
    codes: NDArray[Any]
    low: int
    scale: float

    @property
    def nbytes(self) -> int:
        """Bytes of memory that the arrays take."""
        arrays = (self.ordinals, self.starts, self.firsts, self.steps, self.offsets, self.codes)
        return sum(array.nbytes for array in arrays)

    def select(self, wanted: Wanted, start_ms: int, end_ms: int) -> Rows:
        """The rows of the wanted series with start_ms <= time <= end_ms, in their order."""
        runs = self.ordinals, self.starts, self.firsts, self.steps, self.offsets
        asked = wanted.places, wanted.lowest, start_ms, end_ms
        count = count_between(*runs, *asked)
        series = SCRATCH.empty(count, np.uint32)
        times = SCRATCH.empty(count, np.int64)
        bits = SCRATCH.empty(count, np.int64)
        unpack(self.codes, self.low, self.scale, *runs, *asked, series, times, bits, bits.view(np.float64))
        return Rows(series, times, Values(np.full(count, self.kind, dtype=np.uint8), bits), None, None)


def pack(series: NDArray[np.uint32], times: NDArray[np.int64], bits: NDArray[np.int64], kind: Kind) -> Packed | None:
    """A row group that is not empty; None where the times of one series are more than 49 days apart and irregular."""
    changes = np.flatnonzero(series[1:] != series[:-1]) + 1
    starts = np.concatenate(([0], changes, [len(series)])).astype(np.uint32)
    ordinals, firsts = series[starts[:-1]], times[starts[:-1]]
    steps = np.empty(len(ordinals), dtype=np.int64)
    find_steps(times, starts, steps)
    offsets = _NO_OFFSETS
    if (steps == IRREGULAR).any():
        since = times - np.repeat(firsts, np.diff(starts))
        if since.max() >= 2**32:
            return None
        offsets = since.astype(np.uint32)
    integers, scale = _as_integers(bits, kind)
    codes, low = _narrowed(integers) if kind == Kind.INT64 or scale else (integers, 0)
    return Packed(kind, ordinals, starts, firsts, steps, offsets, codes, low, scale)


def _as_integers(bits: NDArray[np.int64], kind: Kind) -> tuple[NDArray[np.int64], float]:
    """int64[n], and what to divide them by; 0 where they are the values' bits."""
    if kind == Kind.DOUBLE:
        integers = np.empty(len(bits), dtype=np.int64)
        for scale in SCALES:
            if scale_decimals(bits.view(np.float64), scale, integers):
                return integers, scale
    return bits, 0.0


def _narrowed(integers: NDArray[np.int64]) -> tuple[NDArray[Any], int]:
    """The integers less their least, in as few bytes as hold them all, and that least."""
    low, high = int(integers.min()), int(integers.max())
    for dtype in (np.uint8, np.uint16, np.uint32):
        if high - low <= np.iinfo(dtype).max:
            return (integers - low).astype(dtype), low
    return integers, 0
