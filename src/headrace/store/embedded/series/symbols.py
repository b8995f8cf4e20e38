"""Strings with dense ids: the names of metrics, of tag keys, or of tag values."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from headrace.kernels.hashing import PADDING
from headrace.kernels.series import symbols as kernel

CAPACITY_AT_FIRST = 1024
HEAP_BYTES_AT_FIRST = 16 * 1024


class Symbols:
    """Ids are given in order of first appearance and never change. Strings are added by kernels.series.index.add_names;
    a reader beside it holds the index's lock, except for what `texts` has given, which never changes."""

    def __init__(self, secret: NDArray[np.uint64]) -> None:
        self.secret = secret
        self.slots = np.zeros(2 * CAPACITY_AT_FIRST, dtype=np.uint32)
        self._offsets = np.zeros(CAPACITY_AT_FIRST + 1, dtype=np.int64)
        self.heap = np.zeros(HEAP_BYTES_AT_FIRST + PADDING, dtype=np.uint8)
        self.count = 0

    @property
    def ends(self) -> NDArray[np.int64]:
        """String `id` is heap[ends[id - 1] : ends[id]]."""
        return self._offsets[1:]

    @property
    def nbytes(self) -> int:
        """Bytes of memory held by the arrays."""
        return self.slots.nbytes + self._offsets.nbytes + self.heap.nbytes

    def reserve(self, strings: int, size: int) -> None:
        """Make room for so many strings more, of `size` bytes in all."""
        used = int(self.ends[self.count - 1]) if self.count else 0
        if used + size + PADDING > len(self.heap):
            heap = np.zeros(max(2 * len(self.heap), used + size + PADDING), dtype=np.uint8)
            heap[:used] = self.heap[:used]
            self.heap = heap
        if self.count + strings >= len(self._offsets):
            # Arrow's layout, so that Arrow reads the strings where they lie: offset 0 stands before the ends.
            offsets = np.zeros(max(2 * len(self._offsets), self.count + strings + 1), dtype=np.int64)
            offsets[: self.count + 1] = self._offsets[: self.count + 1]
            self._offsets = offsets
        if 2 * (self.count + strings) > len(self.slots):
            # At most half full, so that a probe stays short.
            slots = np.zeros(1 << (4 * (self.count + strings) - 1).bit_length(), dtype=np.uint32)
            kernel.refill(self.count, slots, self.ends, self.heap, self.secret)
            self.slots = slots

    def find(self, text: str) -> int:
        """The id of a string, or -1."""
        return int(self.find_each([text])[0])

    def find_each(self, texts: Collection[str]) -> NDArray[np.int64]:
        """The ids of the given strings, -1 where there is none."""
        encoded = [text.encode() for text in texts]
        data = np.frombuffer(bytearray(b"".join([*encoded, bytes(PADDING)])), dtype=np.uint8)
        found = np.empty(len(encoded), dtype=np.int64)
        wanted_ends = np.cumsum([len(text) for text in encoded], dtype=np.int64)
        kernel.find_each(data, wanted_ends, self.slots, self.ends, self.heap, self.secret, found)
        return found

    def texts(self) -> pa.LargeStringArray:
        """All strings by id, as Arrow reads them where they lie: nothing is copied, strings added later are not in
        it."""
        return pa.LargeStringArray.from_buffers(self.count, pa.py_buffer(self._offsets), pa.py_buffer(self.heap))
