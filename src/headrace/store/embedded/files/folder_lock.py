"""One server at a time on a data directory, and only as long as the directory is where it was."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

import structlog

from headrace.errors import Unavailable
from headrace.preflight.in_use import LOCK, holder, in_use

log = structlog.get_logger(__name__)


class FolderLock:
    """Held from construction to `release`, or to the end of the process, however that ends.

    The directory itself is locked, so that nobody gets in when the file is removed; and the file, which says who holds
    it, also where a file system does not lock directories.
    """

    def __init__(self, folder: Path) -> None:
        """Raises Unavailable when another process holds it, or the file cannot be made."""
        self._folder = folder.resolve()
        try:
            self._directory = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError as error:
            raise Unavailable(f"cannot open {folder}: {error.strerror}") from error
        try:
            self._file = self._lock(folder / LOCK)
        except BaseException:
            os.close(self._directory)
            raise

    def _lock(self, path: Path) -> int:
        try:
            file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise Unavailable(f"cannot open {path}: {error.strerror}") from error
        try:
            _lock_directory(self._directory)
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            process = holder(file)
            os.close(file)
            raise Unavailable(in_use(self._folder, process)) from None
        except OSError as error:
            os.close(file)
            raise Unavailable(f"cannot lock {path}: {error.strerror}") from error
        try:
            os.ftruncate(file, 0)
            os.pwrite(file, f"{os.getpid()}\n".encode(), 0)
        except OSError as error:  # it is locked, and on a full disk what is there is still served
            log.warning("the lock does not say who holds it", file=path.name, reason=error.strerror)
        return file

    def check(self) -> None:
        """Whatever is made by its path goes to the directory that is locked. Raises Unavailable when another one, or
        none, is where it was."""
        try:
            locked, there = os.fstat(self._directory), self._folder.stat()
        except OSError as error:
            raise Unavailable(f"the data directory {self._folder} is not there any more: {error.strerror}") from error
        if (there.st_dev, there.st_ino) != (locked.st_dev, locked.st_ino):
            raise Unavailable(f"the data directory {self._folder} was moved away, and another one is in its place")

    def release(self) -> None:
        """The file stays: one that is deleted may be the one that the next server has just locked."""
        os.close(self._file)
        os.close(self._directory)


def _lock_directory(directory: int) -> None:
    """Raises BlockingIOError when another process holds it."""
    try:
        fcntl.flock(directory, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise
    except OSError as error:  # NFS locks only what is open for writing, and a directory never is
        log.warning("the file system does not lock directories; the file does it alone", reason=error.strerror)
