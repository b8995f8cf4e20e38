"""The clock of a time zone for columns of instants: zoneinfo answers one moment at a time, this whole arrays.

Local times are int64 ms as if the zone were UTC. A local time that summer time skips stands for the moment as the clock
before the change would show it; one that comes twice stands for its first moment (PEP 495, fold=0).
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone, tzinfo
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from headrace.model.time import DAY_MS, SECOND_MS

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_CENTURY_MS = 36_524 * DAY_MS
_FIRST_CENTURY, _LAST_CENTURY = -19, 79
"""Centuries counted from 1970 that lie wholly within Python's calendar, the years 1 to 9999."""


class Clock(NamedTuple):
    """changes: int64[c] ms, ascending, the instants from which the offsets int64[c + 1] ms hold; the first one holds
    before."""

    changes: NDArray[np.int64]
    offsets: NDArray[np.int64]

    def local(self, instants: NDArray[np.int64]) -> NDArray[np.int64]:
        """What the clock shows at each instant."""
        return instants + self.offsets[np.searchsorted(self.changes, instants, side="right")]

    def instants(self, local: NDArray[np.int64]) -> NDArray[np.int64]:
        """When the clock shows each local time."""
        shown_until = self.changes + np.maximum(self.offsets[:-1], self.offsets[1:])
        return local - self.offsets[np.searchsorted(shown_until, local, side="right")]


def clock(zone: tzinfo, first_ms: int, last_ms: int) -> Clock:
    """The clock of `zone`, right from first_ms to last_ms and some days around them. Outside the years 1 to 9999 the
    nearest offset holds. A fixed offset (datetime.timezone) never changes."""
    if isinstance(zone, timezone):
        return Clock(np.empty(0, dtype=np.int64), np.array([_offset_ms(zone, 0)], dtype=np.int64))
    margin_ms = 2 * DAY_MS
    first = min(max((first_ms - margin_ms) // _CENTURY_MS, _FIRST_CENTURY), _LAST_CENTURY)
    last = min(max((last_ms + margin_ms) // _CENTURY_MS, _FIRST_CENTURY), _LAST_CENTURY)
    parts = [_century(zone, number) for number in range(first, last + 1)]
    changes = np.concatenate([part.changes for part in parts])
    return Clock(changes, np.concatenate([parts[0].offsets[:1], *(part.offsets[1:] for part in parts)]))


@lru_cache(maxsize=256)
def _century(zone: tzinfo, number: int) -> Clock:
    """The changes of one century, found day by day: no zone has changed its clock and back within one."""
    days = np.arange(number * _CENTURY_MS, (number + 1) * _CENTURY_MS + 1, DAY_MS, dtype=np.int64)
    by_day = [_offset_ms(zone, day) for day in days.tolist()]
    changes, offsets = [], [by_day[0]]
    for day in np.flatnonzero(np.diff(by_day)).tolist():
        before, after = int(days[day]), int(days[day + 1])
        while after - before > SECOND_MS:
            middle = before + (after - before) // (2 * SECOND_MS) * SECOND_MS
            if _offset_ms(zone, middle) == by_day[day]:
                before = middle
            else:
                after = middle
        changes.append(after)
        offsets.append(by_day[day + 1])
    return Clock(np.array(changes, dtype=np.int64), np.array(offsets, dtype=np.int64))


def _offset_ms(zone: tzinfo, instant_ms: int) -> int:
    offset = (_EPOCH + timedelta(milliseconds=instant_ms)).astimezone(zone).utcoffset()
    assert offset is not None, "zones know all their offsets"
    return offset // timedelta(milliseconds=1)
