"""Every spelling of a time and a duration (facts 2.1)."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import pytest

from headrace.errors import Refused
from headrace.protocols.opentsdb.reading.times import UTC, duration, time_ms, zone

NOW = 1_700_000_000_123


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1356998400", 1356998400000),
        ("9999999999", 9999999999000),
        ("1356998400500", 1356998400500),
        ("1356998400.250", 1356998400250),
        ("1356998400250ms", 1356998400250),
        ("now", NOW),
        ("250ms-ago", NOW - 250),
        ("10s-ago", NOW - 10_000),
        ("1h-ago", NOW - 3_600_000),
        ("2d-ago", NOW - 172_800_000),
        ("1w-ago", NOW - 604_800_000),
        ("1n-ago", NOW - 30 * 86_400_000),
        ("1Y-AGO", NOW - 365 * 86_400_000),
        ("1000y-ago", 0),
        ("2013/01/01", 1356998400000),
        ("2013/01/01-12:50", 1357044600000),
        ("2013/01/01 12:50", 1357044600000),
        ("2013/01/01 12:50:42", 1357044642000),
        ("2013/01/01-12:50:42", 1357044642000),
    ],
)
def test_times(text: str, expected: int) -> None:
    assert time_ms(text, NOW, UTC) == expected


def test_dates_are_local_to_the_zone() -> None:
    assert time_ms("2013/01/01", NOW, zone("Asia/Shanghai")) == 1356998400000 - 8 * 3_600_000
    assert time_ms("2013/07/01", NOW, ZoneInfo("Europe/Berlin")) == 1372636800000 - 2 * 3_600_000


@pytest.mark.parametrize(
    "text", ["", "yesterday", "1x-ago", "-ago", "0h-ago", "2013/99/01", "1.5", "99999999999999", "½h-ago"]
)
def test_what_is_no_time(text: str) -> None:
    with pytest.raises(Refused):
        time_ms(text, NOW, UTC)


def test_durations() -> None:
    assert duration("10m") == (10, "minute")
    assert duration("500ms") == (500, "ms")
    with pytest.raises(Refused, match="must have an integer and unit: 10"):
        duration("10")
