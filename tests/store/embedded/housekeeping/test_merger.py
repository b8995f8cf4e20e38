"""The merger thread: one merge after another, seals first, failures tried again, stopped in the middle of one."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest
from prometheus_client import Counter

from headrace import limits
from headrace.errors import Unavailable
from headrace.store.embedded.housekeeping.merger import Merger
from headrace.store.embedded.segments.making.merging import Pause


@pytest.fixture(autouse=True)
def _often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MERGE_TICK_S", 0.01)
    monkeypatch.setattr(limits, "MERGE_PAUSE_S", 0.001)
    monkeypatch.setattr(limits, "MERGE_RETRY_S", 0.01)


class Merges:
    """Does what it is told, behind what is said to be urgent."""

    def __init__(self, merge: Callable[[Pause], int], urgent: Callable[[], bool] = lambda: False) -> None:
        self.merge = merge
        self._urgent = urgent
        self.done = Counter("merges", "Merges.", registry=None)
        self.failures = Counter("failures", "Merges that failed.", registry=None)

    @property
    def seal_waits(self) -> bool:
        return self._urgent()

    def failed(self) -> float:
        return value_of(self.failures)


def value_of(counter: Counter) -> float:
    [sample, *_] = next(iter(counter.collect())).samples
    return sample.value


def merger_of(merges: Merges) -> Merger:
    return Merger(merges, merges, merges.done, merges.failures)


def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not true():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.002)


def test_it_goes_on_until_nothing_is_left() -> None:
    left = [3, 2, 1]

    def merge(pause: Pause) -> int:
        return left.pop() if left else 0

    merges = Merges(merge)
    merger = merger_of(merges)
    merger.start()
    until(lambda: not left)
    left.append(1)
    until(lambda: not left)
    merger.stop()
    assert value_of(merges.done) == 4


def test_a_failure_is_told_and_tried_again() -> None:
    failures = [Unavailable("the disk is full")] * 3

    def merge(pause: Pause) -> int:
        if failures:
            raise failures[0]
        return 0

    merger = merger_of(Merges(merge))
    merger.start()
    until(lambda: merger.failing == "the disk is full")
    failures.clear()
    until(lambda: merger.failing is None)
    merger.stop()


def test_a_fault_of_ours_is_counted_and_merging_goes_on() -> None:
    """Whatever a merge raises, the thread lives: files would grow in number for ever, and no one would know."""
    faults: list[Exception] = [KeyError("of a bug"), MemoryError(), ZeroDivisionError()]
    merged: list[int] = []

    def merge(pause: Pause) -> int:
        if faults:
            raise faults.pop()
        merged.append(1)
        return 0

    merges = Merges(merge)
    merger = merger_of(merges)
    merger.start()
    until(lambda: bool(merged))
    assert merges.failed() == 3
    assert merger.failing is None
    merger.stop()


def test_a_merge_waits_for_a_seal_between_any_two_steps() -> None:
    urgent = threading.Event()
    urgent.set()
    steps: list[int] = []

    def merge(pause: Pause) -> int:
        if len(steps) < 2:
            pause()
            steps.append(1)
            return 1
        return 0

    merger = merger_of(Merges(merge, urgent.is_set))
    merger.start()
    time.sleep(0.05)
    assert not steps
    urgent.clear()
    until(lambda: len(steps) == 2)
    merger.stop()


@pytest.mark.parametrize("urgent", [False, True])
def test_stopping_ends_a_merge_without_end(urgent: bool) -> None:
    begun = threading.Event()

    def merge(pause: Pause) -> int:
        begun.set()
        while True:
            pause()

    merger = merger_of(Merges(merge, lambda: urgent))
    merger.start()
    assert begun.wait(10)
    merger.stop()
    assert merger.failing is None
