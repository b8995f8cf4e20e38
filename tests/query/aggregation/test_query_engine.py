"""What the engine promises of a whole query: rates, edges, kinds of values."""

from __future__ import annotations

from typing import Any

import pytest
from asking import ask, every, fixed
from memorystore import Value

from headrace.errors import Refused
from headrace.model.query import Fill, Rate


def test_rates() -> None:
    assert ask([every(10, 10, 30, 20)], "sum", rate=Rate()) == {10: 2.0, 20: -1.0}
    assert ask([every(10, 10, 30, 20)], "sum", rate=Rate(True, 35)) == {10: 2.0, 20: 2.5}
    assert ask([every(10, 10, 30, 20)], "sum", rate=Rate(True, 35, 2)) == {10: 2.0, 20: 0.0}
    assert ask([every(10, 10, 30, 20)], "sum", rate=Rate(True, 35, 0, drop_resets=True)) == {10: 2.0}


def test_the_first_rate_of_a_filled_range_is_counted_from_the_bucket_before() -> None:
    # Measured on OpenTSDB 2.4.1.
    filled = fixed(10, "sum", Fill.ZERO)
    assert ask([every(10, 1, 2)], "sum", (10, 20), rate=Rate(), downsampling=filled) == {10: 0.1, 20: -0.2}
    assert ask([every(10, 1, 2)], "sum", (5, 10), rate=Rate(), downsampling=filled) == {10: 0.1}


def test_a_filled_rate_is_never_counted_from_a_bucket_that_is_not_read() -> None:
    # Measured on OpenTSDB 2.4.1, which reads whole hours: the bucket before the hour is in the row before.
    series: dict[int, Value] = {3580: 50, 3590: 100, 3600: 101, 3610: 103}
    filled = fixed(10, "sum", Fill.ZERO)
    assert ask([series], "sum", (3600, 3619), rate=Rate(), downsampling=filled) == {3610: 0.2}
    assert ask([series], "sum", (3590, 3609), rate=Rate(), downsampling=filled) == {3590: 5.0, 3600: 0.1}


def test_of_nothing_count_is_none_and_all_else_is_nan() -> None:
    # Measured on OpenTSDB 2.4.1: count:1m-sum-nan.
    filled = fixed(10, "sum", Fill.NAN)
    assert ask([{0: 1, 20: 3}], "count", (0, 20), downsampling=filled) == {0: 1, 10: 0, 20: 1}
    assert str(ask([{0: 1, 20: 3}], "sum", (0, 20), downsampling=filled)[10]) == "nan"


def test_a_product_with_nan_is_nan() -> None:
    # Measured on OpenTSDB 2.4.1; all other functions pass over NaN.
    filled = fixed(10, "sum", Fill.NAN)
    series: list[dict[int, Value]] = [{0: 2, 10: 2}, {0: 3}]
    assert str(ask(series, "mult", (0, 10), downsampling=filled)) == "{0.0: 6.0, 10.0: nan}"
    assert ask(series, "sum", (0, 10), downsampling=filled) == {0: 5.0, 10: 2.0}


def test_first_last_and_diff_take_nan_where_it_stands() -> None:
    # Measured on OpenTSDB 2.4.1. A difference passes over it only until it has its first number.
    filled = fixed(10, "sum", Fill.NAN)
    series: list[dict[int, Value]] = [{0: 1}, {0: 2, 10: 5}, {0: 4, 20: 7}]
    found = {name: str(ask(series, name, (0, 20), downsampling=filled)) for name in ("first", "last", "diff")}
    assert found == {
        "first": "{0.0: 1.0, 10.0: nan, 20.0: nan}",
        "last": "{0.0: 4.0, 10.0: nan, 20.0: 7.0}",
        "diff": "{0.0: 3.0, 10.0: nan, 20.0: 0.0}",
    }


def test_points_outside_the_range_feed_the_edges_and_are_not_shown() -> None:
    series: list[dict[int, Value]] = [{0: 0, 20: 20}, {10: 1}]
    assert ask(series, "sum", (5, 15)) == {10: 11}


def test_text_comes_back_with_none_and_is_passed_over_by_numbers() -> None:
    texts: list[dict[int, Value]] = [{0: "on", 1: True, 2: 5}]
    assert ask(texts, "none") == {0: "on", 1: True, 2: 5}
    assert ask(texts, "sum") == {2: 5}
    assert ask(texts, "none", downsampling=fixed(60, "count")) == {0: 1.0}
    assert ask(texts, "none", rate=Rate()) == {}
    assert ask([{0: 1, 10: "n/a", 20: 5}], "sum", rate=Rate()) == {20: 0.2}


@pytest.mark.parametrize("parts", [{}, {"rate": Rate()}, {"downsampling": fixed(60, "avg", Fill.ZERO)}])
def test_a_range_of_nothing_but_text_is_refused(parts: dict[str, Any]) -> None:
    with pytest.raises(Refused, match=r"text values.*aggregator none"):
        ask([{0: "on", 1: "off"}], "sum", **parts)
    with pytest.raises(Refused, match=r"bool values.*aggregator none"):
        ask([{0: True}, {1: False}], "sum", **parts)


@pytest.mark.parametrize("parts", [{}, {"downsampling": fixed(5, "avg")}])
def test_the_asked_range_alone_decides_whether_there_are_numbers(parts: dict[str, Any]) -> None:
    series: list[dict[int, Value]] = [{**every(1, 0, 1, 2, 3, 4), 9: "n/a", 30: "n/a", 40: 7}]
    assert ask(series, "max", (0, 5), **parts) in ({t: t for t in range(5)}, {0: 2.0})
    with pytest.raises(Refused, match="text values"):
        ask(series, "max", (6, 35), **parts)
    assert ask(series, "max", (31, 39), **parts) == {}


def test_a_series_of_text_alone_takes_no_part_in_its_group() -> None:
    assert ask([{0: 1, 20: 5}, {0: "a", 10: "b", 20: "c"}], "count") == {0: 1, 20: 1}
    assert ask([{0: 1}, {0: "a"}], "sum", (0, 60), downsampling=fixed(30, "sum", Fill.ZERO)) == {0: 1, 30: 0, 60: 0}
