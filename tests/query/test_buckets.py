"""Where buckets begin, by clock and by calendar."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from headrace.errors import Refused
from headrace.model.query import CalendarBuckets, FixedBuckets, OneBucket
from headrace.model.time import DAY_MS, HOUR_MS, TimeRange
from headrace.query.buckets import calendar_edges, scan_range, stamps

BERLIN = ZoneInfo("Europe/Berlin")


def ms(year: int, month: int, day: int, hour: int = 0) -> int:
    return int(datetime(year, month, day, hour, tzinfo=BERLIN).timestamp()) * 1000


def test_scans_are_whole_hours_and_whole_buckets() -> None:
    assert scan_range(TimeRange(HOUR_MS + 5, 2 * HOUR_MS), None) == (HOUR_MS, 3 * HOUR_MS - 1)
    assert scan_range(TimeRange(HOUR_MS + 5, HOUR_MS + 6), FixedBuckets(DAY_MS)) == (0, DAY_MS - 1)
    assert scan_range(TimeRange(5, 10), OneBucket()) == (5, 9)
    day = scan_range(TimeRange(ms(2024, 3, 31, 12), ms(2024, 3, 31, 13)), CalendarBuckets(1, "day", BERLIN))
    assert day == (ms(2024, 3, 31), ms(2024, 4, 1) - 1)
    year = scan_range(TimeRange(ms(2024, 3, 31), ms(2024, 3, 31)), CalendarBuckets(1, "year", BERLIN))
    assert year == (ms(2024, 1, 1), ms(2025, 1, 1) - 1)


def test_stamps_begin_within_the_range() -> None:
    assert stamps(TimeRange(5, 40), FixedBuckets(10)).tolist() == [10, 20, 30, 40]
    assert stamps(TimeRange(10, 10), FixedBuckets(10)).tolist() == [10]
    assert stamps(TimeRange(11, 19), FixedBuckets(10)).tolist() == []
    with pytest.raises(Refused, match="points"):
        stamps(TimeRange(0, 10**12), FixedBuckets(1))


def test_days_follow_the_clock_over_the_change_of_summer_time() -> None:
    edges = calendar_edges(CalendarBuckets(1, "day", BERLIN), TimeRange(ms(2024, 3, 30, 5), ms(2024, 4, 1, 5)))
    assert edges.tolist() == [ms(2024, 3, 30), ms(2024, 3, 31), ms(2024, 4, 1)]
    assert edges[2] - edges[1] == 23 * HOUR_MS


def test_hours_are_counted_from_local_midnight() -> None:
    edges = calendar_edges(CalendarBuckets(6, "hour", BERLIN), TimeRange(ms(2024, 6, 1, 7), ms(2024, 6, 2, 1)))
    assert edges.tolist() == [ms(2024, 6, 1, 6), ms(2024, 6, 1, 12), ms(2024, 6, 1, 18), ms(2024, 6, 2)]


def test_weeks_begin_on_sunday_months_and_years_on_their_first_day() -> None:
    over = TimeRange(ms(2024, 2, 14), ms(2024, 3, 4))
    weeks = calendar_edges(CalendarBuckets(1, "week", BERLIN), over)
    assert weeks.tolist() == [ms(2024, 2, 11), ms(2024, 2, 18), ms(2024, 2, 25), ms(2024, 3, 3)]
    months = calendar_edges(CalendarBuckets(1, "month", BERLIN), over)
    assert months.tolist() == [ms(2024, 2, 1), ms(2024, 3, 1)]
    assert calendar_edges(CalendarBuckets(1, "year", BERLIN), over).tolist() == [ms(2024, 1, 1)]


def test_several_days_at_a_time_have_no_agreed_beginning() -> None:
    with pytest.raises(Refused, match="2 days are not supported"):
        calendar_edges(CalendarBuckets(2, "day", BERLIN), TimeRange(0, DAY_MS))
