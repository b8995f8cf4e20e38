"""What the embedded store does for itself beside writing and sealing: merge files, set damaged ones aside."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import groupby

import numpy as np
import structlog

from headrace import limits
from headrace.errors import Corrupt, Unavailable
from headrace.store.embedded.files.disk_space import DiskSpace
from headrace.store.embedded.files.folder_lock import FolderLock
from headrace.store.embedded.housekeeping.grace import Grace
from headrace.store.embedded.reading.visible import Visible
from headrace.store.embedded.segments.files.meta import SegmentMeta
from headrace.store.embedded.segments.files.segment import Segment
from headrace.store.embedded.segments.folder import SegmentFolder
from headrace.store.embedded.segments.making.forgetting import Forgetting
from headrace.store.embedded.segments.making.merge_plan import plan_merge
from headrace.store.embedded.segments.making.merging import Pause
from headrace.store.rows import MetricIds

log = structlog.get_logger(__name__)


class Housekeeping:
    """merge is for the merger's thread, set_aside for any."""

    def __init__(
        self,
        folder: SegmentFolder,
        visible: Visible,
        metric_ids: MetricIds,
        disk: DiskSpace,
        place: FolderLock,
        forgetting: Callable[[], Forgetting],
        grace: Grace,
    ) -> None:
        """place: the data directory.   forgetting: what counts as gone at the moment of the call."""
        self._place = place
        self._folder = folder
        self._visible = visible
        self._metric_ids = metric_ids
        self._disk = disk
        self._forgetting = forgetting
        self._grace = grace
        self._apply_deletes_at = time.monotonic() + limits.APPLY_DELETES_S
        self._kept_all: set[tuple[str, int]] = set()

    def merge(self, pause: Pause) -> int:
        """Do the next merge. Returns the rows or series that it read, 0 when there is nothing to do.

        Raises Unavailable when the disk does not let it, Corrupt when what was written is not what is there; what
        `pause` raises ends it. A damaged input is set aside, and the rest is merged by the next call.
        """
        self._place.check()
        pinned = self._visible.pin_segments()
        try:
            self._grace.sweep()
            for neighbours in _mergeable(pinned, self._folder.current.restorable):
                plan = plan_merge([size_of(segment.meta) for segment in neighbours])
                if plan is not None:
                    return self._merge(neighbours[plan], pause)
            return (
                self._drop_old(pinned)
                or self._apply_deletes(pinned, pause)
                or self._rewrite_gone(pinned, pause)
                or self._folder.merge_series()
            )
        except OSError as failure:
            raise Unavailable(f"files cannot be merged: {failure.strerror}") from failure
        except Corrupt as damage:
            if not self.set_aside(damage):
                raise
            return limits.ROW_GROUP_ROWS
        finally:
            self._visible.release_segments(pinned)

    def _drop_old(self, segments: tuple[Segment, ...]) -> int:
        """Drop the segments in which retention has passed for every row, and that hide nothing older. Returns their
        rows."""
        forgetting = self._forgetting()
        cut_ms = forgetting.retention.latest_cut_ms(forgetting.now_ms)
        if not any(segment.meta.max_time < cut_ms for segment in segments):
            return 0
        metrics = np.arange(max(segment.metrics_end for segment in segments))
        oldest_ms = forgetting.retention.oldest_ms_of_metrics(metrics, forgetting.now_ms)
        dropped: list[Segment] = []
        kept = list(self._folder.current.restorable)
        for segment in segments:  # in rising order of version
            hides = any(segment.meta.may_share_points(older) for older in kept)
            if hides or not segment.is_out(oldest_ms):
                kept.append(segment.meta)
            else:
                dropped.append(segment)
        if dropped:
            self._folder.drop(dropped, forgetting.is_kept)
            self._visible.replace(dropped, ())
            log.info("dropped what is out of retention", segments=len(dropped), is_kept=forgetting.is_kept)
        return sum(segment.meta.rows for segment in dropped)

    def _rewrite_gone(self, segments: tuple[Segment, ...], pause: Pause) -> int:
        """Rewrite the oldest segment of which most has expired or is out of retention. Returns the rows read."""
        if not segments:
            return 0
        forgetting = self._forgetting()
        metrics = np.arange(max(segment.metrics_end for segment in segments))
        oldest_ms = forgetting.retention.oldest_ms_of_metrics(metrics, forgetting.now_ms)
        older: list[SegmentMeta] = []
        for segment in segments:  # in rising order of version
            share = segment.share_gone(forgetting.now_ms, oldest_ms, older)
            can_be = segment.order_is_known and share >= limits.REWRITE_SHARE
            if can_be and (segment.meta.file, len(older)) not in self._kept_all:
                rows = self._merge((segment,), pause, 1 - share)
                self._remember_if_kept(segment.meta, share, len(older))
                return rows
            older.append(segment.meta)
        return 0

    def _remember_if_kept(self, was: SegmentMeta, share: float, older: int) -> None:
        """The share is an estimate. Where far less could be left out, as older files lie about, do not try again until
        their number has changed."""
        sequences = was.min_sequence, was.max_sequence
        for meta in self._folder.current.segments:
            same = (meta.min_sequence, meta.max_sequence) == sequences
            if same and meta.rows > was.rows * (1 - share / 2):
                self._kept_all.add((meta.file, older))

    def _apply_deletes(self, segments: tuple[Segment, ...], pause: Pause) -> int:
        """Rewrite a segment that pending deletes keep waiting, now and then or when they are many. Returns the rows
        read."""
        now = time.monotonic()
        deletes = self._visible.deletes
        many = len(deletes) >= limits.PENDING_DELETES_MAX // 2
        if not len(deletes) or (now < self._apply_deletes_at and not many):
            return 0
        waiting = [one for one in self._visible.under_deletes(segments, self._metric_ids) if one.order_is_known]
        if not waiting:
            self._apply_deletes_at = now + limits.APPLY_DELETES_S
            return 0
        return self._merge(tuple(waiting[:1]), pause)

    def _merge(self, inputs: tuple[Segment, ...], pause: Pause, share_left: float = 1.0) -> int:
        """share_left: of the rows, so many at most will be in the new file."""
        input_bytes = sum(segment.meta.bytes for segment in inputs)
        needed_bytes = int(input_bytes * share_left)
        forgetting = self._forgetting()
        forgetting = replace(forgetting, is_kept=forgetting.is_kept and self._grace.has_room_for(input_bytes))
        if self._disk.free_bytes() - needed_bytes < self._disk.reserve_bytes // 2:
            raise Unavailable(f"a merge of {needed_bytes // 1_000_000} MB would take the room that sealing may need")
        merged = self._folder.merge(inputs, self._metric_ids, forgetting, pause)
        if merged is not None:
            self._visible.replace(inputs, merged)
            self._visible.forget_deletes(self._metric_ids, lambda: self._folder.current.may_come_back)
        return sum(segment.meta.rows for segment in inputs)

    def set_aside(self, damage: Corrupt) -> bool:
        """Serve on without the segment that turned out damaged. False when it is none of ours, or has been set aside
        before. Never raises: the error of who met the damage is the better one."""
        try:
            if not self._folder.set_aside(damage):
                return False
        except OSError as failure:
            log.error("a damaged file cannot be set aside", file=str(damage.file), reason=failure.strerror)
            return False
        log.error("damage set aside; the rest is served", file=str(damage.file), damage=damage.detail)
        self._visible.discard(damage.file)
        return True


def _mergeable(segments: tuple[Segment, ...], set_aside: Sequence[SegmentMeta]) -> Iterator[tuple[Segment, ...]]:
    """Neighbours in rising order of version, none of which is out of order, and between which nothing belongs."""
    for neighbours in _apart(segments, set_aside):
        for is_known, run in groupby(neighbours, lambda segment: segment.order_is_known):
            if is_known:
                yield tuple(run)


def _apart(segments: tuple[Segment, ...], set_aside: Sequence[SegmentMeta]) -> Iterator[tuple[Segment, ...]]:
    """The segments, in rising order of version, cut wherever one that may be restored belongs between them."""
    ends = sorted(meta.min_sequence for meta in set_aside)
    begin = 0
    for end in ends:
        place = sum(segment.meta.max_sequence < end for segment in segments)
        if place > begin:
            yield segments[begin:place]
            begin = place
    yield segments[begin:]


def size_of(meta: SegmentMeta) -> float:
    """A segment's share of the largest that a merge may write."""
    return max(meta.rows / limits.MERGE_ROWS_MAX, meta.bytes / limits.MERGE_BYTES_MAX)
