"""Memory for large columns that live for a moment, handed from one question to the next.

Freed columns go back to the system, and the next are zeroed by the kernel page by page as they are touched: a fourth of
the CPU of a question about thousands of series. Blocks that come back are kept for a few seconds instead.
"""

from __future__ import annotations

import ctypes
import mmap
import time
import weakref
from collections import deque
from contextlib import suppress
from math import inf
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from headrace import limits

Number = TypeVar("Number", bound=np.generic)

BLOCK_BYTES = tuple((4 + quarters) << bits for bits in range(15, 22) for quarters in range(4))
"""Sizes of blocks, 128 KB to 14 MB. Smaller columns come from the heap, larger ones are too rare to be kept."""


class Scratch:
    """Up to limits.SCRATCH_KEPT_BYTES_MAX of blocks that nobody uses. Any thread."""

    def __init__(self) -> None:
        # Each a stack: the block that was used last is in the processor's cache, and the others grow old.
        self._free: dict[int, deque[tuple[float, mmap.mmap]]] = {size: deque() for size in BLOCK_BYTES}

    @property
    def kept_bytes(self) -> int:
        """Of blocks that nobody uses."""
        return sum(size * len(blocks) for size, blocks in self._free.items())

    def empty(self, length: int, dtype: type[Number]) -> NDArray[Number]:
        """As numpy.empty of one dimension. Its memory comes back when nothing refers to the array or a view of it."""
        needed = length * np.dtype(dtype).itemsize
        if not BLOCK_BYTES[0] <= needed <= BLOCK_BYTES[-1]:
            return np.empty(length, dtype=dtype)
        size = next(size for size in BLOCK_BYTES if size >= needed)
        try:
            _, block = self._free[size].pop()
        except IndexError:
            block = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        lease: Any = (ctypes.c_char * size).from_buffer(block)
        weakref.finalize(lease, self._take_back, size, block).atexit = False
        return np.frombuffer(lease, dtype=dtype, count=length)

    def _take_back(self, size: int, block: mmap.mmap) -> None:
        """May run in any thread in the midst of anything, so it takes no lock."""
        self._free[size].append((time.monotonic(), block))
        while self.kept_bytes > limits.SCRATCH_KEPT_BYTES_MAX:
            self._give_back_oldest()

    def give_back_idle(self) -> None:
        """To the system: what nobody has used for limits.SCRATCH_IDLE_S."""
        while self._oldest() < time.monotonic() - limits.SCRATCH_IDLE_S:
            self._give_back_oldest()

    def _oldest(self) -> float:
        """When the block came back that has not been used for longest; never, if there is none."""
        return min(map(_came_back, self._free.values()))

    def _give_back_oldest(self) -> None:
        with suppress(IndexError):  # another thread was faster
            min(self._free.values(), key=_came_back).popleft()


def _came_back(blocks: deque[tuple[float, mmap.mmap]]) -> float:
    try:
        return blocks[0][0]
    except IndexError:
        return inf


SCRATCH = Scratch()
"""Of the process, as its memory is."""
