"""How often the log tells of what clients do wrong again and again; the metrics count all."""

from __future__ import annotations

from headrace import limits
from headrace.model.time import MINUTE_MS, Clock


class FewPerMinute:
    """Lets through the first `most` events of every minute."""

    def __init__(self, clock: Clock, most: int = limits.TOLD_PER_MINUTE) -> None:
        self._clock = clock
        self._most = most
        self._minute = 0
        self._told = 0
        self._untold = 0

    def left(self) -> int:
        """How many may be told in this minute."""
        minute = self._clock() // MINUTE_MS
        if minute != self._minute:
            self._minute, self._told = minute, 0
        return self._most - self._told

    def tell(self) -> int | None:
        """To be called at each event: None when it is not to be told, else how many were not since the last one."""
        if self.left() <= 0:
            self._untold += 1
            return None
        self._told += 1
        untold, self._untold = self._untold, 0
        return untold

    def leave_out(self, events: int) -> None:
        """Count events that are not told."""
        self._untold += events
