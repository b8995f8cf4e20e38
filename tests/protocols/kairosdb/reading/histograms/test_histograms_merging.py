"""Histograms of a range made into one, against the samples that they were made of."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest
from histogram_samples import cut, histogram, listed, of_bins, rows_of
from hypothesis import given, settings
from hypothesis import strategies as st

from headrace import limits
from headrace.errors import Refused
from headrace.protocols.kairosdb.reading.fields import UTC
from headrace.protocols.kairosdb.reading.histograms.merging import merged, percentiles
from headrace.query.chain.ranges import Ranges, Span
from headrace.query.chain.within_ranges import Sampling, Stamp
from headrace.store.query_memory import QueryAccount, QueryMemory, uncounted

SAMPLING = Sampling(Ranges(0, Span(10, "ms", UTC)), Stamp.START)
POINTS = st.lists(
    st.tuples(st.integers(0, 40), st.integers(2, 9), st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=6)),
    max_size=8,
    unique_by=lambda point: point[0],
)


def keyed(end: float) -> tuple[float, float]:
    """Tells -0.0 from 0.0."""
    return end, math.copysign(1, end)


def test_as_precise_as_the_least_precise() -> None:
    # HistogramMergeAggregatorVariablePrecisionTest of the extension; its keys at 4 bits: 2000 -> 1984, 1750 -> 1728,
    # 1500 -> 1472, 1000 -> 992.
    points = [(7, (2000, 1000)), (7, (1500, 1750)), (4, (1995, 995)), (4, (1475, 1735))]
    for order in (points, points[::-1]):
        rows = rows_of([(at, histogram(samples, precision)) for at, (precision, samples) in enumerate(order)])
        found = merged(rows, uncounted, SAMPLING, 52)
        assert listed(found) == [
            (
                0,
                {
                    "bins": {"992.0": 2, "1472.0": 2, "1728.0": 2, "1984.0": 2},
                    "min": 995,
                    "max": 2000,
                    "mean": 12450 / 8,
                    "sum": 12450,
                    "precision": 4,
                },
            )
        ]
        assert found.weights is not None
        assert found.weights.tolist() == [8]


def test_no_more_precise_than_asked_for() -> None:
    rows = rows_of([(1, histogram((1000, 1001, 2000)))])
    [(_, value)] = listed(merged(rows, uncounted, SAMPLING, 1))
    assert (value["bins"], value["precision"]) == ({"768.0": 2, "1536.0": 1}, 1)


@settings(max_examples=40)
@pytest.mark.parametrize("block", [1, 600, 1 << 20])
@given(POINTS, st.integers(1, 52))
def test_against_the_samples(block: int, points: list[tuple[int, int, list[float]]], asked: int) -> None:
    points.sort(key=lambda point: point[0])
    rows = rows_of(*([(at, histogram(all_, bits)) for at, bits, all_ in points[part::2]] for part in (0, 1)))
    expected = []
    for start in sorted({at // 10 * 10 for at, _, _ in points}):
        mine = [(bits, samples) for at, bits, samples in points if at // 10 * 10 == start]
        precision = min(asked, *(bits for bits, _ in mine), 52)
        samples = [sample for _, all_ in mine for sample in all_]
        bins = Counter(keyed(cut(cut(sample, bits), precision)) for bits, all_ in mine for sample in all_)
        known = {
            "min": min(samples),
            "max": max(samples),
            "sum": pytest.approx(sum(map(sum, (all_ for _, all_ in mine)))),
        }
        expected.append((start, bins, known | {"precision": precision}))
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(limits, "KAIROSDB_HISTOGRAM_BLOCK_BYTES", block)
        found = listed(merged(rows, uncounted, SAMPLING, asked))
        of_each = listed(percentiles(rows, SAMPLING, 0.7))
    assert len(found) == len(of_each) == len(expected)
    for (time, value), (at, percentile), (start, bins, known) in zip(found, of_each, expected, strict=True):
        assert time == at == start
        assert {keyed(float(end)): count for end, count in value.pop("bins").items()} == bins
        value.pop("mean")
        assert value == known
        ends = sorted(cut(s, bits) for t, bits, all_ in points for s in all_ if t // 10 * 10 == start)
        assert percentile == ends[math.ceil(0.7 * len(ends)) - 1]


def test_a_range_without_samples() -> None:
    rows = rows_of([(1, of_bins({}, 1, 2, 0)), (11, histogram([5]))])
    [(_, empty), _] = listed(merged(rows, uncounted, SAMPLING, 52))
    assert empty == {"bins": {}, "min": 1, "max": 2, "mean": 0, "sum": 0, "precision": 7}
    assert listed(percentiles(rows, SAMPLING, 0.5)) == [(10, 5)]


def test_nothing() -> None:
    assert listed(merged(rows_of(), uncounted, SAMPLING, 52)) == []
    assert listed(percentiles(rows_of(), SAMPLING, 0.5)) == []


def test_bins_and_memory_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = rows_of([(at, histogram(np.arange(1.0, 100.0) * (at + 1), 52)) for at in range(9)])
    with pytest.raises(Refused, match="MB of memory"):
        merged(rows, QueryAccount(QueryMemory(5000)).hold, SAMPLING, 52)
    monkeypatch.setattr(limits, "KAIROSDB_HISTOGRAM_BINS_MAX", 300)
    with pytest.raises(Refused, match="more than 300 bins"):
        merged(rows, uncounted, SAMPLING, 52)
    with pytest.raises(Refused, match="more than 300 bins"):
        percentiles(rows, SAMPLING, 0.5)
    assert len(merged(rows, uncounted, SAMPLING, 3)) == 1


@pytest.mark.parametrize("large", [0, 1, 2])
def test_bins_are_bounded_in_whichever_range(large: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """All ranges come out of one block."""
    monkeypatch.setattr(limits, "KAIROSDB_HISTOGRAM_BINS_MAX", 300)
    points = [
        (10 * number + at, histogram(np.arange(1.0, 200.0 if number == large else 10.0) * (at + 0.3), 52))
        for number in range(3)
        for at in range(3)
    ]
    with pytest.raises(Refused, match="more than 300 bins"):
        merged(rows_of(points), uncounted, SAMPLING, 52)
    with pytest.raises(Refused, match="more than 300 bins"):
        percentiles(rows_of(points), SAMPLING, 0.5)
