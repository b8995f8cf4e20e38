"""One value a second, as downsampling by seconds would make it; a second's only point stays what it is."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import oracle
import pytest
from asking import plain
from hypothesis import given, settings
from hypothesis import strategies as st

from headrace.errors import Refused
from headrace.model.points import HEAP_LENGTH_BITS, Kind, Values
from headrace.query.aggregation.seconds import by_second
from headrace.query.functions import FUNCTIONS, NONE

Number = int | float


def values_of(given_values: list[Number]) -> Values:
    kinds = [Kind.INT64 if isinstance(value, int) else Kind.DOUBLE for value in given_values]
    bits = [v if isinstance(v, int) else int(np.float64(v).view(np.int64)) for v in given_values]
    return Values(np.array(kinds, dtype=np.uint8), np.array(bits, dtype=np.int64))


def asked(points: dict[int, Any], aggregator: str) -> dict[int, Any]:
    """By second, whole."""
    times, values = np.array(list(points), dtype=np.int64), values_of(list(points.values()))
    found = by_second(times, values, aggregator)
    if found is None:
        assert len(set(times // 1000)) == len(times)
        found = times // 1000 * 1000, values
    assert (found[0] % 1000 == 0).all()
    return dict(zip((found[0] // 1000).tolist(), plain(found[1]), strict=True))


points_of_few_seconds = st.dictionaries(
    st.integers(-3000, 3000), st.one_of(st.integers(-1000, 1000), st.floats(-1e6, 1e6)), max_size=30
).map(lambda points: dict(sorted(points.items())))


@pytest.mark.parametrize("function", sorted(FUNCTIONS))
@settings(max_examples=25, deadline=None)
@given(points=points_of_few_seconds)
def test_several_become_what_a_bucket_of_a_second_makes_of_them(function: str, points: dict[int, Number]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("headrace.query.aggregation.seconds._STRETCH_POINTS", 3)
        compare(function, points)
    compare(function, points)


def compare(function: str, points: dict[int, Number]) -> None:
    expected: dict[int, Number] = {}
    for stamp, value in oracle.downsample(points, 1000, function, "none", -3000, 3000).items():
        inside = [v for t, v in points.items() if stamp <= t < stamp + 1000]
        expected[stamp // 1000] = inside[0] if len(inside) == 1 else value
    found = asked(points, function)
    assert list(found) == list(expected)
    assert [type(value) for value in found.values()] == [type(value) for value in expected.values()]
    assert list(found.values()) == pytest.approx(list(expected.values()), rel=1e-9, abs=1e-7)


def test_without_a_function_the_last_of_a_second_stays() -> None:
    assert asked({0: 1, 250: 2, 999: 3, 1000: 4}, NONE) == {0: 3, 1: 4}
    text = Values(np.array([Kind.TEXT, Kind.INT64], dtype=np.uint8), np.array([0 << HEAP_LENGTH_BITS | 1, 7]), b"a")
    found = by_second(np.array([1005, 1006], dtype=np.int64), text, "sum")
    assert found is not None
    assert (found[0].tolist(), plain(found[1])) == ([1000], [7])


def test_nan_takes_no_part() -> None:
    found = asked({0: math.nan, 100: 2.0, 200: 3.0, 1000: math.nan, 1100: math.nan, 2000: math.nan}, "sum")
    assert found[0] == 5.0
    assert math.isnan(found[1])
    assert math.isnan(found[2])


def test_large_integers_that_stand_alone_stay_exact() -> None:
    assert asked({0: 2**63 - 1, 1000: 1, 1001: 2}, "sum") == {0: 2**63 - 1, 1: 3.0}


def test_no_points() -> None:
    assert asked({}, "sum") == {}


def test_what_no_double_can_hold_is_refused() -> None:
    with pytest.raises(Refused, match="Infinity"):
        asked({0: 1.5e308, 1: 1.5e308}, "sum")
    assert asked({0: 1.5e308, 1: 1.5e308}, "max") == {0: 1.5e308}


@pytest.mark.parametrize("step", [1, 250, 1000])
def test_long_answers_are_worked_on_in_stretches(step: int) -> None:
    times = np.arange(200_000, dtype=np.int64) * step + 777
    values = Values(np.full(len(times), Kind.INT64, dtype=np.uint8), np.arange(len(times), dtype=np.int64))
    found = by_second(times, values, "count")
    if step == 1000:
        assert found is None
    else:
        assert found is not None
        counts = np.unique(times // 1000, return_counts=True)
        assert found[0].tolist() == (counts[0] * 1000).tolist()
        expected = np.where(counts[1] == 1, found[1].bits, counts[1].astype(np.float64).view(np.int64))
        assert found[1].bits.tolist() == expected.tolist()
