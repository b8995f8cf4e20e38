"""Where buckets begin, by clock and by calendar."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from headrace.errors import Refused
from headrace.model.query import CalendarBuckets, FixedBuckets, OneBucket
from headrace.model.time import DAY_MS, HOUR_MS, TimeRange
from headrace.query.buckets import calendar_edges, scan_range, stamps

BERLIN = ZoneInfo("Europe/Berlin")


def within(buckets: CalendarBuckets, asked: TimeRange) -> NDArray[np.int64]:
    return calendar_edges(buckets, asked, asked)


def ms(year: int, month: int, day: int, hour: int = 0) -> int:
    return int(datetime(year, month, day, hour, tzinfo=BERLIN).timestamp()) * 1000


def test_scans_are_whole_hours_and_whole_buckets() -> None:
    assert scan_range(TimeRange(HOUR_MS + 5, 2 * HOUR_MS), None) == (HOUR_MS, 3 * HOUR_MS - 1)
    assert scan_range(TimeRange(HOUR_MS + 5, HOUR_MS + 6), FixedBuckets(DAY_MS)) == (0, DAY_MS - 1)
    # As measured on OpenTSDB 2.4.1: a question that ends in the last second of an hour sees the next.
    assert scan_range(TimeRange(HOUR_MS + 5, 2 * HOUR_MS - 1001), None) == (HOUR_MS, 2 * HOUR_MS - 1)
    assert scan_range(TimeRange(HOUR_MS + 5, 2 * HOUR_MS - 1000), None) == (HOUR_MS, 3 * HOUR_MS - 1)
    assert scan_range(TimeRange(5, 10), OneBucket()) == (5, 9)
    day = scan_range(TimeRange(ms(2024, 3, 31, 12), ms(2024, 3, 31, 13)), CalendarBuckets(1, "day", BERLIN))
    assert day == (ms(2024, 3, 31), ms(2024, 4, 1) - 1)
    year = scan_range(TimeRange(ms(2024, 3, 31), ms(2024, 3, 31)), CalendarBuckets(1, "year", BERLIN))
    assert year == (ms(2024, 1, 1), ms(2025, 1, 1) - 1)


def test_stamps_begin_within_the_range() -> None:
    assert stamps(TimeRange(5, 40), FixedBuckets(10)).tolist() == [10, 20, 30, 40]
    assert stamps(TimeRange(10, 10), FixedBuckets(10)).tolist() == [10]
    assert stamps(TimeRange(11, 19), FixedBuckets(10)).tolist() == []
    assert stamps(TimeRange(10, 25), FixedBuckets(10), one_before=True).tolist() == [0, 10, 20]
    # The bucket before an hour is not read.
    assert stamps(TimeRange(0, 25), FixedBuckets(10), one_before=True).tolist() == [0, 10, 20]
    days = TimeRange(ms(2024, 3, 31), ms(2024, 4, 1))
    before = stamps(days, CalendarBuckets(1, "day", BERLIN), one_before=True)
    assert before.tolist() == [ms(2024, 3, 31), ms(2024, 4, 1)]
    later = stamps(TimeRange(days.start_ms + 1, days.end_ms), CalendarBuckets(1, "day", BERLIN), one_before=True)
    assert later.tolist() == [ms(2024, 3, 31), ms(2024, 4, 1)]
    with pytest.raises(Refused, match="points"):
        stamps(TimeRange(0, 10**12), FixedBuckets(1))


def test_days_follow_the_clock_over_the_change_of_summer_time() -> None:
    edges = within(CalendarBuckets(1, "day", BERLIN), TimeRange(ms(2024, 3, 30, 5), ms(2024, 4, 1, 5)))
    assert edges.tolist() == [ms(2024, 3, 30), ms(2024, 3, 31), ms(2024, 4, 1)]
    assert edges[2] - edges[1] == 23 * HOUR_MS


def test_hours_are_counted_from_local_midnight() -> None:
    edges = within(CalendarBuckets(6, "hour", BERLIN), TimeRange(ms(2024, 6, 1, 7), ms(2024, 6, 2, 1)))
    assert edges.tolist() == [ms(2024, 6, 1, 6), ms(2024, 6, 1, 12), ms(2024, 6, 1, 18), ms(2024, 6, 2)]


def test_weeks_begin_on_sunday_months_and_years_on_their_first_day() -> None:
    over = TimeRange(ms(2024, 2, 14), ms(2024, 3, 4))
    weeks = within(CalendarBuckets(1, "week", BERLIN), over)
    assert weeks.tolist() == [ms(2024, 2, 11), ms(2024, 2, 18), ms(2024, 2, 25), ms(2024, 3, 3)]
    months = within(CalendarBuckets(1, "month", BERLIN), over)
    assert months.tolist() == [ms(2024, 2, 1), ms(2024, 3, 1)]
    assert within(CalendarBuckets(1, "year", BERLIN), over).tolist() == [ms(2024, 1, 1)]


def test_several_days_months_or_years_are_counted_from_the_year_of_the_start() -> None:
    """The oracle is Java's: from the first of January add the interval until it passes (DateTime.previousInterval)."""
    days = within(CalendarBuckets(10, "day", BERLIN), TimeRange(ms(2024, 12, 20), ms(2025, 1, 20)))
    assert days.tolist() == [ms(2024, 12, 16), ms(2024, 12, 26), ms(2025, 1, 5), ms(2025, 1, 15)]
    months = within(CalendarBuckets(5, "month", BERLIN), TimeRange(ms(2024, 7, 1), ms(2025, 5, 1)))
    assert months.tolist() == [ms(2024, 6, 1), ms(2024, 11, 1), ms(2025, 4, 1)]
    years = within(CalendarBuckets(2, "year", BERLIN), TimeRange(ms(2023, 7, 1), ms(2026, 5, 1)))
    assert years.tolist() == [ms(2023, 1, 1), ms(2025, 1, 1)]


def test_several_weeks_are_counted_from_the_sunday_before_the_start() -> None:
    weeks = within(CalendarBuckets(2, "week", BERLIN), TimeRange(ms(2024, 3, 13), ms(2024, 4, 10)))
    assert weeks.tolist() == [ms(2024, 3, 10), ms(2024, 3, 24), ms(2024, 4, 7)]


def test_points_before_the_year_of_the_start_have_their_buckets_too() -> None:
    """A scan reaches back by up to an hour."""
    asked = TimeRange(ms(2024, 1, 1), ms(2024, 1, 3))
    edges = calendar_edges(CalendarBuckets(2, "day", BERLIN), asked, TimeRange(ms(2023, 12, 31, 23), asked.end_ms))
    assert edges.tolist() == [ms(2023, 12, 30), ms(2024, 1, 1), ms(2024, 1, 3)]


def test_a_bucket_of_many_centuries_is_refused() -> None:
    with pytest.raises(Refused, match="hundred years"):
        within(CalendarBuckets(101, "year", BERLIN), TimeRange(0, DAY_MS))


@given(
    st.sampled_from(["second", "minute", "hour", "day", "week", "month", "year"]),
    st.integers(1, 40),
    st.sampled_from(["Europe/Berlin", "America/Sao_Paulo", "Asia/Kathmandu", "UTC"]),
    st.integers(0, 2_000_000_000),
    st.integers(0, 10**5),
)
def test_edges_rise_and_enclose_what_they_are_asked_for(
    unit: str, count: int, zone: str, start_s: int, length_s: int
) -> None:
    asked = TimeRange(start_s * 1000, (start_s + length_s) * 1000)
    edges = within(CalendarBuckets(count, unit, ZoneInfo(zone)), asked)
    assert edges[0] <= asked.start_ms
    assert (np.diff(edges) > 0).all()
    local = [datetime.fromtimestamp(edge / 1000, ZoneInfo(zone)) for edge in edges.tolist()]
    if unit in ("month", "year"):
        assert {(moment.day, moment.hour, moment.minute) for moment in local} == {(1, 0, 0)}
    if unit == "week":
        assert {moment.isoweekday() for moment in local} == {7}
