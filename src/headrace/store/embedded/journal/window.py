"""A stretch of a journal file in memory. What cannot be read is not judged: reading ends and says where."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from headrace import limits
from headrace.errors import Unavailable

PAGE_BYTES = 4096
"""What an unreadable sector takes with it."""


class Window:
    """Reads ahead. Not a memory map: an unreadable sector of that would kill the process."""

    def __init__(self, path: Path, descriptor: int, accept_unreadable: bool = False) -> None:
        """accept_unreadable: the operator has given up what the disk cannot read. Pages of it are zeros then, and stand
        in `unreadable`."""
        self.path = path
        self.size = os.fstat(descriptor).st_size
        self.unreadable: list[int] = []
        """Where pages begin that could not be read."""
        self._descriptor = descriptor
        self._accept_unreadable = accept_unreadable
        self._begin = 0
        self._bytes = np.empty(0, dtype=np.uint8)

    def view(self, begin: int, length: int) -> NDArray[np.uint8]:
        """Bytes begin .. begin + length - 1, fewer at the end of the file.

        Views stay valid as long as they are held. They begin at a multiple of 8 in memory if `begin` is one. Raises
        Unavailable, which names file, offset and reason, when the disk does not give one of them.
        """
        end = min(begin + length, self.size)
        if begin < self._begin or end > self._begin + len(self._bytes):
            self._load(begin, min(max(length, limits.JOURNAL_WINDOW_BYTES), self.size - begin))
        return self._bytes[begin - self._begin : max(begin, end) - self._begin]

    def loaded(self, begin: int) -> NDArray[np.uint8]:
        """What is in memory of the file from `begin` on; maybe nothing. As `view`."""
        return self._bytes[max(begin - self._begin, 0) :] if begin >= self._begin else self._bytes[:0]

    def is_zero(self, begin: int, end: int) -> bool:
        """Whether bytes begin .. end - 1, as far as the file has them, can be read and are zeros. Raises as `view`."""
        if any(page < end and page + PAGE_BYTES > begin for page in self.unreadable):
            return False
        step = limits.JOURNAL_WINDOW_BYTES
        return not any(self.view(at, min(step, end - at)).any() for at in range(begin, min(end, self.size), step))

    def _load(self, begin: int, length: int) -> None:
        loaded = np.empty(max(length, 0), dtype=np.uint8)
        try:
            self._read(begin, loaded)
        except OSError:
            # One bad page takes all of a large read with it: which one is it?
            for page in range(0, len(loaded), PAGE_BYTES):
                self._read_page(begin + page, loaded[page : page + PAGE_BYTES])
        self._begin, self._bytes = begin, loaded

    def _read_page(self, begin: int, into: NDArray[np.uint8]) -> None:
        try:
            self._read(begin, into)
        except OSError as error:
            if not self._accept_unreadable or error.errno != errno.EIO:
                place = f"{self.path} at byte {begin}"
                raise Unavailable(f"cannot read {place}: {error.strerror} (errno {error.errno})") from error
            into[:] = 0
            if begin not in self.unreadable:
                self.unreadable.append(begin)

    def _read(self, begin: int, into: NDArray[np.uint8]) -> None:
        done = 0
        while done < len(into):
            count = os.preadv(self._descriptor, [into[done:].data], begin + done)
            if not count:
                raise OSError(errno.EIO, "the file became shorter while it was read")
            done += count
