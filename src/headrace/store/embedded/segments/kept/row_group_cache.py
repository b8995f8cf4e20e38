"""Row groups of segments that were asked for lately, so that the next question need not decode them again."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from headrace.model.points import Kind
from headrace.store.embedded.segments.kept.packed import Packed, pack

Key = tuple[str, int]
"""The name of a segment's file, which no other will ever have, and the row group in it."""

ENTRY_BYTES = 1500
"""Of the objects of an entry, beside what their arrays hold: a small file has a row group of few rows."""


class RowGroupCache:
    """Up to `bytes_max`; what was asked for longest ago goes first. Any thread."""

    def __init__(self, bytes_max: int) -> None:
        self.bytes_max = bytes_max
        self.bytes = 0
        self._lock = threading.Lock()
        self._kept: OrderedDict[Key, Packed] = OrderedDict()
        self._count_hit, self._count_miss = _uncounted, _uncounted

    def count_by(self, count_hit: Callable[[], None], count_miss: Callable[[], None]) -> None:
        """From now on each `find` calls one of these."""
        self._count_hit, self._count_miss = count_hit, count_miss

    def find(self, key: Key) -> Packed | None:
        """None where it must be read."""
        with self._lock:
            if (packed := self._kept.get(key)) is not None:
                self._kept.move_to_end(key)
        (self._count_miss if packed is None else self._count_hit)()
        return packed

    def keep(
        self, key: Key, series: NDArray[np.uint32], times: NDArray[np.int64], bits: NDArray[np.int64], kind: Kind
    ) -> None:
        """Remember what was read of a row group; see packed.pack."""
        if not self.bytes_max or (packed := pack(series, times, bits, kind)) is None:
            return
        with self._lock:
            if key not in self._kept and _size(packed) <= self.bytes_max:
                self._kept[key] = packed
                self.bytes += _size(packed)
                while self.bytes > self.bytes_max:
                    _, oldest = self._kept.popitem(last=False)
                    self.bytes -= _size(oldest)

    def forget(self, file: str) -> None:
        """All of this segment."""
        with self._lock:
            for key in [key for key in self._kept if key[0] == file]:
                self.bytes -= _size(self._kept.pop(key))


def _size(packed: Packed) -> int:
    return packed.nbytes + ENTRY_BYTES


def _uncounted() -> None:
    """See count_by."""


NOTHING_KEPT = RowGroupCache(0)
