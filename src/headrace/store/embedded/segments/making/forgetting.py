"""What a new file may leave out of the rows that go into it: the rules that sealing and merging share.

Deleted rows always, since the delete stays pending for every older file. Winners that have expired, or whose metric's
retention has passed, only where no older file may hold the same series and time: an older write would come to light,
at once or when the operator lengthens the retention.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from headrace.model.time import ALL_TIME
from headrace.store.embedded.recent.deletes import NO_DELETES, Deletes
from headrace.store.embedded.segments.files.meta import SegmentMeta
from headrace.store.embedded.segments.making.retention import NO_RETENTION, Retention


@dataclass(frozen=True, slots=True)
class Forgetting:
    """What counts as gone at one moment: take one when a seal or merge begins, and use it for all of its rows."""

    deletes: Deletes
    retention: Retention
    now_ms: int
    is_kept: bool = False
    """Whether what is left out for its age is kept for its grace."""

    def deletes_through(self, max_sequence: int) -> int:
        """Through which sequence deletes have been applied to a file of rows up to `max_sequence`."""
        return max(max_sequence, self.deletes.last_sequence)

    def forgettable(
        self,
        series: NDArray[np.uint32],
        times: NDArray[np.int64],
        expires: NDArray[np.int64] | None,
        older: Sequence[SegmentMeta],
    ) -> NDArray[np.bool_] | None:
        """Which of these winners the new file may leave out; None when that is none of them.

        series: uint32[n].   times, expires: int64[n] ms.   older: every file that is not an input of the new one and
        holds rows written before any of these.
        """
        gone = self._gone(series, times, expires)
        if gone is None or not gone.any():
            return None
        first, last = times[gone].min(), times[gone].max()
        for file in older:
            if file.min_time <= last and file.max_time >= first:
                gone &= (times < file.min_time) | (times > file.max_time)
        return gone if gone.any() else None

    def _gone(
        self, series: NDArray[np.uint32], times: NDArray[np.int64], expires: NDArray[np.int64] | None
    ) -> NDArray[np.bool_] | None:
        gone = None if expires is None else expires <= self.now_ms
        if not len(times) or times.min() >= self.retention.latest_cut_ms(self.now_ms):
            return gone
        present = np.flatnonzero(np.bincount(series)).astype(np.uint32)
        oldest = np.empty(int(present[-1]) + 1, dtype=np.int64)
        oldest[present] = self.retention.oldest_ms(present, self.now_ms)
        out: NDArray[np.bool_] = times < oldest[series]
        return out if gone is None else gone | out


KEEP_ALL = Forgetting(NO_DELETES, NO_RETENTION, ALL_TIME.start_ms)
"""Of no database in particular: nothing has been deleted, nothing is too old."""
