from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.protocols.apollo.times import Moment, offset_text, read_asked, read_moment, spelled

OFFSETS = st.integers(-1439, 1439)
MOMENTS = st.datetimes(datetime(2, 1, 1), datetime(9998, 12, 31)).map(lambda at: at.replace(tzinfo=UTC))
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def in_ms(moment: datetime) -> int:
    return (moment - EPOCH) // timedelta(milliseconds=1)


@given(MOMENTS, OFFSETS)
def test_what_python_writes_is_read_to_the_millisecond(moment: datetime, minutes: int) -> None:
    local = moment.astimezone(timezone(timedelta(minutes=minutes)))
    assert read_moment(local.isoformat()) == Moment(in_ms(moment), minutes)


@given(st.lists(st.tuples(MOMENTS, OFFSETS), min_size=1, max_size=5))
def test_what_is_written_means_what_it_was_made_of(moments: list[tuple[datetime, int]]) -> None:
    times = np.array([in_ms(moment) for moment, _ in moments], dtype=np.int64)
    offsets = np.array([minutes for _, minutes in moments], dtype=np.int64)
    for text, time, minutes in zip(spelled(times, offsets), times.tolist(), offsets.tolist(), strict=True):
        parsed = datetime.fromisoformat(text)
        assert (in_ms(parsed), parsed.utcoffset()) == (time, timedelta(minutes=minutes))
        assert text.endswith(offset_text(minutes))
        assert ("." in text) == (time % 1000 != 0)


@pytest.mark.parametrize(
    ("text", "same_as"),
    [
        ("2018-4-10T9:05:50Z", "2018-04-10T09:05:50+00:00"),
        ("2018-4-1T9:05Z", "2018-04-01T09:05:00+00:00"),
        ("2018-04-10 19:05:50z", "2018-04-10T19:05:50+00:00"),
        ("2018-04-10T19:05:50+0530", "2018-04-10T19:05:50+05:30"),
        ("2018-04-10T19:05:50-08", "2018-04-10T19:05:50-08:00"),
        ("2018-04-10T19:05:50", "2018-04-10T19:05:50+00:00"),
        ("2018-04-10", "2018-04-10T00:00:00+00:00"),
        ("2018-04-10T19:05:50,5Z", "2018-04-10T19:05:50.500+00:00"),
        ("2018-04-10T19:05:50.0009999999Z", "2018-04-10T19:05:50+00:00"),
        ("1969-12-31T23:59:59.9999Z", "1969-12-31T23:59:59.999+00:00"),
        ("2018-04-10T19:05:50-00:00", "2018-04-10T19:05:50+00:00"),
    ],
)
def test_forms(text: str, same_as: str) -> None:
    moment = read_moment(text)
    assert spelled(np.array([moment.time_ms]), np.array([moment.offset_minutes])) == [same_as]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "now",
        "1523387150",
        "2018",
        "2018-02-29T00:00:00Z",
        "0000-01-01T00:00:00Z",
        "2018-01-01T24:00:00Z",
        "2018-01-01T00:60:00Z",
        "2018-01-01T00:00:60Z",
        "2018-01-01T00:00:00+24:00",
        "2018-01-01T00:00:00+00:60",
        "2018-01-01T00:00:00Z ",
        "2018-01-01T00:00:00 00:00",
        "٢٠١٨-01-01T00:00:00Z",
    ],
)
def test_what_is_no_time(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        read_moment(text)


@pytest.mark.parametrize(
    ("text", "same_as"),
    [
        ("2018-04-10T19:05:50 05:30", "2018-04-10T19:05:50+05:30"),
        ("2018-04-10 19:05:50 0530", "2018-04-10T19:05:50+05:30"),
        ("2018-04-10 19:05", "2018-04-10T19:05:00Z"),
        ("2018-4-10T19:05:50+00:00", "2018-04-10T19:05:50Z"),
    ],
)
def test_a_blank_in_a_url_is_the_plus_of_an_offset(text: str, same_as: str) -> None:
    assert read_asked(text) == read_moment(same_as)
