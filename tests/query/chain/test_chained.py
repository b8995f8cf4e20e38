"""Chains of aggregators: custom types, steps that not every type takes, groups by time and value in numbers."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import pairwise
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from memorystore import MemoryStore

from headrace.errors import Refused
from headrace.model.points import Kind, Values
from headrace.model.query import Selection
from headrace.model.time import TimeRange
from headrace.query.chain import along_time
from headrace.query.chain.engine import ChainQuery, Step, run
from headrace.query.chain.ranges import Span
from headrace.query.chain.rows import Rows
from headrace.query.chain.splits import ByTime, ByValue, split

UTC_ZONE = ZoneInfo("UTC")


def test_custom_values_are_grouped_by_what_their_type_stands_for() -> None:
    store = MemoryStore()
    store.put("m", {"h": "a"}, {1: "complex-number\0{}", 2: "geo\0{}", 3: "complex-number\0[]", 4: "text", 5: 6})
    answer = run(
        store, ChainQuery(Selection("m"), TimeRange(0, 9)), {"complex-number": "complex", "geo": "geo"}.__getitem__
    )
    found = [(result.type, result.rows.times.tolist()) for result in answer.results]
    assert found == [("complex", [1, 3]), ("geo", [2]), ("number", [5]), ("text", [4])]
    assert answer.sample_size == 5


def test_a_step_of_numbers_passes_others_by_until_one_makes_numbers_of_them() -> None:
    store = MemoryStore()
    store.put("m", {"h": "a"}, {1: "x", 2: "y"})
    doubled = Step(lambda rows: along_time.scaled(rows, 2), numbers_only=True)
    lengths = Step(lambda rows: Rows.of_doubles(rows.times, np.ones(len(rows))), gives="number")
    query = ChainQuery(Selection("m"), TimeRange(0, 9), steps=(doubled, lengths, doubled))
    [result] = run(store, query, str).results
    assert (result.type, result.rows.doubles().tolist()) == ("number", [2.0, 2.0])


def test_an_unknown_metric() -> None:
    with pytest.raises(Refused) as refused:
        run(MemoryStore(), ChainQuery(Selection("m"), TimeRange(0, 9)), str)
    assert refused.value.rule == "metric-unknown"


def of_doubles(values: dict[int, float]) -> Rows:
    return Rows.of_doubles(np.array(list(values), dtype=np.int64), np.array(list(values.values()), dtype=np.float64))


def ms(*date: int) -> int:
    return int(datetime(*date, tzinfo=UTC).timestamp()) * 1000  # type: ignore[misc, arg-type]


def test_rates_per_month_go_by_the_month_of_the_earlier_point() -> None:
    rows = of_doubles({ms(2023, 2, 1): 0.0, ms(2023, 3, 1): 28.0, ms(2023, 4, 1): 59.0})
    found = along_time.rates(rows, Span(1, "month", UTC_ZONE))
    assert found.doubles().tolist() == pytest.approx([28.0, 31.0])
    year = along_time.samples(rows, Span(1, "year", UTC_ZONE))
    assert year.doubles().tolist() == pytest.approx([28 / 28 * 365, 59 / 31 * 366])  # the second one holds 29 February


def test_moving_averages_do_not_drift() -> None:
    values = np.array([1e16] + [1.0] * 5000)
    found = along_time.moving_averages(Rows.of_doubles(np.arange(5001), values), 7)
    assert found.doubles()[-1] == 1.0


def test_months_of_time_groups_are_the_calendars_and_years_have_52_weeks() -> None:
    """Months begin on the first, as KairosDB 1.3.0 has them, whatever day the question begins on."""
    moments = [ms(2023, 1, 15), ms(2023, 1, 31), ms(2023, 2, 1), ms(2024, 1, 14)]
    rows = of_doubles(dict.fromkeys(moments, 0.0))
    assert ByTime(moments[0], 1, "month", 24).numbers(rows).tolist() == [0, 0, 1, 12]
    assert ByTime(moments[0], 2, "month", 24).numbers(rows).tolist() == [0, 0, 0, 6]
    assert ByTime(moments[0], 1, "year", 12).numbers(rows).tolist() == [0, 0, 0, 1]


def test_value_groups_of_integers_beyond_doubles() -> None:
    big = 2**53 + 1
    values = Values(np.array([Kind.INT64], dtype=np.uint8), np.array([big], dtype=np.int64))
    assert ByValue(1).numbers(Rows.of_one(np.array([0]), values)).tolist() == [big]


def test_too_many_groups_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("headrace.query.chain.splits.QUERY_GROUPS_MAX", 9)
    with pytest.raises(Refused, match="10 groups, at most 9"):
        split(of_doubles({n: float(n) for n in range(10)}), (ByValue(1),))


def test_split_keeps_every_row_once() -> None:
    rows = of_doubles({n: float(n % 5) for n in range(100)})
    parts = split(rows, (ByValue(2), ByTime(0, 10, "ms", 3)))
    assert sorted(t for _, part in parts for t in part.times.tolist()) == list(range(100))
    firsts = [int(part.times[0]) for _, part in parts]
    assert all(a < b for a, b in pairwise(firsts))
