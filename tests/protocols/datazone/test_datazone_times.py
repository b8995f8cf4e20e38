"""Timestamps: decimal all the way, to the microsecond and of either sign."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.protocols.datazone import times

US = st.integers(times.TIME_US_MIN, times.TIME_US_MAX)


def test_the_bounds_are_the_years_of_a_date() -> None:
    epoch = datetime(1970, 1, 1)
    assert (datetime.min - epoch) // timedelta(microseconds=1) == times.TIME_US_MIN
    assert (datetime.max - epoch) // timedelta(microseconds=1) == times.TIME_US_MAX


@pytest.mark.parametrize(
    ("number", "us", "answer"),
    [
        ("1704164645.678", 1704164645678000, "1704164645.678"),
        ("1.71700477757E9", 1717004777570000, "1717004777.57"),
        ("1704164645", 1704164645000000, "1704164645"),
        ("17041646450e-1", 1704164645000000, "1704164645"),
        ("1704164645.678901", 1704164645678901, "1704164645.678901"),
        ("1704164645.6789014999999999999999999999999999999", 1704164645678901, "1704164645.678901"),
        ("-0.5", -500000, "-0.5"),
        ("-1.000001", -1000001, "-1.000001"),
        ("-0", 0, "0"),
        ("1e-999999", 0, "0"),
    ],
)
def test_numbers(number: str, us: int, answer: str) -> None:
    assert times.from_seconds(Decimal(number)) == us
    assert times.to_seconds(us) == answer


@pytest.mark.parametrize(
    "number", ["253402300800", "-62135596800.000001", "1e400", "-1e999999", "253402300799.9999996"]
)
def test_numbers_out_of_range(number: str) -> None:
    assert times.from_seconds(Decimal(number)) is None


@given(US)
def test_a_number_comes_back_and_a_double_of_it_is_the_same_moment(us: int) -> None:
    text = times.to_seconds(us)
    assert Fraction(text) == Fraction(us, 1_000_000)
    assert times.from_seconds(Decimal(text)) == us
    if abs(us) < 2**33 * 1_000_000:  # the year 2242: as far as a double can tell microseconds apart
        again = json.dumps(json.loads(text))
        assert times.from_seconds(Decimal(again)) == us


@pytest.mark.parametrize(
    ("text", "iso"),
    [
        ("2024-01-02T03:04:05Z", "2024-01-02T03:04:05+00:00"),
        ("2024-01-02T03:04:05.678000Z", "2024-01-02T03:04:05.678+00:00"),
        ("2024-01-02T03:04:05.678Z", "2024-01-02T03:04:05.678+00:00"),
        ("2024-01-02T03:04:05", "2024-01-02T03:04:05+00:00"),
        ("2024-01-02", "2024-01-02T00:00:00+00:00"),
        ("2024-01-02T03:04:05.1+05:30", "2024-01-01T21:34:05.1+00:00"),
        ("2024-01-02T03:04:05-0800", "2024-01-02T11:04:05+00:00"),
        ("1969-12-31T23:59:59.999999Z", "1969-12-31T23:59:59.999999+00:00"),
    ],
)
def test_date_times(text: str, iso: str) -> None:
    us = (datetime.fromisoformat(iso) - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
    assert times.from_text(text) == us


@given(st.datetimes(timezones=st.integers(-1439, 1439).map(lambda m: timezone(timedelta(minutes=m)))))
def test_date_times_of_any_zone(moment: datetime) -> None:
    us = (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
    inside = times.TIME_US_MIN <= us <= times.TIME_US_MAX
    assert times.from_text(moment.isoformat()) == (us if inside else None)


@pytest.mark.parametrize(
    "text",
    [
        *("", "x", "1704164645", "2024-13-01", "2024-02-30", "2024-01-02Z", "0000-01-01", "٢٠٢٤-01-02"),
        *("2024-01-02T25:00:00Z", "2024-01-02T03:04", "2024-01-02T03:04:60Z", "2024-01-02T03:04:05.Z"),
        *("2024-01-02T03:04:05+99:00", "0001-01-01T00:00:00+01:00"),
    ],
)
def test_what_is_no_date_time(text: str) -> None:
    assert times.from_text(text) is None
