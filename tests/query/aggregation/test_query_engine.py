"""What the engine promises of a whole query: rates, edges, kinds of values."""

from __future__ import annotations

import pytest
from asking import ask, every, fixed
from memorystore import Value

from headrace.errors import Refused
from headrace.model.query import (
    Rate,
)


def test_rates() -> None:
    assert ask([every(10, 10, 30, 20)], "sum", rate=Rate()) == {10: 2.0, 20: -1.0}
    assert ask([every(10, 10, 30, 20)], "sum", rate=Rate(True, 35)) == {10: 2.0, 20: 2.5}
    assert ask([every(10, 10, 30, 20)], "sum", rate=Rate(True, 35, 2)) == {10: 2.0, 20: 0.0}
    assert ask([every(10, 10, 30, 20)], "sum", rate=Rate(True, 35, 0, drop_resets=True)) == {10: 2.0}


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
