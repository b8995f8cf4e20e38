"""The clock by which points are dropped for their age. What is dropped is gone for good, and a clock may be wrong: one
that is far ahead of all that the database knows is not believed at once."""

from __future__ import annotations

import time
from collections.abc import Callable

import structlog

from headrace import limits
from headrace.model.time import Clock

log = structlog.get_logger(__name__)


class TrustedClock:
    """For any thread: at worst two of them say the same in the log."""

    def __init__(
        self, clock: Clock, known_ms: int, believe: bool = False, monotonic_s: Callable[[], float] = time.monotonic
    ) -> None:
        """clock: the system's.   known_ms: the latest moment that the database knows, 0 when it knows none.   believe:
        the operator has said that the clock is right."""
        self._clock = clock
        self._known_ms = known_ms
        self._believe = believe or known_ms == 0
        self._monotonic_s = monotonic_s
        self._ahead_since_s: float | None = None

    def now_ms(self) -> int:
        """The clock's time, or the latest moment known while the clock is limits.CLOCK_AHEAD_MS ahead of that and has
        not been so for limits.CLOCK_DOUBTED_S."""
        now_ms = self._clock()
        if self._believe or now_ms - self._known_ms <= limits.CLOCK_AHEAD_MS:
            self._believe = False
            self._ahead_since_s = None
            self._known_ms = max(self._known_ms, now_ms)
            return now_ms
        if self._ahead_since_s is None:
            self._ahead_since_s = self._monotonic_s()
            days = (now_ms - self._known_ms) // limits.CLOCK_AHEAD_MS
            log.warning("the clock is far ahead of the database; nothing is dropped for its age for a day", days=days)
        if self._monotonic_s() - self._ahead_since_s < limits.CLOCK_DOUBTED_S:
            return self._known_ms
        self._believe = True
        return self.now_ms()
