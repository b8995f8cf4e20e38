"""The scrub's thread: paced, behind seals, stopped in the middle of a file, alive after a fault of ours."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest
from prometheus_client import Counter

from headrace import limits
from headrace.store.embedded.files.disk_file import BeforeRead
from headrace.store.embedded.scrubbing.scrubber import Scrubber


@pytest.fixture(autouse=True)
def _often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "SCRUB_TICK_S", 0.005)
    monkeypatch.setattr(limits, "SCRUB_PAUSE_S", 0.001)


class Scrubs:
    """Reads as it is told."""

    def __init__(self, read_next: Callable[[BeforeRead], bool], bytes_per_s: int = 10**9) -> None:
        self.read_next = read_next
        self.seal_waits = False
        self.written = 0
        self.read_bytes, self.failures = (Counter(name, "Of the test.", registry=None) for name in ("read", "failed"))
        self.scrubber = Scrubber(self, self, bytes_per_s, self.read_bytes, self.failures)

    def write_record(self) -> None:
        self.written += 1


def value(counter: Counter) -> float:
    return next(iter(counter.collect())).samples[0].value


def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not true():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.002)


def test_it_reads_all_that_is_due_and_writes_that_down() -> None:
    due = [3, 2, 1]

    def read_next(before_read: BeforeRead) -> bool:
        before_read(100)
        return bool(due) and bool(due.pop())

    scrubs = Scrubs(read_next)
    scrubs.scrubber.start()
    until(lambda: not due and scrubs.written == 2)  # the first, and when nothing was due any more
    assert value(scrubs.read_bytes) >= 400
    scrubs.scrubber.stop()
    assert scrubs.written == 2


@pytest.mark.parametrize("seal_waits", [False, True])
def test_stopping_ends_a_file_without_end(seal_waits: bool) -> None:
    begun = threading.Event()

    def read_next(before_read: BeforeRead) -> bool:
        begun.set()
        while True:
            before_read(1000)

    scrubs = Scrubs(read_next, bytes_per_s=1)
    scrubs.seal_waits = seal_waits
    scrubs.scrubber.start()
    assert begun.wait(10)
    scrubs.scrubber.stop()
    assert value(scrubs.read_bytes) <= 1000


def test_a_seal_goes_first() -> None:
    read: list[int] = []

    def read_next(before_read: BeforeRead) -> bool:
        before_read(1)
        read.append(1)
        return True

    scrubs = Scrubs(read_next)
    scrubs.seal_waits = True
    scrubs.scrubber.start()
    time.sleep(0.05)
    assert not read
    scrubs.seal_waits = False
    until(lambda: bool(read))
    scrubs.scrubber.stop()


def test_a_fault_of_ours_is_counted_and_the_scrub_goes_on() -> None:
    faults: list[Exception] = [KeyError("of a bug"), MemoryError()]

    def read_next(before_read: BeforeRead) -> bool:
        if faults:
            raise faults.pop()
        return False

    scrubs = Scrubs(read_next)
    scrubs.scrubber.start()
    until(lambda: value(scrubs.failures) == 2)
    scrubs.scrubber.stop()


def test_a_rate_of_nothing_is_no_scrub() -> None:
    scrubs = Scrubs(lambda _: pytest.fail("it reads"), bytes_per_s=0)
    scrubs.scrubber.start()
    time.sleep(0.02)
    scrubs.scrubber.stop()
