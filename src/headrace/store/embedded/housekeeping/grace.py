"""The grace of what was dropped for its age: how long it can still be brought back, and how much of it.

It is measured in time that a server ran, by the clock that only goes forward and that nobody sets: a clock that was
wrong when the points were dropped, and is wrong again or right later, makes no grace shorter.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Iterator, Sequence

import structlog

from headrace import limits
from headrace.errors import Unavailable
from headrace.store.embedded.files.disk_space import DiskSpace
from headrace.store.embedded.segments.current import DroppedFile
from headrace.store.embedded.segments.dropped import move, path_of
from headrace.store.embedded.segments.folder import SegmentFolder

log = structlog.get_logger(__name__)


class Grace:
    """`sweep` is for the merger's thread, all else for any."""

    def __init__(
        self,
        folder: SegmentFolder,
        disk: DiskSpace,
        grace_ms: int,
        bytes_max: int,
        monotonic_s: Callable[[], float] = time.monotonic,
    ) -> None:
        """grace_ms, bytes_max: of either 0 keeps nothing."""
        self._folder = folder
        self._disk = disk
        self._grace_s = grace_ms / 1000
        self._bytes_max = bytes_max
        self._monotonic_s = monotonic_s
        self._counted_from_s: dict[str, float] = {}
        """By name of a dropped file, when its age began to be counted on from the one that is noted."""
        self._noted_at_s = monotonic_s()
        self._giving_way = threading.Lock()
        self._failing = ""

    @property
    def bytes(self) -> int:
        """What is kept, as it is listed."""
        return sum(dropped.meta.bytes for dropped in self._folder.current.dropped)

    def has_room_for(self, wanted_bytes: int) -> bool:
        """Whether something that is dropped now, and takes so much more of the disk, is kept. Raises Unavailable."""
        return bool(self._grace_s and self._bytes_max) and self._free_bytes(wanted_bytes) >= 0

    def sweep(self) -> None:
        """What has had its grace goes for good, and the oldest of what is too much. Never raises: what the disk does
        not let it do is tried again by the next call."""
        try:
            self._sweep()
            self._failing = ""
        except (Unavailable, OSError) as failure:
            if str(failure) != self._failing:
                log.warning("what was dropped cannot be looked after", reason=str(failure))
            self._failing = str(failure)

    def _sweep(self) -> None:
        kept = self._folder.current.dropped
        if not kept:
            self._counted_from_s = {}
            return
        move(self._folder.folder, kept)
        ages = self._ages(kept)
        for dropped, why in self._ended(kept, ages):
            self._end(dropped, why)
        gone = {dropped.file for dropped in kept if path_of(self._folder.folder, dropped) is None}
        if gone or self._monotonic_s() - self._noted_at_s >= limits.GRACE_NOTE_S:
            self._note(ages, gone)

    def give_way(self, wanted_bytes: int) -> None:
        """The disk needs room: the oldest go for good until so much has come of it, or none is left. Never raises."""
        for dropped in self._folder.current.dropped:
            if wanted_bytes <= 0:
                return
            wanted_bytes -= self._end(dropped, "the disk needs the room")

    def end_for_deletes(self, dropped: Sequence[DroppedFile]) -> None:
        """These go for good, for too many deletes have to be kept for them. Raises OSError."""
        for one in dropped:
            self._end(one, "too many deletes would have to be kept for it")
        self._folder.note_dropped({}, {one.file for one in dropped})

    def _ended(self, kept: Sequence[DroppedFile], ages: dict[str, float]) -> Iterator[tuple[DroppedFile, str]]:
        """What must go and why, the oldest first."""
        files, size = len(kept), sum(dropped.meta.bytes for dropped in kept)
        short = -self._free_bytes(0)
        for dropped in kept:
            if ages[dropped.file] >= self._grace_s:
                why = "its time is over (retention_grace)"
            elif size > self._bytes_max:
                why = "more is kept than retention_grace_bytes_max"
            elif files > limits.GRACE_FILES_MAX:
                why = f"more than {limits.GRACE_FILES_MAX} files are kept"
            elif short > 0:
                why = "the disk needs the room"
            else:
                return
            yield dropped, why
            files, size, short = files - 1, size - dropped.meta.bytes, short - dropped.meta.bytes

    def _end(self, dropped: DroppedFile, why: str) -> int:
        """Unlink a file for good; whoever reads it may read on. Returns its bytes, 0 when it is gone already or the
        disk keeps it, which is tried again."""
        with self._giving_way:
            path = path_of(self._folder.folder, dropped)
            if path is None:
                return 0
            try:
                path.unlink()
            except OSError as error:
                log.warning("what was dropped cannot be unlinked yet", file=dropped.file, error=str(error))
                return 0
        log.info("what was dropped is gone for good", file=dropped.file, points=dropped.meta.rows, why=why)
        return dropped.meta.bytes

    def _ages(self, kept: Sequence[DroppedFile]) -> dict[str, float]:
        """For how long each has been kept, in seconds."""
        now_s = self._monotonic_s()
        begun = {one.file: self._counted_from_s.get(one.file, now_s - one.age_s) for one in kept}
        self._counted_from_s = begun
        return {file: now_s - from_s for file, from_s in begun.items()}

    def _note(self, ages: dict[str, float], gone: Collection[str]) -> None:
        self._folder.note_dropped({file: int(age_s) for file, age_s in ages.items()}, gone)
        self._noted_at_s = self._monotonic_s()

    def _free_bytes(self, wanted_bytes: int) -> int:
        """What is free beyond what must be, once so much has been written."""
        return self._disk.free_bytes() - wanted_bytes - limits.GRACE_FREE_RESERVES * self._disk.reserve_bytes
