"""The worked examples of the facts (2.3 to 2.6), and what the engine promises beyond them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest
from memorystore import MemoryStore, Value

from headrace.errors import Refused
from headrace.model.points import Kind, Values
from headrace.model.query import (
    CalendarBuckets,
    Downsampling,
    Fill,
    FixedBuckets,
    OneBucket,
    Rate,
    Selection,
    SeriesQuery,
    TagFilter,
)
from headrace.model.time import TimeRange
from headrace.query import engine
from headrace.query.filters import wildcard

T = 1356998400


def plain(values: Values) -> list[Any]:
    doubles = values.doubles()
    as_python: dict[int, Any] = {
        Kind.DOUBLE: lambda row: float(doubles[row]),
        Kind.INT64: lambda row: int(values.bits[row]),
        Kind.BOOL: lambda row: bool(values.bits[row]),
        Kind.TEXT: values.text,
    }
    return [as_python[int(kind)](row) for row, kind in enumerate(values.kinds)]


def ask(
    series: Sequence[Mapping[int, Value]], aggregator: str, span: tuple[int, int] = (0, 3600), **parts: Any
) -> dict[float, Any]:
    """Seconds after T -> value, for one group of series given in seconds after T."""
    store = MemoryStore()
    for number, points in enumerate(series):
        store.put("m", {"host": str(number)}, {(T + t) * 1000: v for t, v in points.items()})
    asked = TimeRange((T + span[0]) * 1000, (T + span[1]) * 1000)
    results = list(engine.run(store, SeriesQuery(Selection("m"), asked, aggregator, **parts)))
    assert len(results) <= 1
    return {t / 1000 - T: v for r in results for t, v in zip(r.times.tolist(), plain(r.values), strict=True)}


def every(seconds: int, *values: Value) -> dict[int, Value]:
    return {i * seconds: value for i, value in enumerate(values)}


def fixed(seconds: int, function: str, fill: Fill = Fill.NONE) -> Downsampling:
    return Downsampling(FixedBuckets(seconds * 1000), function, fill)


GAPPED = [{10: 5, 30: 15, 50: 5}, {0: 10, 20: 20, 40: 10, 60: 20}]
STAGGERED = [{0: 4, 10: 8, 30: 16}, {0: 1, 20: 3, 30: 9}]


@pytest.mark.parametrize(
    ("series", "aggregator", "expected"),
    [
        (GAPPED, "sum", [10, 20, 30, 30, 20, 20, 20]),
        (GAPPED, "min", [10, 5, 10, 15, 10, 5, 20]),
        (GAPPED, "max", [10, 15, 20, 15, 10, 15, 20]),
        (STAGGERED, "sum", [5, 10, 15, 25]),
        (STAGGERED, "zimsum", [5, 8, 3, 25]),
        (STAGGERED, "mimmin", [1, 8, 3, 9]),
        (STAGGERED, "mimmax", [4, 8, 3, 16]),
        ([{0: 10, 30: 40}, {10: 5, 20: 6}], "pfsum", [10, 15, 16, 40]),
    ],
)
def test_interpolation_across_series(series: list[dict[int, Value]], aggregator: str, expected: list[int]) -> None:
    assert list(ask(series, aggregator).values()) == expected
    assert all(isinstance(value, int) for value in ask(series, aggregator).values())


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
    from zoneinfo import ZoneInfo  # noqa: PLC0415

    def days(unit: str, zone: str) -> dict[float, Any]:
        buckets = CalendarBuckets(1, unit, ZoneInfo(zone))
        hourly = every(3600, *[1] * (24 * 40))
        return ask([hourly], "sum", (-86400 * 40, 86400 * 40), downsampling=Downsampling(buckets, "count"))

    # T is 2013-01-01 00:00 UTC, a Tuesday, and 08:00 in Shanghai.
    assert list(days("day", "Asia/Shanghai").items())[:2] == [(-8 * 3600, 16.0), (16 * 3600, 24.0)]
    assert list(days("week", "UTC").items())[:2] == [(-2 * 86400, 5 * 24.0), (5 * 86400, 7 * 24.0)]
    assert list(days("month", "UTC").items()) == [(0, 31 * 24.0), (31 * 86400, 9 * 24.0)]


def test_integers_stay_exact_and_one_double_makes_doubles() -> None:
    big = 2**53 + 1
    assert ask([{0: big}, {0: 2}], "sum") == {0: big + 2}
    assert ask([{0: 1}, {0: 300}], "avg") == {0: 150}
    assert ask([{0: -1}, {0: -300}], "avg") == {0: -150}
    mixed = ask([{0: 1}, {0: 300.0}], "avg")
    assert mixed == {0: 150.5}
    assert isinstance(mixed[0], float)
    assert ask([{0: 2**63 - 1}, {0: 0}], "sum") == {0: 2**63 - 1}


def test_a_sum_beyond_64_bits_is_a_double_and_never_wraps() -> None:
    assert ask([{0: 2**63 - 1}, {0: 2**63 - 1}], "sum") == {0: float(2**64)}


def test_a_single_series_keeps_the_kind_of_each_value() -> None:
    answer = ask([{0: 1, 1: 1.0, 2: 2**60 + 1}], "sum")
    assert [(type(v), v) for v in answer.values()] == [(int, 1), (float, 1.0), (int, 2**60 + 1)]


def test_the_line_between_integers_is_cut_towards_zero() -> None:
    assert ask([{0: 0, 3: -10}, {1: 0}], "sum") == {0: 0, 1: -3, 3: -10}


def test_rates() -> None:
    assert ask([every(10, 10, 30, 20)], "sum", rate=Rate()) == {10: 2.0, 20: -1.0}
    assert ask([every(10, 10, 30, 20)], "sum", rate=Rate(True, 35)) == {10: 2.0, 20: 2.5}
    assert ask([every(10, 10, 30, 20)], "sum", rate=Rate(True, 35, 2)) == {10: 2.0, 20: 0.0}
    assert ask([every(10, 10, 30, 20)], "sum", rate=Rate(True, 35, 0, drop_resets=True)) == {10: 2.0}


def test_rates_across_series_hold_their_last_value() -> None:
    # Rates 1@10 2@30 and 5@20 1@30.
    series: list[dict[int, Value]] = [{0: 0, 10: 10, 30: 50}, {10: 0, 20: 50, 30: 60}]
    assert ask(series, "sum", rate=Rate()) == {10: 1.0, 20: 6.0, 30: 3.0}


def test_points_outside_the_range_feed_the_edges_and_are_not_shown() -> None:
    series: list[dict[int, Value]] = [{0: 0, 20: 20}, {10: 1}]
    assert ask(series, "sum", (5, 15)) == {10: 11}


def test_text_comes_back_with_none_and_is_refused_to_numbers() -> None:
    texts: list[dict[int, Value]] = [{0: "on", 1: True, 2: 5}]
    assert ask(texts, "none") == {0: "on", 1: True, 2: 5}
    with pytest.raises(Refused, match="text values"):
        ask(texts, "sum")
    with pytest.raises(Refused, match="text values"):
        ask(texts, "none", downsampling=fixed(60, "count"))


def test_infinity_is_refused() -> None:
    with pytest.raises(Refused, match="Infinity"):
        ask([{0: 1e308}, {0: 1e308}], "sum")


def fleet() -> MemoryStore:
    store = MemoryStore()
    for host in ("web01", "web02", "db01"):
        for core in ("0", "1"):
            store.put("cpu", {"host": host, "core": core}, {T * 1000: len(host)})
    store.put("cpu", {"host": "bare"}, {T * 1000: 1})
    return store


def groups(*filters: TagFilter, aggregator: str = "sum", **parts: Any) -> list[tuple[int, list[Any]]]:
    asked = TimeRange(T * 1000, T * 1000)
    query = SeriesQuery(Selection("cpu", filters, **parts), asked, aggregator)
    return [(len(r.series), plain(r.values)) for r in engine.run(fleet(), query)]


def test_groups_by_tag_values() -> None:
    assert groups() == [(7, [5 * 4 + 4 * 2 + 1])]
    assert groups(TagFilter("host", wildcard("*"), group_by=True)) == [(2, [10]), (2, [10]), (2, [8]), (1, [1])]
    web = TagFilter("host", wildcard("WEB*", ignore_case=True))
    assert groups(web, TagFilter("core", wildcard("*"), group_by=True)) == [(2, [10]), (2, [10])]
    assert groups(TagFilter("host", wildcard("*")), exact_keys=True) == [(1, [1])]
    assert groups(absent_keys=("core",)) == [(1, [1])]
    assert len(groups(aggregator="none")) == 7
    assert groups(TagFilter("host", wildcard("nobody"))) == []


def test_unknown_metric() -> None:
    with pytest.raises(Refused) as refused:
        list(engine.run(fleet(), SeriesQuery(Selection("nope"), TimeRange(0, 1), "sum")))
    assert (refused.value.rule, refused.value.detail) == ("metric-unknown", "nope")


def test_undownsampled_groups_that_would_take_minutes_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("headrace.query.across.QUERY_STEPS_MAX", 3)
    with pytest.raises(Refused, match="downsample it"):
        ask(GAPPED, "sum")
    assert ask(GAPPED, "zimsum")[10] == 5


def test_results_are_arrays() -> None:
    store = fleet()
    (result,) = engine.run(store, SeriesQuery(Selection("cpu"), TimeRange(T * 1000, T * 1000), "sum"))
    assert result.times.dtype == np.int64
    assert result.series.dtype == np.uint32
