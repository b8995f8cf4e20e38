"""The merger thread: as long as there are neighbours to merge, it merges them, behind all more urgent work."""

from __future__ import annotations

import threading
import time
from typing import Protocol

import structlog
from prometheus_client import Counter

from headrace import limits
from headrace.errors import Corrupt, Unavailable
from headrace.memory import give_back_freed_memory
from headrace.store.embedded.segments.making.merging import Pause

log = structlog.get_logger(__name__)


class Stopped(Exception):  # noqa: N818 - nothing went wrong
    """What is under way is given up: the server stops. What a merge wrote so far is thrown away."""


class Merges(Protocol):
    """Knows what to merge (housekeeping.Housekeeping)."""

    def merge(self, pause: Pause) -> int:
        """Do one merge. Returns the rows that it read, 0 when there is nothing to do. Calls `pause` between its steps:
        what that raises ends it. Raises Corrupt or Unavailable."""
        ...


class HasUrgentWork(Protocol):
    """Goes first (reading.Visible)."""

    @property
    def seal_waits(self) -> bool:
        """Whether a seal is to be done."""
        ...


class Merger:
    """Looks for work when woken and every limits.MERGE_TICK_S."""

    def __init__(self, merges: Merges, urgent: HasUrgentWork, done: Counter, failures: Counter) -> None:
        """done: counts the merges.   failures: those that failed."""
        self._merges = merges
        self._urgent = urgent
        self._done = done
        self._failures = failures
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._failing: str | None = None
        self._thread = threading.Thread(target=self._run, name="headrace-merger", daemon=True)

    @property
    def failing(self) -> str | None:
        """Why the last merge failed, None if it did not."""
        return self._failing

    def start(self) -> None:
        self._thread.start()

    def wake(self) -> None:
        """There may be something to merge. Any thread."""
        self._wake.set()

    def stop(self) -> None:
        """Give up the merge at hand."""
        self._stopping.set()
        self._wake.set()
        self._thread.join()

    def pause(self) -> None:
        """Let a seal go first. Raises Stopped."""
        while self._urgent.seal_waits and not self._stopping.is_set():
            self._stopping.wait(limits.MERGE_PAUSE_S)
        if self._stopping.is_set():
            raise Stopped

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._wake.wait(limits.MERGE_TICK_S)
            self._wake.clear()
            try:
                while not self._stopping.is_set() and self._merge_once():
                    pass
            except Stopped:
                return
            except (Corrupt, Unavailable) as failure:
                self._report(failure)
            except Exception as bug:  # noqa: BLE001 - the files are as they were: nothing is lost by another attempt
                self._report(bug, unexpected=True)
                # The next attempt may read as much and fail as this one did.
                self._stopping.wait(limits.MERGE_RETRY_S)

    def _merge_once(self) -> bool:
        begin = time.perf_counter()
        rows = self._merges.merge(self.pause)
        self._failing = None
        if rows:
            self._done.inc()
            give_back_freed_memory()
            log.info("merged", points=rows, seconds=round(time.perf_counter() - begin, 3))
        return rows > 0

    def _report(self, failure: Exception, unexpected: bool = False) -> None:
        """Once per reason: the attempt is repeated. A failure of the disk needs no traceback."""
        self._failures.inc()
        if str(failure) != self._failing:
            log.error("cannot merge; the files stay as they are", reason=failure, exc_info=unexpected)
        self._failing = str(failure)
