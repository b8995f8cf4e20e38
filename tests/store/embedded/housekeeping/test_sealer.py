"""The sealer: generations go to it oldest first, a failure keeps them where they are, and it goes on by itself."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from prometheus_client import Counter

from headrace import limits
from headrace.errors import Corrupt, Unavailable
from headrace.model.points import Admitted, Kind, Values
from headrace.store.embedded.housekeeping.sealer import Sealer
from headrace.store.embedded.reading.visible import Visible
from headrace.store.embedded.recent.recent import RecentView
from headrace.store.embedded.segments.segment_set import SegmentSet


def batch(*times: int) -> Admitted:
    count = len(times)
    values = Values(np.full(count, Kind.INT64, dtype=np.uint8), np.zeros(count, dtype=np.int64))
    return Admitted(np.zeros(count, dtype=np.uint32), np.array(times, dtype=np.int64), values)


def until(true: Callable[[], object]) -> None:
    deadline = time.monotonic() + 10
    while not true():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.005)


class Disk:
    """Takes generations, or fails as it is told. In place of all that a sealer works with."""

    def __init__(self, visible: Visible) -> None:
        self.visible = visible
        self.asked_to_freeze = threading.Event()
        self.woken = 0
        self.done = Counter("seals", "Seals.", registry=None)
        self.failures = Counter("failures", "Seals that failed.", registry=None)
        self.sealed: list[list[int]] = []
        self.faults: list[Exception] = []

    def seal(self, generation: RecentView) -> None:
        if self.faults:
            raise self.faults.pop()
        self.sealed.append(generation.times[: len(generation)].tolist())
        self.visible.replace_oldest(None)

    def sweep(self) -> bool:
        return False

    def freeze(self) -> None:
        self.asked_to_freeze.set()

    def wake(self) -> None:
        self.woken += 1

    def sealer(self, seal_age_s: float = 600) -> Sealer:
        return Sealer(self.visible, self, self, self, self, seal_age_s, self.done, self.failures)

    def failed(self) -> float:
        return value_of(self.failures)


def value_of(counter: Counter) -> float:
    [sample, *_] = next(iter(counter.collect())).samples
    return sample.value


def test_generations_are_sealed_in_order_and_failures_are_tried_again(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(limits, "PROBE_INTERVAL_S", 0.01)
    visible = Visible(SegmentSet(), 10)
    disk = Disk(visible)
    disk.faults = [Corrupt(tmp_path / "points", "is not what we wrote"), Unavailable("full"), RuntimeError("a bug")]
    visible.append(batch(1, 2), 1)
    visible.freeze(0)
    visible.append(batch(3), 2)
    visible.freeze(0)
    visible.append(batch(4), 3)
    sealer = disk.sealer()
    sealer.start()
    until(lambda: len(disk.sealed) == 2)
    sealer.stop()
    assert disk.sealed == [[1, 2], [3]]
    assert disk.failed() == 3
    assert value_of(disk.done) == 2
    assert disk.woken == 2
    assert visible.recent_points == 1


def test_it_sweeps_on_while_it_has_nothing_to_seal_and_a_sweep_that_fails_stops_no_seal() -> None:
    """Five sweeps in far less than a tick, and one more at the next."""
    visible = Visible(SegmentSet(), 10)
    disk, swept = Disk(visible), [0]

    def sweep() -> bool:
        swept[0] += 1
        if swept[0] == 3:
            visible.append(batch(1), 1)
            visible.freeze(0)
        if swept[0] == 5:
            raise Unavailable("full")
        return True

    disk.sweep = sweep  # type: ignore[method-assign]
    sealer = disk.sealer()
    for _ in range(6):
        sealer.take_turn()
    assert swept == [5]
    assert disk.sealed == [[1]]
    assert limits.SEALER_TICK_S > 0.5
    begin = time.monotonic()
    sealer.take_turn()
    assert time.monotonic() - begin > 0.5


def test_it_asks_for_a_freeze_when_recent_is_old_and_only_then(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "SEALER_TICK_S", 0.01)
    visible = Visible(SegmentSet(), 10)
    disk = Disk(visible)
    asked, sealer = disk.asked_to_freeze, disk.sealer(seal_age_s=0.1)
    sealer.start()
    assert not asked.wait(0.3), "nothing is in recent"
    visible.append(batch(1), 1)
    assert asked.wait(5)
    sealer.stop()


def test_the_writer_hears_when_sealing_falls_behind() -> None:
    visible = Visible(SegmentSet(), 1)
    for number in range(limits.GENERATIONS_MAX - 1):
        visible.append(batch(number), number + 1)
        visible.freeze(0)
    visible.append(batch(99), 99)
    with pytest.raises(Unavailable, match="sealed"):
        visible.freeze(0.01)
    assert visible.recent_points == limits.GENERATIONS_MAX
