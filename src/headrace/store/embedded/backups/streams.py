"""A backup of a store in use as a stream: it is taken into a folder of ours, of hard links, and that is sent."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

from headrace.errors import Unavailable
from headrace.store.embedded.backups.archive import TarOfBackup
from headrace.store.embedded.backups.label import Backup
from headrace.store.embedded.backups.own_copies import OwnCopies, remove_copies
from headrace.store.embedded.parts import STREAMING


class BackupStreams:
    """One at a time. Any thread."""

    def __init__(self, copies: OwnCopies, copy_out: Callable[[Path], Backup]) -> None:
        """copy_out: takes a backup into a folder; raises Unavailable or Corrupt."""
        self._copies = copies
        self._copy_out = copy_out
        self._busy = threading.Lock()

    def begin(self) -> BackupStream:
        """All that was acknowledged before is in it. Raises Unavailable, also while another is open; Corrupt."""
        if not self._busy.acquire(blocking=False):
            raise Unavailable("another backup is being streamed")
        data_dir = self._copies.data_dir
        place = data_dir / STREAMING / "copy"
        try:
            backup = self._copies.make(place, self._copy_out)
            return BackupStream(backup, TarOfBackup(place), lambda: self._end(data_dir))
        except OSError as failure:
            self._end(data_dir)
            raise Unavailable(f"the backup cannot be read: {failure.strerror}") from failure
        except BaseException:
            self._end(data_dir)
            raise

    def _end(self, data_dir: Path) -> None:
        remove_copies(data_dir, STREAMING)
        self._busy.release()


class BackupStream:
    """An open one. Its copy keeps files that a merge has replaced on the disk until it is closed."""

    def __init__(self, backup: Backup, archive: TarOfBackup, end: Callable[[], None]) -> None:
        self.backup = backup
        self.bytes = archive.size
        """Of the whole stream."""
        self._archive = archive
        self._end = end
        self._closing = threading.Lock()
        self._closed = False

    def chunks(self) -> Iterator[bytes]:
        """The tar archive. Raises OSError: then it is cut off, and what was sent is no backup."""
        return self._archive.chunks()

    def close(self) -> None:
        """Remove its copy. As often as one likes."""
        with self._closing:
            if not self._closed:
                self._closed = True
                self._end()
