"""The scrub's thread: one file after another, at the set rate, behind all more urgent work."""

from __future__ import annotations

import threading
import time
from typing import Protocol

import structlog
from prometheus_client import Counter

from headrace import limits
from headrace.errors import Unavailable
from headrace.store.embedded.files.disk_file import BeforeRead
from headrace.store.embedded.housekeeping.merger import HasUrgentWork, Stopped
from headrace.store.embedded.scrubbing.pace import Pace

log = structlog.get_logger(__name__)


class Scrubs(Protocol):
    """Knows what to read (scrub.Scrub)."""

    def read_next(self, before_read: BeforeRead) -> bool:
        """Read one file. Returns whether one was due. What `before_read` raises ends it."""
        ...

    def write_record(self) -> None:
        """Remember over restarts what has been read. Raises OSError, Unavailable."""
        ...


class Scrubber:
    """Looks for what is due every limits.SCRUB_TICK_S.

    Its thread is no less than others to the kernel: it takes the interpreter's lock now and then, and whoever waits for
    that would wait for a thread that the kernel does not let run.
    """

    def __init__(
        self, scrubs: Scrubs, urgent: HasUrgentWork, bytes_per_s: int, read_bytes: Counter, failures: Counter
    ) -> None:
        """bytes_per_s: 0 for not at all.   read_bytes: counts them.   failures: counts faults of ours."""
        self._scrubs = scrubs
        self._urgent = urgent
        self._read_bytes = read_bytes
        self._failures = failures
        self._stopping = threading.Event()
        self._noted_s = 0.0
        self._is_noted = True
        self._failing = ""
        self._pace = Pace(bytes_per_s, self._wait) if bytes_per_s else None
        self._thread = threading.Thread(target=self._run, name="headrace-scrubber", daemon=True)

    def start(self) -> None:
        if self._pace is not None:
            self._thread.start()

    def stop(self) -> None:
        """Give up the file at hand."""
        self._stopping.set()
        if self._pace is not None:
            self._thread.join()

    def _run(self) -> None:
        try:
            while not self._stopping.wait(limits.SCRUB_TICK_S):
                while self._read_one():
                    self._note(limits.SCRUB_NOTE_S)
                self._note(0.0)
        except Stopped:
            self._note(0.0)

    def _read_one(self) -> bool:
        """Whether there was one. Raises Stopped."""
        try:
            found = self._scrubs.read_next(self._before_read)
        except Stopped:
            raise
        except Exception:
            # Reading changes nothing, so the next attempt can only find more.
            self._failures.inc()
            log.exception("cannot go on reading old files; tried again later")
            return False
        self._is_noted &= not found
        return found

    def _before_read(self, count: int) -> None:
        assert self._pace is not None
        self._pace.take(count)
        self._read_bytes.inc(count)

    def _wait(self, seconds: float) -> None:
        """Raises Stopped."""
        self._stopping.wait(seconds)
        while self._urgent.seal_waits and not self._stopping.is_set():
            self._stopping.wait(limits.SCRUB_PAUSE_S)
        if self._stopping.is_set():
            raise Stopped

    def _note(self, not_within_s: float) -> None:
        """Unless nothing is new, or it has been noted within so many seconds."""
        if self._is_noted or time.monotonic() - self._noted_s < not_within_s:
            return
        try:
            self._scrubs.write_record()
        except (OSError, Unavailable) as failure:
            if str(failure) != self._failing:
                log.warning("when files were seen cannot be written down", reason=str(failure))
            self._failing = str(failure)
        else:
            self._failing = ""
        self._is_noted, self._noted_s = True, time.monotonic()
