"""A file as the disk has it: without the pages of it that the kernel remembers, read in small steps."""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from headrace import limits

BeforeRead = Callable[[int], None]
"""Told how many bytes are about to be read; what it raises ends the reading."""


def forget_cached(descriptor: int) -> None:
    """Let the kernel drop its pages of an open file, so that what is read next comes from the disk. It keeps those that
    are not written yet, that somebody has mapped into memory, and all of a file system in memory. Raises OSError."""
    os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)


class DiskFile(io.RawIOBase):
    """Open for reading from construction to `close`; one thread at a time. Arrow reads it as a pa.PythonFile."""

    def __init__(self, path: Path, before_read: BeforeRead) -> None:
        """before_read: called for each step, of at most limits.SCRUB_READ_BYTES. Raises OSError."""
        super().__init__()
        self._before_read = before_read
        self._at = 0
        self._descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        forget_cached(self._descriptor)

    def readable(self) -> bool:
        """See io.IOBase."""
        return True

    def seekable(self) -> bool:
        """See io.IOBase."""
        return True

    def tell(self) -> int:
        """See io.IOBase."""
        return self._at

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """See io.IOBase."""
        begin = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: os.fstat(self._descriptor).st_size}
        self._at = begin[whence] + offset
        return self._at

    def readinto(self, buffer: Any) -> int:
        """See io.RawIOBase: as much as fits, less only at the file's end. Raises OSError, what `before_read` raises."""
        into = memoryview(buffer)
        done = 0
        while done < len(into):
            step = into[done : done + limits.SCRUB_READ_BYTES]
            self._before_read(len(step))
            count = os.preadv(self._descriptor, [step], self._at)
            if not count:
                break
            self._at += count
            done += count
        return done

    def close(self) -> None:
        """See io.IOBase."""
        if not self.closed:
            os.close(self._descriptor)
        super().close()
