"""Moving windows: the cases of KairosDB Extensions' MovingWindowAggregatorTest, and point by point."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.errors import Refused
from headrace.query.chain.ranges import Ranges, Span, floored
from headrace.query.chain.rows import Rows
from headrace.query.chain.windows import Windows, windowed
from headrace.store.query_memory import QueryAccount, QueryMemory, uncounted

ZONE = ZoneInfo("UTC")


def ms(*when: int) -> int:
    year, month, day, *clock = when
    moment = datetime(year, month, day, tzinfo=UTC) + timedelta(hours=sum(clock[:1]), minutes=sum(clock[1:]))
    return int(moment.timestamp() * 1000)


def daily(first: datetime, end: datetime) -> Rows:
    times = [ms(*day.timetuple()[:5]) for day in (first + timedelta(days=at) for at in range((end - first).days))]
    return Rows.of_doubles(np.array(times, dtype=np.int64), np.ones(len(times)))


def counts(rows: Rows, start_ms: int, length: int, unit: str, align: bool) -> dict[int, int]:
    anchor = floored(start_ms, unit, ZONE) if align else start_ms
    found = windowed(rows, uncounted, Windows(Ranges(anchor, Span(1, unit, ZONE)), length))
    return dict(Counter(found.times.tolist()))


def test_three_months() -> None:
    found = counts(
        daily(datetime(2014, 1, 1, 1, 1), datetime(2014, 7, 1, 1, 1)), ms(2014, 1, 1, 1, 1), 3, "month", True
    )
    expected = [31, 59, 90, 89, 92, 91]
    assert found == {ms(2014, month, 1): count for month, count in enumerate(expected, 2)}


@pytest.mark.parametrize("align", [True, False])
def test_seven_days(align: bool) -> None:
    found = counts(
        daily(datetime(2018, 1, 1, 1, 1), datetime(2018, 1, 30, 1, 1)), ms(2018, 1, 1, 1, 1), 7, "day", align
    )
    if align:
        assert found == {ms(2018, 1, day): min(day - 1, 7) for day in range(2, 31)}
    else:
        assert found == {ms(2018, 1, day, 1, 1): min(day, 7) for day in range(1, 30)}


@given(
    st.lists(st.tuples(st.integers(-40, 60), st.integers(0, 3)), max_size=12).map(sorted),
    st.integers(-20, 20),
    st.integers(1, 6),
    st.sampled_from([("ms", 1), ("second", 1000)]),
)
def test_point_by_point(points: list[tuple[int, int]], start: int, length: int, of_unit: tuple[str, int]) -> None:
    unit, unit_ms = of_unit
    rows = Rows.of_doubles(
        np.array([time * unit_ms // 3 for time, _ in points], dtype=np.int64),
        np.array([value for _, value in points], dtype=np.float64),
    )
    found = windowed(rows, uncounted, Windows(Ranges(start, Span(1, unit, ZONE)), length))
    expected: list[tuple[int, float]] = []
    end = start
    while points and end - unit_ms < rows.times[-1]:
        held = [
            (end, value)
            for time, value in zip(rows.times.tolist(), rows.doubles().tolist(), strict=True)
            if end - length * unit_ms < time <= end
        ]
        expected += held
        end += unit_ms
    assert list(zip(found.times.tolist(), found.doubles().tolist(), strict=True)) == expected


def test_windows_without_points_are_jumped_over() -> None:
    rows = Rows.of_doubles(np.array([5, 10**12], dtype=np.int64), np.ones(2))
    assert counts(rows, 0, 2, "ms", False) == {5: 1, 6: 1, 10**12: 1}


def test_months_of_a_zone_and_where_the_first_window_begins() -> None:
    zone = ZoneInfo("Europe/Berlin")
    anchor = floored(ms(2023, 3, 15), "month", zone)
    assert anchor == ms(2023, 2, 28, 23)
    windows = Windows(Ranges(anchor, Span(1, "month", zone)), 2)
    assert windows.first_ms == ms(2022, 12, 31, 23)
    found = windowed(Rows.of_doubles(np.array([ms(2023, 4, 20)]), np.ones(1)), uncounted, windows)
    assert found.times.tolist() == [ms(2023, 4, 30, 22)]
    assert floored(ms(2023, 3, 15, 10, 29), "hour", ZoneInfo("Asia/Kathmandu")) == ms(2023, 3, 15, 10, 15)


def test_what_is_made_is_bounded() -> None:
    rows = Rows.of_doubles(np.arange(1000, dtype=np.int64), np.ones(1000))
    windows = Windows(Ranges(0, Span(1, "ms", ZONE)), 10**12)
    with pytest.raises(Refused, match="MB of memory"):
        windowed(rows, QueryAccount(QueryMemory(1 << 20)).hold, windows)
    with pytest.raises(Refused, match="at most"):
        windowed(Rows.of_doubles(np.arange(7000, dtype=np.int64), np.ones(7000)), uncounted, windows)
