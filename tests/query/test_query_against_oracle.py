"""The engine and the slow oracle agree on random series with gaps, for every aggregator, function, fill and kind of
value."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
import oracle
import pytest
from asking import plain
from chance import examples
from hypothesis import given
from hypothesis import strategies as st
from memorystore import MemoryStore, Value

from headrace.model.query import Downsampling, Fill, FixedBuckets, Rate, Selection, SeriesQuery
from headrace.model.time import TimeRange
from headrace.query.aggregation import engine
from headrace.query.functions import AGGREGATORS, FUNCTIONS, NONE

BASE = 1356998400000
END = BASE + 3_599_999

integers = st.integers(-1000, 1000)
doubles = st.floats(-1e6, 1e6).map(lambda x: round(x, 3))
times = st.integers(0, 120).map(lambda t: BASE + t * 500)


def series_of(values: st.SearchStrategy[oracle.Number]) -> st.SearchStrategy[list[oracle.Series]]:
    return st.lists(st.dictionaries(times, values, min_size=1, max_size=8), min_size=1, max_size=5)


groups = st.one_of(series_of(integers), series_of(doubles), series_of(st.one_of(integers, doubles)))


def ask(
    group: Sequence[Mapping[int, Value]], aggregator: str, downsampling: Downsampling | None, rate: Rate | None
) -> oracle.Series:
    store = MemoryStore()
    for number, points in enumerate(group):
        store.put("m", {"n": str(number)}, points)
    query = SeriesQuery(Selection("m"), TimeRange(BASE, END), aggregator, downsampling, rate)
    results = list(engine.run(store, query))
    assert len(results) <= 1
    return {t: v for r in results for t, v in zip(r.times.tolist(), plain(r.values), strict=True)}


def same(found: oracle.Series, expected: oracle.Series, kinds: bool = True) -> None:
    assert list(found) == list(expected)
    for time, value in expected.items():
        if kinds:
            assert type(found[time]) is type(value), (time, found[time], value)
        if isinstance(value, int):
            assert found[time] == value
        else:
            scale = max(1.0, abs(value)) if not math.isnan(value) else 1.0
            assert found[time] == pytest.approx(value, rel=1e-9, abs=1e-7 * scale, nan_ok=True)


def expected(group: list[oracle.Series], aggregator: str, rate: bool = False) -> oracle.Series:
    group = [series for series in group if series]
    return oracle.aggregate(group, aggregator, rate) if group else {}


def test_both_know_the_same_names() -> None:
    assert set(oracle.AGGREGATORS) == set(FUNCTIONS) == set(AGGREGATORS) - {NONE}


@pytest.mark.parametrize("aggregator", sorted(FUNCTIONS))
@examples(20)
@given(group=groups)
def test_aggregation(aggregator: str, group: list[oracle.Series]) -> None:
    # Of a single series each value keeps its own kind, which the oracle does not know.
    same(ask(group, aggregator, None, None), expected(group, aggregator), kinds=len(group) > 1)


@pytest.mark.parametrize("function", sorted(FUNCTIONS))
@examples(10)
@given(
    group=groups,
    seconds=st.sampled_from([1, 7, 10]),
    fill=st.sampled_from(Fill),
    aggregator=st.sampled_from(sorted(FUNCTIONS)),
)
def test_downsampling_then_aggregation(
    function: str, group: list[oracle.Series], seconds: int, fill: Fill, aggregator: str
) -> None:
    small = [{t: v / 1000 if isinstance(v, float) else v for t, v in series.items()} for series in group]
    buckets = [oracle.downsample(series, seconds * 1000, function, fill.value, BASE, END) for series in small]
    shown = {t: v for t, v in expected(buckets, aggregator).items() if BASE <= t <= END}
    same(ask(small, aggregator, Downsampling(FixedBuckets(seconds * 1000), function, fill), None), shown)


@examples(75)
@given(
    group=groups,
    counter=st.booleans(),
    counter_max=st.integers(1000, 2**63 - 1),
    reset=st.integers(0, 2000),
    drop=st.booleans(),
    aggregator=st.sampled_from(sorted(FUNCTIONS)),
)
def test_rate_then_aggregation(
    group: list[oracle.Series], counter: bool, counter_max: int, reset: int, drop: bool, aggregator: str
) -> None:
    if aggregator in ("mult", "squareSum"):  # the wrapped counters of 2^63 multiply to infinity, which is refused
        counter_max = 1000
    rates = [oracle.rate(series, counter, counter_max, reset, drop) for series in group]
    found = ask(group, aggregator, None, Rate(counter, counter_max, reset, drop))
    same(found, expected(rates, aggregator, rate=True))


@examples(75)
@given(
    group=series_of(st.integers(-(2**63), 2**63 - 1)),
    aggregator=st.sampled_from(
        ["sum", "avg", "min", "max", "zimsum", "mimmin", "mimmax", "diff", "median", "first", "last"]
    ),
)
def test_large_integers_are_exact_or_doubles(group: list[oracle.Series], aggregator: str) -> None:
    if len(group) == 1:
        return
    found = ask(group, aggregator, None, None)
    if all(isinstance(v, int) for v in found.values()):
        assert found == expected(group, aggregator)
    else:
        in_doubles = [{t: float(v) for t, v in series.items()} for series in group]
        wanted = expected(in_doubles, aggregator)
        assert list(found) == list(wanted)
        assert list(found.values()) == pytest.approx(list(wanted.values()), rel=1e-9, abs=1e6)


@examples(75)
@given(
    group=groups,
    words=st.lists(st.dictionaries(times, st.sampled_from(["n/a", True, "1 "]), max_size=6), min_size=6, max_size=6),
    aggregator=st.sampled_from(sorted(AGGREGATORS)),
    downsampling=st.sampled_from([None, Downsampling(FixedBuckets(7000), "avg", Fill.ZERO)]),
    rate=st.sampled_from([None, Rate()]),
)
def test_texts_and_booleans_among_numbers_change_nothing(
    group: list[oracle.Series],
    words: list[dict[int, Value]],
    aggregator: str,
    downsampling: Downsampling | None,
    rate: Rate | None,
) -> None:
    if aggregator == NONE and (len(group) > 1 or (downsampling is None and rate is None)):
        return
    with_words = [{**said, **series} for series, said in zip([*group, {}], words, strict=False)]
    same(ask(with_words, aggregator, downsampling, rate), ask(group, aggregator, downsampling, rate))


def test_gaps_of_years_do_not_overflow_the_line() -> None:
    year = 365 * 86_400_000
    group: list[oracle.Series] = [{0: 0, 40 * year: 2**60 + 7}, {year: 0}]
    store = MemoryStore()
    for number, points in enumerate(group):
        store.put("m", {"n": str(number)}, points)
    (result,) = engine.run(store, SeriesQuery(Selection("m"), TimeRange(0, 50 * year), "sum"))
    exact = oracle.aggregate(group, "sum")
    assert result.times.tolist() == list(exact)
    assert np.abs(result.values.bits - np.array(list(exact.values()))).max() <= 2
