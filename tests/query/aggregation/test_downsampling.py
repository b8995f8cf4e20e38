"""The worked examples of the facts, 2.3, and of the functions of a bucket, 2.4."""

from __future__ import annotations

import math
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from asking import ask, every, fixed
from memorystore import Value

from headrace.model.query import (
    CalendarBuckets,
    Downsampling,
    Fill,
    OneBucket,
)


def test_downsampling_before_aggregation() -> None:
    series = [every(10, 5, 5, 10, 15, 20, 5, 1), every(10, 10, 5, 20, 15, 10, 0, 5)]
    assert ask(series, "sum", downsampling=fixed(30, "sum")) == {0: 55.0, 30: 65.0, 60: 6.0}


def test_fill_nan_takes_no_part_and_none_is_interpolated() -> None:
    series: list[dict[int, Value]] = [{30: 15, 50: 5}, {0: 10, 20: 20, 60: 20}]
    filled = ask(series, "sum", (0, 60), downsampling=fixed(10, "sum", Fill.NAN))
    assert [filled[t] for t in (0, 20, 30, 50, 60)] == [10, 20, 15, 5, 20]
    assert math.isnan(filled[10])
    assert math.isnan(filled[40])
    assert ask(series, "sum", (0, 60), downsampling=fixed(10, "sum")) == {0: 10, 20: 20, 30: 35, 50: 25, 60: 20}


def test_fill_zero_takes_part() -> None:
    series: list[dict[int, Value]] = [{0: 8, 20: 8}, {0: 4, 10: 4, 20: 4}]
    assert ask(series, "avg", (0, 20), downsampling=fixed(10, "avg", Fill.ZERO)) == {0: 6, 10: 2, 20: 6}


def test_buckets_count_from_the_epoch() -> None:
    assert ask([every(4, 1, 4, 7, 10, 13, 16)], "sum", downsampling=fixed(12, "sum")) == {0: 12.0, 12: 39.0}


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        ("first", 3),
        ("last", 5),
        ("median", 5),
        ("count", 4),
        ("diff", 2),
        ("avg", 4.5),
        ("squareSum", 116),
        ("mult", 135),
        ("p50", 4),
        ("p75", 8),
    ],
)
def test_functions_of_a_bucket(function: str, expected: float) -> None:
    assert ask([every(1, 3, 9, 1, 5)], "sum", downsampling=fixed(60, function)) == {0: expected}


def test_a_bucket_that_begins_before_the_start_is_dropped_and_the_last_one_is_whole() -> None:
    points: dict[int, Value] = {5: 1, 15: 2, 25: 4, 29: 8}
    assert ask([points], "sum", (3, 22), downsampling=fixed(10, "sum")) == {10: 2.0, 20: 12.0}


def test_one_bucket_excludes_the_end() -> None:
    whole = Downsampling(OneBucket(), "sum")
    assert ask([every(10, 1, 2, 4, 8)], "sum", (5, 30), downsampling=whole) == {5: 6.0}
    assert ask([every(10, 1, 2, 4, 8)], "sum", (10, 10), downsampling=whole) == {}


def test_calendar_days_weeks_and_months_begin_in_the_zone() -> None:
    def days(unit: str, zone: str) -> dict[float, Any]:
        buckets = CalendarBuckets(1, unit, ZoneInfo(zone))
        hourly = every(3600, *[1] * (24 * 40))
        return ask([hourly], "sum", (-86400 * 40, 86400 * 40), downsampling=Downsampling(buckets, "count"))

    # T is 2013-01-01 00:00 UTC, a Tuesday, and 08:00 in Shanghai.
    assert list(days("day", "Asia/Shanghai").items())[:2] == [(-8 * 3600, 16.0), (16 * 3600, 24.0)]
    assert list(days("week", "UTC").items())[:2] == [(-2 * 86400, 5 * 24.0), (5 * 86400, 7 * 24.0)]
    assert list(days("month", "UTC").items()) == [(0, 31 * 24.0), (31 * 86400, 9 * 24.0)]
