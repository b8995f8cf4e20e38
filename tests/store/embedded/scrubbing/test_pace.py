"""So many bytes a second, by a clock of the test's."""

from __future__ import annotations

import pytest

from headrace.store.embedded.scrubbing.pace import Pace


class Time:
    def __init__(self) -> None:
        self.now_s = 1000.0

    def wait(self, seconds: float) -> None:
        assert seconds >= 0
        self.now_s += seconds


def test_reading_takes_as_long_as_its_bytes() -> None:
    time = Time()
    pace = Pace(1000, time.wait, lambda: time.now_s)
    for _ in range(100):
        pace.take(50)
        time.now_s += 0.01  # which the disk takes, and which is not slept
    assert time.now_s == pytest.approx(1000 + 99 * 0.05 + 0.01)


def test_time_that_others_took_is_not_caught_up_on() -> None:
    time = Time()
    pace = Pace(1000, time.wait, lambda: time.now_s)
    pace.take(50)
    time.now_s += 60
    pace.take(1000)
    pace.take(1000)
    assert time.now_s == pytest.approx(1061)
