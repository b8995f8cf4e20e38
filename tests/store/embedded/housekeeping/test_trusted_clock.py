"""A clock that is far ahead drops nothing for a day, and then is believed; one that goes on as clocks do always is."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from point_batches import Point, double
from small_database import Database

from headrace.store.embedded.housekeeping.trusted_clock import TrustedClock

DAY_MS = 86_400_000
NOW_MS = 1_700_000_000_000


class Clocks:
    """Both clocks of a machine, the first of which may be set."""

    def __init__(self) -> None:
        self.wall_ms, self.monotonic_s = NOW_MS, 0.0

    def pass_s(self, seconds: float) -> None:
        self.wall_ms += int(1000 * seconds)
        self.monotonic_s += seconds

    def trusted(self, known_ms: int = NOW_MS, believe: bool = False) -> TrustedClock:
        return TrustedClock(lambda: self.wall_ms, known_ms, believe, lambda: self.monotonic_s)


@given(st.lists(st.floats(0, 80_000), max_size=20))
def test_a_clock_that_is_looked_at_within_a_day_is_believed(steps: list[float]) -> None:
    clocks = Clocks()
    clock = clocks.trusted()
    for seconds in steps:
        clocks.pass_s(seconds)
        assert clock.now_ms() == clocks.wall_ms


def test_a_clock_two_years_ahead_is_doubted_for_a_day() -> None:
    clocks = Clocks()
    clock = clocks.trusted()
    clocks.wall_ms += 730 * DAY_MS
    for _ in range(23):
        assert clock.now_ms() == NOW_MS
        clocks.pass_s(3600)
    clocks.pass_s(3600)
    assert clock.now_ms() == clocks.wall_ms
    clocks.pass_s(60)
    assert clock.now_ms() == clocks.wall_ms


def test_a_clock_that_is_set_right_is_believed_at_once() -> None:
    clocks = Clocks()
    clock = clocks.trusted()
    clocks.wall_ms += 730 * DAY_MS
    assert clock.now_ms() == NOW_MS
    clocks.wall_ms -= 730 * DAY_MS - 14_000
    assert clock.now_ms() == NOW_MS + 14_000


def test_a_clock_that_leaps_again_is_doubted_for_a_whole_day_again() -> None:
    clocks = Clocks()
    clock = clocks.trusted()
    clocks.wall_ms += 730 * DAY_MS
    assert clock.now_ms() == NOW_MS
    clocks.wall_ms = NOW_MS
    assert clock.now_ms() == NOW_MS
    clocks.pass_s(86_400)
    clocks.wall_ms += 730 * DAY_MS
    assert clock.now_ms() == NOW_MS


def test_a_database_that_has_noted_no_clock_knows_when_its_segments_were_made(tmp_path: Path) -> None:
    database = Database(tmp_path / "data")
    database.write(Point(0, 1, double(1)))
    database.seal()
    current = database.store._parts.folder.current
    assert replace(current, clock_ms=0).latest_ms == current.segments[0].created > 0
    database.store.close()


def test_the_operator_may_say_that_it_is_right() -> None:
    clocks = Clocks()
    clocks.wall_ms += 730 * DAY_MS
    assert clocks.trusted(believe=True).now_ms() == clocks.wall_ms
    assert clocks.trusted(known_ms=0).now_ms() == clocks.wall_ms, "an empty database knows no better"


def test_a_start_with_a_wrong_clock_drops_no_history(tmp_path: Path) -> None:
    database = Database(tmp_path, retention={"default": "30d"})
    database.now_ms = NOW_MS
    database.write(Point(0, database.now_ms - 1000, double(1)))
    database.seal()
    right_ms = database.now_ms
    database.now_ms += 730 * DAY_MS
    database.reopen()
    assert database.store._housekeeping.merge(lambda: None) == 0
    database.write(Point(1, right_ms - 500, double(2)))
    database.seal()
    database.store._housekeeping.merge(lambda: None)
    database.now_ms = right_ms + 14_000
    database.reopen()
    with database.store.snapshot() as snapshot:
        found = snapshot.select(np.array([0, 1], dtype=np.uint32), 0, 2 * right_ms)
    assert found.values.doubles().tolist() == [1.0, 2.0]
    database.store.close()
