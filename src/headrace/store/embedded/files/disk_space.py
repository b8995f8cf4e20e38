"""The disk reserve: points are refused before the disk is full, so that sealing and merging can still work it down."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

from headrace import limits
from headrace.errors import Unavailable


class DiskSpace:
    """Of the file system that holds the database. `check` is for the writer thread, `free_bytes` for any."""

    def __init__(self, folder: Path, reserve_bytes: int) -> None:
        self._folder = folder
        self._reserve_bytes = reserve_bytes
        self._checked_s = -limits.DISK_CHECK_INTERVAL_S
        self._written_bytes = 0
        self._short = ""
        self.give_way: Callable[[int], None] = lambda wanted_bytes: None
        """Called with how many bytes are wanted before points are refused; what can be spared goes then."""

    @property
    def reserve_bytes(self) -> int:
        """What only sealing and merging may use."""
        return self._reserve_bytes

    def free_bytes(self) -> int:
        """What an ordinary user may still write. Raises Unavailable."""
        try:
            found = os.statvfs(self._folder)
        except OSError as error:
            raise Unavailable(f"cannot ask the file system for its free space: {error.strerror}") from error
        return found.f_bavail * found.f_frsize

    def check(self, bytes_to_write: int) -> None:
        """Raises Unavailable from when less than the reserve is free until limits.DISK_MARGIN_SHARE of it more is free
        again. Asks the file system once in limits.DISK_CHECK_INTERVAL_S, and again when more than
        limits.DISK_CHECK_BYTES were let through since."""
        now_s = time.monotonic()
        self._written_bytes += bytes_to_write
        if now_s - self._checked_s >= limits.DISK_CHECK_INTERVAL_S or self._written_bytes >= limits.DISK_CHECK_BYTES:
            free = self.free_bytes()
            if free < self._wanted_bytes:
                self.give_way(self._wanted_bytes - free)
                free = self.free_bytes()
            self._checked_s, self._written_bytes = now_s, bytes_to_write
            self._short = self._sentence(free) if free < self._wanted_bytes else ""
        if self._short:
            raise Unavailable(self._short)

    @property
    def _wanted_bytes(self) -> int:
        return self._reserve_bytes + int(self._reserve_bytes * limits.DISK_MARGIN_SHARE if self._short else 0)

    def _sentence(self, free_bytes: int) -> str:
        enough_bytes = self._reserve_bytes * (1 + limits.DISK_MARGIN_SHARE)
        return (
            f"the disk is full: {free_bytes // 1_000_000} MB are free, "
            f"and {self._reserve_bytes // 1_000_000} MB are reserved for sealing (disk_reserve_bytes); "
            f"points are taken again when {enough_bytes // 1_000_000:.0f} MB are"
        )
