"""Histograms without some bins: the cases of KairosDB Extensions' HistogramFilterAggregatorTest."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from histogram_samples import cut, histogram, listed, rows_of
from hypothesis import given
from hypothesis import strategies as st

from headrace.protocols.kairosdb.reading.fields import UTC
from headrace.protocols.kairosdb.reading.histograms.filtering import filtered, remaining
from headrace.query.chain.along_time import COMPARISONS
from headrace.query.chain.ranges import Ranges, Span
from headrace.query.chain.within_ranges import Sampling, Stamp, mark_gaps
from headrace.store.query_memory import uncounted

LOW, HIGH = (0.0, 512.0, 516.0), (99.5, 100.0, 100.5)
AT, WITHIN = 100.0, 100.01

CASES = [
    # comparison, inclusion, threshold, what is left of HIGH, of LOW; then the same of all with the other sign
    ("lt", "keep", AT, (100.0, 100.5), (512.0, 516.0), (99.5, 100.0), (0.0,)),
    ("lt", "keep", WITHIN, (100.0, 100.5), (512.0, 516.0), (99.5, 100.0), (0.0,)),
    ("lt", "discard", AT, (100.0, 100.5), (512.0, 516.0), (99.5,), (0.0,)),
    ("lt", "discard", WITHIN, (100.5,), (512.0, 516.0), (99.5,), (0.0,)),
    ("lte", "keep", AT, (100.0, 100.5), (512.0, 516.0), (99.5,), (0.0,)),
    ("lte", "keep", WITHIN, (100.0, 100.5), (512.0, 516.0), (99.5, 100.0), (0.0,)),
    ("lte", "discard", AT, (100.5,), (512.0, 516.0), (99.5,), (0.0,)),
    ("lte", "discard", WITHIN, (100.5,), (512.0, 516.0), (99.5,), (0.0,)),
    ("gt", "keep", AT, (99.5, 100.0), (0.0,), (100.0, 100.5), (512.0, 516.0)),
    ("gt", "keep", WITHIN, (99.5, 100.0), (0.0,), (100.0, 100.5), (512.0, 516.0)),
    ("gt", "discard", WITHIN, (99.5,), (0.0,), (100.5,), (512.0, 516.0)),
    ("gte", "keep", AT, (99.5,), (0.0,), (100.0, 100.5), (512.0, 516.0)),
    ("gte", "keep", WITHIN, (99.5, 100.0), (0.0,), (100.0, 100.5), (512.0, 516.0)),
    ("gte", "discard", AT, (99.5,), (0.0,), (100.5,), (512.0, 516.0)),
    ("gte", "discard", WITHIN, (99.5,), (0.0,), (100.5,), (512.0, 516.0)),
    ("equal", "keep", AT, HIGH, LOW, HIGH, LOW),
    ("equal", "keep", WITHIN, HIGH, LOW, HIGH, LOW),
    ("equal", "discard", AT, (99.5, 100.5), LOW, (99.5, 100.5), LOW),
    ("equal", "discard", WITHIN, (99.5, 100.5), LOW, (99.5, 100.5), LOW),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case[0]} {case[1]} {case[2]}")
@pytest.mark.parametrize("sign", [1, -1])
def test_of_the_extension(case: tuple[Any, ...], sign: int) -> None:
    comparison, inclusion, threshold, *left = case
    rows = rows_of([(at, histogram([sign * sample for sample in all_])) for at, all_ in ((1, HIGH), (2, LOW))])
    found = filtered(rows, uncounted, comparison, sign * threshold, inclusion == "keep")
    expected = left[:2] if sign > 0 else left[2:]
    for (time, value), (at, samples) in zip(listed(found), enumerate(expected, 1), strict=True):
        assert time == at
        assert value["bins"] == {repr(sign * sample): 1 for sample in sorted(samples, key=lambda one: sign * one)}
        assert value["sum"] == pytest.approx(sum(sign * sample for sample in samples))
        assert value["min"] == pytest.approx(min(sign * sample for sample in samples), rel=1 / 128)
        assert value["max"] == pytest.approx(max(sign * sample for sample in samples), rel=1 / 128)


@pytest.mark.parametrize(
    ("comparison", "keep", "threshold"),
    [
        ("lt", True, -512.0),
        ("lte", True, -512.0),
        ("gte", True, 512.0),
        ("equal", False, 512.0),
        ("equal", False, -512.0),
    ],
)
def test_a_histogram_that_none_of_its_samples_leaves_stays_as_it_is(
    comparison: str, keep: bool, threshold: float
) -> None:
    text = histogram((-100.01, 0.0, 100.01))
    [(_, value)] = listed(filtered(rows_of([(1, text)]), uncounted, comparison, threshold, keep))
    assert (value["min"], value["max"], value["sum"]) == (-100.01, 100.01, 0)


def test_what_is_known_of_the_rest_stays_known() -> None:
    rows = rows_of([(1, histogram((-100.01, 0.0, 100.01)))])
    [(_, value)] = listed(filtered(rows, uncounted, "lt", -1e-310, True))
    assert (value["min"], value["max"]) == (0, 100.01)
    [(_, value)] = listed(filtered(rows, uncounted, "equal", -100.01, False))
    assert (value["bins"], value["min"], value["max"]) == ({"0.0": 1, "100.0": 1}, 0, 100.01)
    # Greatest is the greatest double of the bin of 0.
    [(_, value)] = listed(filtered(rows, uncounted, "gte", 1e-300, True))
    assert (value["min"], 0 < value["max"] < 1e-300) == (-100.01, True)


def test_a_threshold_that_is_no_number_leaves_nothing() -> None:
    assert listed(filtered(rows_of([(1, histogram([1]))]), uncounted, "lt", None, True)) == []


@given(
    st.lists(st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=6), max_size=5),
    st.sampled_from(sorted(COMPARISONS)),
    st.floats(-1e3, 1e3),
    st.integers(0, 8),
)
def test_against_the_samples(all_samples: list[list[float]], comparison: str, threshold: float, precision: int) -> None:
    """Kept are at least the samples that do not match, discarded at least those that do."""
    rows = rows_of([(at, histogram(samples, precision)) for at, samples in enumerate(all_samples)])
    matches = COMPARISONS[comparison]
    for keep in (True, False):
        found = filtered(rows, uncounted, comparison, threshold, keep)
        left = {time: value["bins"] for time, value in listed(found)}
        parts = dict(listed(remaining(found)))
        for at, samples in enumerate(all_samples):
            bins = Counter[float]()
            for end, count in left.get(at, {}).items():
                bins[float(end)] += count  # 0.0 and -0.0 are two bins
            for sample in samples:
                if keep and not matches(sample, threshold):
                    assert cut(sample, precision) in bins
                if not keep and matches(sample, threshold):
                    assert cut(sample, precision) not in bins
            assert parts.get(at, 0) == pytest.approx(sum(bins.values()) / len(samples))


def test_gaps_leave_what_is_known_of_the_samples() -> None:
    rows = rows_of([(1, histogram([1, 2, 30, 40])), (21, histogram([1, 2, 3, 40]))])
    found = filtered(rows, uncounted, "gt", 10.0, keep=True)
    marked = mark_gaps(found, Sampling(Ranges(0, Span(10, "ms", UTC)), Stamp.START), 0, 30, trim=True)
    assert marked.times.tolist() == [1, 10, 21]
    assert listed(remaining(marked)) == listed(remaining(found)) == [(1, 0.5), (21, 0.75)]
