"""Numbers of ranges of histograms, against the samples that they were made of."""

from __future__ import annotations

import math
import statistics

import pytest
from histogram_samples import cut, histogram, listed, of_bins, rows_of
from hypothesis import given, settings
from hypothesis import strategies as st

from headrace import limits
from headrace.protocols.kairosdb.reading.fields import UTC
from headrace.protocols.kairosdb.reading.histograms import in_ranges
from headrace.query.chain.ranges import Ranges, Span
from headrace.query.chain.within_ranges import Sampling, Stamp

SAMPLING = Sampling(Ranges(0, Span(10, "ms", UTC)), Stamp.POINT)

SAMPLES = st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=6)
SERIES = st.lists(st.dictionaries(st.integers(0, 40), SAMPLES, max_size=6), max_size=3)


def by_range(series: list[dict[int, list[float]]]) -> dict[int, tuple[int, list[float]]]:
    """Of each range the time of its first point and all samples."""
    found: dict[int, tuple[int, list[float]]] = {}
    for one in series:
        for time, samples in one.items():
            first, before = found.get(time // 10, (time, []))
            found[time // 10] = (min(first, time), before + samples)
    return dict(sorted(found.items()))


@settings(max_examples=40)
@pytest.mark.parametrize("block", [1, 500, 1 << 20])
@given(SERIES)
def test_against_the_samples(block: int, series: list[dict[int, list[float]]]) -> None:
    rows = rows_of(*([(time, histogram(one[time])) for time in sorted(one)] for one in series))
    expected = list(by_range(series).values())

    def deviation(samples: list[float]) -> float:
        return statistics.stdev(map(cut, samples)) if len(samples) > 1 else 0.0

    def score(samples: list[float]) -> float:
        ends = [cut(sample) for sample in samples]
        return sum(1.0 if end <= 1000 else 0.5 if end <= 4000 else 0.0 for end in ends) / len(ends)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(limits, "KAIROSDB_HISTOGRAM_BLOCK_BYTES", block)
        for found, of_samples in (
            (in_ranges.counts(rows, SAMPLING), len),
            (in_ranges.sums(rows, SAMPLING), sum),
            (in_ranges.least(rows, SAMPLING), min),
            (in_ranges.greatest(rows, SAMPLING), max),
            (in_ranges.means(rows, SAMPLING), statistics.fmean),
            (in_ranges.deviations(rows, SAMPLING, None), deviation),
            (
                in_ranges.deviations(rows, SAMPLING, -2),
                lambda all_: statistics.fmean(map(cut, all_)) - 2 * deviation(all_),
            ),
            (in_ranges.scores(rows, SAMPLING, 1000), score),
        ):
            assert found.times.tolist() == [first for first, _ in expected]
            wanted = [of_samples(samples) for _, samples in expected]
            assert found.doubles().tolist() == pytest.approx(wanted, rel=1e-9, abs=1e-6)


@pytest.mark.parametrize("stamp", [(Stamp.START, 10), (Stamp.END, 20), (Stamp.POINT, 13)])
def test_stamps(stamp: tuple[Stamp, int]) -> None:
    rows = rows_of([(14, histogram([1])), (19, histogram([2]))], [(13, histogram([4]))])
    found = in_ranges.sums(rows, Sampling(SAMPLING.ranges, stamp[0]))
    assert listed(found) == [(stamp[1], 7.0)]


def test_ranges_without_samples() -> None:
    rows = rows_of([(1, of_bins({}, 1, 2, 0)), (11, of_bins({"5": 0}, 3, 4, 0)), (21, histogram([5]))])
    assert listed(in_ranges.counts(rows, SAMPLING)) == [(1, 0), (11, 0), (21, 1)]
    assert listed(in_ranges.least(rows, SAMPLING)) == [(1, 1), (11, 3), (21, 5)]
    for found in (
        in_ranges.means(rows, SAMPLING),
        in_ranges.scores(rows, SAMPLING, 5),
        in_ranges.deviations(rows, SAMPLING, 1),
    ):
        assert [time for time, _ in listed(found)] == [21]


def test_counts_may_be_large() -> None:
    rows = rows_of([(1, of_bins({"1": 2**62, "2": 2**62, "3": 2**62}, 1, 3, 6))])
    assert listed(in_ranges.counts(rows, SAMPLING)) == [(1, 3 * 2.0**62)]
    assert math.isfinite(listed(in_ranges.deviations(rows, SAMPLING, None))[0][1])
