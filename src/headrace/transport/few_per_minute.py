"""How often the log tells of what clients do wrong again and again; the metrics count all."""

from __future__ import annotations

from headrace import limits
from headrace.model.time import MINUTE_MS, Clock


class FewPerMinute:
    """Lets through the first limits.TOLD_PER_MINUTE events of every minute."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._minute = 0
        self._told = 0
        self._untold = 0

    def tell(self) -> int | None:
        """To be called at each event: None when it is not to be told, else how many were not since the last one."""
        minute = self._clock() // MINUTE_MS
        if minute != self._minute:
            self._minute, self._told = minute, 0
        if self._told == limits.TOLD_PER_MINUTE:
            self._untold += 1
            return None
        self._told += 1
        untold, self._untold = self._untold, 0
        return untold
