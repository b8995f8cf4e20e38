"""Ranges and their aggregators against the slow oracle: any unit, zone, alignment and number of series."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import kairos_oracle as oracle
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kairos_oracle import Asked, Point

from headrace.kernels.answering.reductions import LEGACY
from headrace.model.points import Kind, Values
from headrace.query.chain import within_ranges
from headrace.query.chain.ranges import Ranges, Span, aligned
from headrace.query.chain.rows import GAP, Rows
from headrace.query.chain.within_ranges import Folding, Sampling, Stamp
from headrace.query.functions import AVG, MAX, MIN, SUM, Function

# Two changes of the clock by an hour, one by half an hour, one that begins at midnight, none.
ZONES = [
    ZoneInfo(name) for name in ("UTC", "Europe/Berlin", "Australia/Lord_Howe", "America/Sao_Paulo", "Asia/Kolkata")
]
LENGTH_MS = {"ms": 1, "second": 10**3, "minute": 60_000, "hour": 3_600_000}
DAY_MS = 86_400_000
LENGTH_MS |= {"day": DAY_MS, "week": 7 * DAY_MS, "month": 31 * DAY_MS, "year": 366 * DAY_MS}

values = st.one_of(st.integers(-1000, 1000), st.floats(-1e6, 1e6))


@st.composite
def cases(draw: st.DrawFn) -> tuple[Asked, list[list[Point]]]:
    unit = draw(st.sampled_from(list(LENGTH_MS)))
    count = draw(st.integers(1, 15))
    start = draw(st.integers(0, 2 * 10**12))
    zone = draw(st.sampled_from(ZONES))
    stamp = draw(st.sampled_from([one.name for one in Stamp]))
    asked = Asked(start, count, unit, zone, draw(st.booleans()), stamp)
    span = min(LENGTH_MS[unit] * count * 5, 20 * 366 * DAY_MS)
    times = st.integers(start - span // 4, start + span)
    series = draw(st.lists(st.dictionaries(times, values, max_size=12), min_size=1, max_size=4))
    return asked, [sorted(one.items()) for one in series if one]


def rows_of(series: list[list[Point]]) -> Rows:
    starts = np.cumsum([0, *map(len, series)]).astype(np.int64)
    points = [point for one in series for point in one]
    kinds = np.array([Kind.INT64 if isinstance(v, int) else Kind.DOUBLE for _, v in points], dtype=np.uint8)
    bits = np.array([v if isinstance(v, int) else np.float64(v).view(np.int64) for _, v in points], dtype=np.int64)
    return Rows(starts, np.array([t for t, _ in points], dtype=np.int64), Values(kinds, bits))


def sampling_of(asked: Asked) -> Sampling:
    anchor = aligned(asked.start_ms, asked.unit, asked.zone) if asked.align_sampling else asked.start_ms
    return Sampling(Ranges(anchor, Span(asked.every, asked.unit, asked.zone)), Stamp[asked.stamp])


def merged(series: list[list[Point]]) -> list[Point]:
    return sorted(point for one in series for point in one)


def listed(rows: Rows) -> list[Point]:
    return list(zip(rows.times.tolist(), rows.doubles().tolist(), strict=True))


APPLY = {
    "avg": lambda rows, sampling: within_ranges.reduce_ranges(rows, sampling, AVG),
    "sum": lambda rows, sampling: within_ranges.reduce_ranges(rows, sampling, SUM),
    "min": lambda rows, sampling: within_ranges.reduce_ranges(rows, sampling, MIN),
    "max": lambda rows, sampling: within_ranges.reduce_ranges(rows, sampling, MAX),
    "percentile": lambda rows, sampling: within_ranges.reduce_ranges(rows, sampling, Function(LEGACY, 0.7)),
    "count": within_ranges.count_ranges,
    "first": within_ranges.first_of_ranges,
    "last": within_ranges.last_of_ranges,
    "dev": lambda rows, sampling: within_ranges.deviations(rows, sampling, None),
    "least_squares": within_ranges.lines,
}


@pytest.mark.parametrize("name", APPLY)
@settings(max_examples=60)
@given(case=cases())
def test_against_the_oracle(name: str, case: tuple[Asked, list[list[Point]]]) -> None:
    asked, series = case
    found = listed(APPLY[name](rows_of(series), sampling_of(asked)))
    expected = oracle.aggregate(name, asked, merged(series), 0.7)
    assert [t for t, _ in found] == [t for t, _ in expected]
    assert [v for _, v in found] == pytest.approx([v for _, v in expected], rel=1e-9, abs=1e-4)


@settings(max_examples=60)
@given(case=cases())
def test_gaps_against_the_oracle(case: tuple[Asked, list[list[Point]]]) -> None:
    asked, series = case
    asked = asked._replace(stamp="START")
    points = merged(series)
    first, last = asked.start_ms, max([asked.start_ms, *(t for t, _ in points)])
    rows = within_ranges.mark_gaps(rows_of(series), sampling_of(asked), first, last, trim=False)
    found = [
        (t, None if kind == GAP else v)
        for (t, v), kind in zip(listed(Rows.of_one(rows.times, rows.values)), rows.values.kinds, strict=True)
    ]
    expected = oracle.gaps(asked, points, first, last)
    assert [(t, v is None) for t, v in found] == [(t, v is None) for t, v in expected]


def ms(*moment: int) -> int:
    return int(datetime(*moment, tzinfo=UTC).timestamp()) * 1000  # type: ignore[misc, arg-type]


def test_days_of_summer_time_have_23_and_25_hours() -> None:
    berlin = Span(1, "day", ZoneInfo("Europe/Berlin"))
    spring = Ranges(aligned(ms(2023, 3, 25, 12), "day", berlin.zone), berlin)
    edges = spring.edges(ms(2023, 3, 25, 12), ms(2023, 3, 28))
    assert (np.diff(edges) // 3_600_000).tolist() == [24, 23, 24]
    assert edges[0] == ms(2023, 3, 24, 23)
    autumn = Ranges(aligned(ms(2023, 10, 28, 12), "day", berlin.zone), berlin)
    assert (np.diff(autumn.edges(ms(2023, 10, 28, 12), ms(2023, 10, 31))) // 3_600_000).tolist() == [24, 25, 24]


def test_months_are_added_from_the_day_of_the_anchor() -> None:
    ranges = Ranges(ms(2023, 1, 31), Span(1, "month", ZoneInfo("UTC")))
    edges = ranges.edges(ms(2023, 1, 31), ms(2023, 5, 1)).tolist()
    assert edges == [ms(2023, 1, 31), ms(2023, 2, 28), ms(2023, 3, 31), ms(2023, 4, 30)]


def test_seven_hour_ranges_are_anchored_once() -> None:
    span = Span(7, "hour", ZoneInfo("UTC"))
    ranges = Ranges(aligned(ms(2023, 5, 1, 5), "hour", span.zone), span)
    hours = (ranges.edges(ms(2023, 5, 1, 5), ms(2023, 5, 1, 23)) - ms(2023, 5, 1)) // 3_600_000
    assert hours.tolist() == [0, 7, 14, 21]
    assert ranges.ends(np.array([ms(2023, 5, 1, 21)])).tolist() == [ms(2023, 5, 2, 4)]


def test_three_points_at_one_time_have_a_flat_line() -> None:
    rows = rows_of([[(5, 1.0)], [(5, 2.0)], [(5, 6.0)]])
    found = listed(within_ranges.lines(rows, Sampling(Ranges(0, Span(1, "minute", ZONES[0])), Stamp.POINT)))
    assert [v for _, v in found] == [3.0, 3.0]
    assert not math.isnan(found[0][1])


@settings(max_examples=200)
@given(cases(), st.sampled_from([SUM, MIN, MAX, AVG, None]))
def test_piece_by_piece_it_is_the_same(case: tuple[Asked, list[list[Point]]], function: Function | None) -> None:
    asked, series = case
    sampling = sampling_of(asked)
    folding = Folding(sampling, function)
    if not series:
        return
    parts = [folding.part(rows_of([one])) for one in series]
    found, rows = folding.whole(parts), rows_of(series)
    whole = (
        within_ranges.count_ranges(rows, sampling)
        if function is None
        else within_ranges.reduce_ranges(rows, sampling, function)
    )
    assert found.times.tolist() == whole.times.tolist()
    assert found.values.kinds.tolist() == whole.values.kinds.tolist()
    np.testing.assert_allclose(found.doubles(), whole.doubles(), rtol=1e-12, atol=1e-6)
