"""The sealer thread: a frozen generation of recent becomes a segment, then its part of the journal goes."""

from __future__ import annotations

import threading
import time
from typing import Protocol

import structlog
from prometheus_client import Counter

from headrace import limits
from headrace.errors import Unavailable
from headrace.memory import give_back_freed_memory
from headrace.scratch import SCRATCH
from headrace.store.embedded.reading.visible import Visible
from headrace.store.embedded.recent.recent import RecentView

log = structlog.get_logger(__name__)


class Seals(Protocol):
    """Makes what stays of a generation (housekeeping.seals)."""

    def seal(self, generation: RecentView) -> None:
        """Raises Unavailable when the disk does not let it, and may then be called again."""
        ...


class Sweeps(Protocol):
    """Has something to do that can wait (housekeeping.seals)."""

    def sweep(self) -> bool:
        """Do some of it, soon over. Returns whether there was any. Raises as Seals.seal."""
        ...


class Freezes(Protocol):
    """Begins new generations (writer.Writer)."""

    def freeze(self) -> None:
        """Ask for one: the present one then goes to the sealer. Any thread."""
        ...


class Woken(Protocol):
    """Has more to do after a seal (merger.Merger)."""

    def wake(self) -> None:
        """There may be something to do. Any thread."""
        ...


class Sealer:
    """Seals the oldest frozen generation as soon as there is one, and asks for a freeze when recent is old enough."""

    def __init__(
        self,
        visible: Visible,
        seals: Seals,
        sweeps: Sweeps,
        freezes: Freezes,
        woken: Woken,
        seal_age_s: float,
        done: Counter,
        failures: Counter,
    ) -> None:
        """done: counts the seals.   failures: the attempts that failed."""
        self._visible = visible
        self._seals = seals
        self._sweeps = sweeps
        self._freezes = freezes
        self._woken = woken
        self._seal_age_s = seal_age_s
        self._done = done
        self._failures = failures
        self._failing: str | None = None
        """Why the last attempt to seal failed, None if it did not."""
        self._sweeping = False
        """Whether there is more to sweep."""
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="headrace-sealer", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Finish the segment at hand, seal no further: what is left is in the journal."""
        self._stopping.set()
        self._visible.wake()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopping.is_set():
            self.take_turn()

    def take_turn(self) -> None:
        """Seal the oldest frozen generation; while there is none, give back what questions have left, and sweep or wait
        a tick for one."""
        generation = self._visible.wait_for_frozen(0.0 if self._sweeping else limits.SEALER_TICK_S, self._stopping)
        if generation is None:
            SCRATCH.give_back_idle()
            if self._visible.newest_age_s() >= self._seal_age_s:
                self._freezes.freeze()
            self._sweep_some()
            return
        begin = time.perf_counter()
        try:
            self._seals.seal(generation)
        except Exception as failure:  # noqa: BLE001 - whatever it is, points are safe in the journal; try again
            self._report(failure, "cannot seal; points stay in the journal and in memory")
            self._stopping.wait(limits.PROBE_INTERVAL_S)
            return
        self._woken.wake()
        give_back_freed_memory()
        self._failing = None
        self._done.inc()
        log.info("sealed", points=len(generation), seconds=round(time.perf_counter() - begin, 3))

    def _sweep_some(self) -> None:
        self._sweeping = False
        try:
            self._sweeping = self._sweeps.sweep()
        except Exception as failure:  # noqa: BLE001 - what is to be swept is out of sight already; try again
            self._report(failure, "cannot sweep; what is gone still takes room")

    def _report(self, failure: Exception, trouble: str) -> None:
        """Once per reason: the attempt is repeated every second. A failure of the disk needs no traceback."""
        self._failures.inc()
        if str(failure) != self._failing:
            expected = isinstance(failure, Unavailable)
            log.error(trouble, reason=failure, exc_info=not expected)
        self._failing = str(failure)
