"""One server at a time on a data directory."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from headrace.errors import Unavailable

LOCK = "lock"
"""Locked while a server uses the directory; holds its process id."""


class FolderLock:
    """Held from construction to `release`, or to the end of the process, however that ends."""

    def __init__(self, folder: Path) -> None:
        """Raises Unavailable when another process holds it, or the file cannot be made."""
        path = folder / LOCK
        try:
            self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise Unavailable(f"cannot open {path}: {error.strerror}") from error
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(self._descriptor, 20, 0).decode("ascii", "replace").strip()
            os.close(self._descriptor)
            raise Unavailable(
                f"another server (process {holder or 'unknown'}) uses the data directory {folder.resolve()}; "
                "stop it first, or choose another data_dir"
            ) from None
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, f"{os.getpid()}\n".encode(), 0)

    def release(self) -> None:
        """The file stays: who deletes a lock file may delete the one that the next server has just locked."""
        os.close(self._descriptor)
