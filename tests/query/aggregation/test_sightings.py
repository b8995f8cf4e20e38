"""What is seen in pieces is what would have been seen at once."""

from __future__ import annotations

import numpy as np
import pytest
from memorystore import MemoryStore

from headrace.errors import Refused
from headrace.limits import UNIT_LOOKS
from headrace.model.points import Kind, Values
from headrace.model.time import TimeRange
from headrace.query.aggregation.sightings import Sightings
from headrace.store import Columns

RANGE = TimeRange(1_000_000, 1_009_000)


def columns(*points: tuple[int, Kind]) -> Columns:
    times = np.array([at for at, _ in points], dtype=np.int64)
    kinds = np.array([kind for _, kind in points], dtype=np.uint8)
    starts = np.array([0, len(points)], dtype=np.int64)
    return Columns(np.zeros(1, dtype=np.uint32), starts, times, Values(kinds, np.zeros(len(points), dtype=np.int64)))


def test_which_points_are_numbers() -> None:
    sightings = Sightings(RANGE)
    assert sightings.numbers(columns((1_000_000, Kind.INT64), (1_009_000, Kind.DOUBLE))) is None
    kept = sightings.numbers(columns((1_000_001, Kind.BOOL), (1_000_002, Kind.INT64), (1_000_003, Kind.CUSTOM)))
    assert kept is not None
    assert kept.tolist() == [False, True, False]
    sightings.check()


@pytest.mark.parametrize("number_at", [999_999, 1_009_001])
def test_a_number_outside_the_range_does_not_count(number_at: int) -> None:
    sightings = Sightings(RANGE)
    sightings.numbers(columns((number_at, Kind.INT64)))
    sightings.check()
    sightings.numbers(columns((1_000_000, Kind.TEXT)))
    with pytest.raises(Refused, match="text values"):
        sightings.check()
    sightings.numbers(columns((1_009_000, Kind.INT64)))
    sightings.check()


def test_a_text_outside_the_range_does_not_count() -> None:
    sightings = Sightings(RANGE)
    sightings.numbers(columns((999_999, Kind.TEXT), (1_009_001, Kind.BOOL)))
    sightings.check()


@pytest.mark.parametrize("odd_at", [0, 1, 65_535, 65_536, 200_000, None])
def test_a_time_between_seconds_is_seen_wherever_it_stands(odd_at: int | None) -> None:
    times = np.arange(-100_000, 100_001, dtype=np.int64) * 1000
    if odd_at is not None:
        times[odd_at] += 1
    asked, not_asked = Sightings(RANGE, of_seconds=True), Sightings(RANGE)
    for sightings in (asked, not_asked):
        sightings.times(times)
        sightings.times(np.zeros(3, dtype=np.int64))
    assert asked.between_seconds == (odd_at is not None)
    assert not not_asked.between_seconds


def test_anew_for_another_range() -> None:
    first = Sightings(RANGE, of_seconds=True)
    other = first.anew(TimeRange(0, 10))
    other.numbers(columns((5, Kind.TEXT)))
    other.times(np.array([5]))
    with pytest.raises(Refused):
        other.check()
    first.check()
    assert (first.between_seconds, other.between_seconds) == (False, True)


@pytest.mark.parametrize(("before", "seen"), [([5_001], True), ([5_000], False), ([1_001, 2_000, 3_000], True)])
def test_where_few_points_are_read_some_before_them_are_looked_at(before: list[int], seen: bool) -> None:
    store = MemoryStore()
    store.put("m", {"host": "a"}, dict.fromkeys([*before, 9000, 10000], 1))
    sightings = Sightings(RANGE, of_seconds=True)
    sightings.times(np.array([9_000], dtype=np.int64))
    sightings.look_back(store, np.zeros(1, dtype=np.uint32))
    assert sightings.between_seconds == seen


def test_no_more_of_them_than_it_takes() -> None:
    store = MemoryStore()
    store.put("m", {"host": "a"}, {1: 1, **{at * 1000: 1 for at in range(1, UNIT_LOOKS + 1)}})
    sightings = Sightings(RANGE, of_seconds=True)
    sightings.times(np.array([UNIT_LOOKS * 1000], dtype=np.int64))
    sightings.look_back(store, np.zeros(1, dtype=np.uint32))
    assert not sightings.between_seconds
    many = Sightings(RANGE, of_seconds=True)
    many.times(np.arange(UNIT_LOOKS, dtype=np.int64) * 1000 + 2000)
    many.look_back(store, np.zeros(1, dtype=np.uint32))
    assert not many.between_seconds
