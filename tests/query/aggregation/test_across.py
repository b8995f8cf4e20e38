"""The worked examples of the facts, 2.4: interpolation across series, integers, limits."""

from __future__ import annotations

import pytest
from asking import ask
from memorystore import Value

from headrace.errors import Refused
from headrace.model.query import (
    Rate,
)

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


def test_rates_across_series_hold_their_last_value() -> None:
    # Rates 1@10 2@30 and 5@20 1@30.
    series: list[dict[int, Value]] = [{0: 0, 10: 10, 30: 50}, {10: 0, 20: 50, 30: 60}]
    assert ask(series, "sum", rate=Rate()) == {10: 1.0, 20: 6.0, 30: 3.0}


def test_infinity_is_refused() -> None:
    with pytest.raises(Refused, match="Infinity"):
        ask([{0: 1e308}, {0: 1e308}], "sum")


def test_undownsampled_groups_that_would_take_minutes_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("headrace.query.aggregation.across.QUERY_STEPS_MAX", 3)
    with pytest.raises(Refused, match="downsample it"):
        ask(GAPPED, "sum")
    assert ask(GAPPED, "zimsum")[10] == 5
