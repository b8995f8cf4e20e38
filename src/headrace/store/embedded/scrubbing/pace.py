"""How fast the scrub reads."""

from __future__ import annotations

import time
from collections.abc import Callable


class Pace:
    """So many bytes a second and never more: what was not read while it waited for others is not caught up on. One
    thread."""

    def __init__(
        self, bytes_per_s: int, wait: Callable[[float], None], monotonic_s: Callable[[], float] = time.monotonic
    ) -> None:
        """wait: sleeps for so many seconds, 0 too; what it raises ends the reading."""
        self._bytes_per_s = bytes_per_s
        self._wait = wait
        self._monotonic_s = monotonic_s
        self._free_at_s = 0.0

    def take(self, count: int) -> None:
        """Wait until `count` bytes more may be read. Raises what `wait` raises."""
        now_s = self._monotonic_s()
        begin_s = max(self._free_at_s, now_s)
        self._free_at_s = begin_s + count / self._bytes_per_s
        self._wait(begin_s - now_s)
