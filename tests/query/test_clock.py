"""Clocks and calendars in columns against zoneinfo and datetime, one moment at a time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo

import numpy as np
from hypothesis import example, given
from hypothesis import strategies as st
from kairos_oracle import instant, local, months_later

from headrace.query.calendar import first_of, plus, whole_units
from headrace.query.clock import clock

NAMES = ["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "America/Sao_Paulo", "Africa/Casablanca"]
OFFSETS = [timezone(timedelta(hours=5, minutes=30)), timezone(-timedelta(hours=23, seconds=59, milliseconds=999))]
ZONES = st.sampled_from([*(ZoneInfo(name) for name in NAMES), *OFFSETS])
MOMENTS = st.integers(-(10**12), 4 * 10**12)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def naive_ms(moment: datetime) -> int:
    return (moment.replace(tzinfo=UTC) - EPOCH) // timedelta(milliseconds=1)


def moment_of(local_ms: int) -> datetime:
    return (EPOCH + timedelta(milliseconds=local_ms)).replace(tzinfo=None)


@given(ZONES, st.lists(MOMENTS, min_size=1))
def test_local_times(zone: tzinfo, moments: list[int]) -> None:
    wall = clock(zone, min(moments), max(moments))
    found = wall.local(np.array(moments, dtype=np.int64)).tolist()
    assert found == [naive_ms(local(moment, zone)) for moment in moments]


# The hour that does not exist in Berlin on 26 March 2023, and the one that comes twice on 29 October.
@given(ZONES, st.lists(MOMENTS, min_size=1))
@example(ZoneInfo("Europe/Berlin"), [1679797800000, 1698546600000])
def test_instants(zone: tzinfo, shown: list[int]) -> None:
    found = clock(zone, min(shown), max(shown)).instants(np.array(shown, dtype=np.int64)).tolist()
    assert found == [instant(moment_of(one), zone) for one in shown]


@given(st.lists(MOMENTS, min_size=1), st.integers(-300, 300), st.sampled_from(["day", "week", "month", "year"]))
def test_plus(moments: list[int], count: int, unit: str) -> None:
    counts = np.full(len(moments), count, dtype=np.int64)
    found = plus(np.array(moments, dtype=np.int64), counts, unit).tolist()
    for one, moved in zip(moments, found, strict=True):
        moment = moment_of(one)
        if unit in ("day", "week"):
            expected = moment + timedelta(days=count * (7 if unit == "week" else 1))
        else:
            expected = months_later(moment, count * (12 if unit == "year" else 1))
        assert moved == naive_ms(expected)


@given(MOMENTS, st.lists(MOMENTS, min_size=1), st.sampled_from(["day", "week", "month", "year"]))
def test_whole_units(since: int, moments: list[int], unit: str) -> None:
    counts = whole_units(since, np.array(moments, dtype=np.int64), unit)
    origin = np.full(len(moments), since, dtype=np.int64)
    assert (plus(origin, counts, unit) <= moments).all()
    assert (plus(origin, counts + 1, unit) > moments).all()


def test_first_of() -> None:
    moment = datetime(2023, 5, 18, 13, 7)  # a Thursday
    begins = {"day": (2023, 5, 18), "week": (2023, 5, 15), "month": (2023, 5, 1), "year": (2023, 1, 1)}
    assert {u: moment_of(first_of(naive_ms(moment), u)) for u in begins} == {u: datetime(*d) for u, d in begins.items()}
