"""Strings with dense ids: the names of metrics, of tag keys, or of tag values."""

from __future__ import annotations

import bisect

import numpy as np
from numpy.typing import NDArray

from headrace.kernels import symbols as kernel
from headrace.kernels.hashing import PADDING

CAPACITY_AT_FIRST = 1024
HEAP_BYTES_AT_FIRST = 16 * 1024


class Symbols:
    """Ids are given in order of first appearance and never change. Strings are added by kernels.series_index.add_names;
    who reads beside it holds the index's lock, except for strings with known ids, which never move."""

    def __init__(self, secret: NDArray[np.uint64]) -> None:
        self.secret = secret
        self.slots = np.zeros(2 * CAPACITY_AT_FIRST, dtype=np.uint32)
        self.ends = np.zeros(CAPACITY_AT_FIRST, dtype=np.int64)
        self.heap = np.zeros(HEAP_BYTES_AT_FIRST + PADDING, dtype=np.uint8)
        self.count = 0
        self._sorted: list[str] = []
        self._sorted_count = 0

    @property
    def nbytes(self) -> int:
        """Bytes of memory held by the arrays."""
        return self.slots.nbytes + self.ends.nbytes + self.heap.nbytes

    def reserve(self, strings: int, size: int) -> None:
        """Make room for so many strings more, of `size` bytes in all."""
        used = int(self.ends[self.count - 1]) if self.count else 0
        if used + size + PADDING > len(self.heap):
            heap = np.zeros(max(2 * len(self.heap), used + size + PADDING), dtype=np.uint8)
            heap[:used] = self.heap[:used]
            self.heap = heap
        if self.count + strings > len(self.ends):
            ends = np.zeros(max(2 * len(self.ends), self.count + strings), dtype=np.int64)
            ends[: self.count] = self.ends[: self.count]
            self.ends = ends
        if 2 * (self.count + strings) > len(self.slots):
            # At most half full, so that a probe stays short.
            slots = np.zeros(1 << (4 * (self.count + strings) - 1).bit_length(), dtype=np.uint32)
            kernel.refill(self.count, slots, self.ends, self.heap, self.secret)
            self.slots = slots

    def find(self, text: str) -> int:
        """The id of a string, or -1."""
        encoded = text.encode()
        data = np.frombuffer(bytearray(encoded + bytes(PADDING)), dtype=np.uint8)
        slot = kernel.slot_of(data, 0, len(encoded), self.slots, self.ends, self.heap, self.secret)
        return int(self.slots[slot]) - 1

    def texts(self, ids: NDArray[np.int64]) -> NDArray[np.object_]:
        """The strings (str) of the given known ids."""
        ends, heap = self.ends, self.heap
        found = np.empty(len(ids), dtype=object)
        for at, symbol in enumerate(ids.tolist()):
            begin = ends[symbol - 1] if symbol else 0
            found[at] = heap[begin : ends[symbol]].tobytes().decode()
        return found

    def with_prefix(self, prefix: str, limit: int) -> list[str]:
        """At most `limit` strings that start with `prefix`, in the order of their code points."""
        if self._sorted_count < self.count:
            new = self.texts(np.arange(self._sorted_count, self.count)).tolist()
            # Two sorted runs: sorting them again takes one pass.
            self._sorted = sorted([*self._sorted, *sorted(new)])
            self._sorted_count = self.count
        first = bisect.bisect_left(self._sorted, prefix)
        found = []
        for text in self._sorted[first : first + limit]:
            if not text.startswith(prefix):
                break
            found.append(text)
        return found
