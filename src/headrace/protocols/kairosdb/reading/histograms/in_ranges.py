"""Numbers that aggregators make of the histograms of each range of time.

Ranges without samples have no mean, deviation or score, where KairosDB Extensions divides by 0 and fails with 500.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from headrace.protocols.kairosdb.types.histogram_columns import Histograms, added, blocks
from headrace.query.chain.rows import Rows
from headrace.query.chain.within_ranges import Gathered, Sampling


class Block(NamedTuple):
    """Some histograms, in the order of their ranges. ranges: the ranges from that of the first to that of the last.
    numbers: int64[h], the range of each, counted from the first.   rows: int64[h], the row of each."""

    ranges: slice
    histograms: Histograms
    numbers: NDArray[np.int64]
    rows: NDArray[np.int64]

    def added(self, of_each: NDArray[np.float64]) -> NDArray[np.float64]:
        """The sum over each of `ranges`. of_each: float64[h]."""
        return added(self.numbers, of_each, self.ranges.stop - self.ranges.start)


def blocks_of(rows: Rows, gathered: Gathered) -> Iterator[Block]:
    """All histograms of `rows`."""
    numbers = gathered.row_numbers
    for found, histograms in blocks(rows.values, np.argsort(numbers, kind="stable")):
        of_found = numbers[found]
        first = int(of_found[0])
        yield Block(slice(first, int(of_found[-1]) + 1), histograms, of_found - first, found)


def counts(rows: Rows, sampling: Sampling) -> Rows:
    """How many samples each range holds (HistogramCountAggregator)."""
    gathered = Gathered(rows, sampling)
    histograms, samples = _added(rows, gathered, _ones, _samples)
    return _answered(gathered, samples, histograms > 0)


def sums(rows: Rows, sampling: Sampling) -> Rows:
    """The sum of all samples, as the writers knew it (HistogramSumAggregator)."""
    gathered = Gathered(rows, sampling)
    histograms, total = _added(rows, gathered, _ones, _sums)
    return _answered(gathered, total, histograms > 0)


def least(rows: Rows, sampling: Sampling) -> Rows:
    """The least sample, as the writers knew it (HistogramMinAggregator)."""
    gathered = Gathered(rows, sampling)
    found = np.full(len(gathered.starts), np.inf)
    for block in blocks_of(rows, gathered):
        np.minimum.at(found[block.ranges], block.numbers, block.histograms.least)
    return _answered(gathered, found, found < np.inf)


def greatest(rows: Rows, sampling: Sampling) -> Rows:
    """The greatest sample, as the writers knew it (HistogramMaxAggregator)."""
    gathered = Gathered(rows, sampling)
    found = np.full(len(gathered.starts), -np.inf)
    for block in blocks_of(rows, gathered):
        np.maximum.at(found[block.ranges], block.numbers, block.histograms.most)
    return _answered(gathered, found, found > -np.inf)


def means(rows: Rows, sampling: Sampling) -> Rows:
    """The sum by the number of samples (HistogramMeanAggregator)."""
    gathered = Gathered(rows, sampling)
    samples, total = _added(rows, gathered, _samples, _sums)
    return _answered(gathered, total / np.maximum(samples, 1), samples > 0)


def deviations(rows: Rows, sampling: Sampling, times_from_mean: float | None) -> Rows:
    """The sample deviation (n - 1) as if each sample were the end of its bin, 0 of one sample
    (HistogramStdDevAggregator); or the mean of those ends plus so many times it."""
    gathered = Gathered(rows, sampling)
    samples, total = _added(rows, gathered, _samples, _ends)
    mean = total / np.maximum(samples, 1)

    def squares(block: Block) -> NDArray[np.float64]:
        bins = block.histograms
        from_mean: NDArray[np.float64] = bins.ends - mean[block.ranges][block.numbers][bins.owners]
        return bins.over_bins(np.square(from_mean) * bins.counts)

    [spread] = _added(rows, gathered, squares)
    found = np.sqrt(spread / np.maximum(samples - 1, 1))
    if times_from_mean is not None:
        found = mean + times_from_mean * found
    return _answered(gathered, found, samples > 0)


def scores(rows: Rows, sampling: Sampling, target: float) -> Rows:
    """Apdex: the part of the samples in bins up to `target`, and half of the part up to four times it
    (HistogramApdexAggregator)."""
    gathered = Gathered(rows, sampling)

    def content(block: Block) -> NDArray[np.float64]:
        bins = block.histograms
        weights = np.where(bins.ends <= target, 1.0, np.where(bins.ends <= 4 * target, 0.5, 0.0))
        return bins.over_bins(weights * bins.counts)

    samples, found = _added(rows, gathered, _samples, content)
    return _answered(gathered, found / np.maximum(samples, 1), samples > 0)


def _added(
    rows: Rows, gathered: Gathered, *parts: Callable[[Block], NDArray[np.float64]]
) -> tuple[NDArray[np.float64], ...]:
    """float64[r] each: of every range the sum of what each of `parts` says of its histograms."""
    totals = tuple(np.zeros(len(gathered.starts)) for _ in parts)
    for block in blocks_of(rows, gathered):
        for total, part in zip(totals, parts, strict=True):
            total[block.ranges] += block.added(part(block))
    return totals


def _answered(gathered: Gathered, values: NDArray[np.float64], kept: NDArray[np.bool_]) -> Rows:
    return Rows.of_doubles(gathered.stamps()[kept], values[kept])


def _ones(block: Block) -> NDArray[np.float64]:
    return np.ones(len(block.histograms))


def _samples(block: Block) -> NDArray[np.float64]:
    return block.histograms.samples


def _sums(block: Block) -> NDArray[np.float64]:
    return block.histograms.sums


def _ends(block: Block) -> NDArray[np.float64]:
    bins = block.histograms
    return bins.over_bins(bins.counts * bins.ends)
