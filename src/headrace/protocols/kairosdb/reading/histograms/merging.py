"""The histograms of each range of time made into one: as it is, or for its percentile."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from headrace import limits
from headrace.errors import Refused
from headrace.kernels.answering.histograms import MANTISSA_BITS, percentile_bins, sum_groups
from headrace.protocols.kairosdb.reading.histograms.in_ranges import Block, blocks_of
from headrace.protocols.kairosdb.types.histogram_columns import Histograms, custom_values, spelled
from headrace.query.chain.rows import Rows
from headrace.query.chain.within_ranges import Gathered, Sampling
from headrace.store.query_memory import Hold


class _Bins(NamedTuple):
    """numbers: int64[b] ascending, the range of each bin.   ends: int64[b], IEEE bits.   counts: int64[b]."""

    numbers: NDArray[np.int64]
    ends: NDArray[np.int64]
    counts: NDArray[np.int64]

    def taken(self, which: slice) -> _Bins:
        return _Bins(self.numbers[which], self.ends[which], self.counts[which])


class _Known:
    """What is known of each range beside its bins, from the blocks that were taken. precisions: the least of them and
    of what was asked for."""

    def __init__(self, ranges: int, precision: int) -> None:
        self.histograms = np.zeros(ranges, dtype=np.int64)
        self.least, self.most = np.full(ranges, np.inf), np.full(ranges, -np.inf)
        self.sums, self.weights = np.zeros(ranges), np.zeros(ranges)
        self.precisions = np.full(ranges, precision, dtype=np.int64)

    def take(self, block: Block, weights: NDArray[np.float64] | None) -> None:
        """weights: float64[n], see filtering."""
        part = block.histograms
        np.add.at(self.histograms[block.ranges], block.numbers, 1)
        np.minimum.at(self.least[block.ranges], block.numbers, part.least)
        np.maximum.at(self.most[block.ranges], block.numbers, part.most)
        np.minimum.at(self.precisions[block.ranges], block.numbers, part.precisions)
        self.sums[block.ranges] += block.added(part.sums)
        self.weights[block.ranges] += block.added(part.samples if weights is None else weights[block.rows])


def merged(rows: Rows, hold: Hold, sampling: Sampling, precision: int) -> Rows:
    """One histogram of each range, as precise as the least precise of its histograms and at most as `precision` bits
    (HistogramMergeAggregator). weights: of all of them together. hold: counts what is made. Raises as `hold`, Refused
    (rule "query-points") for more bins than limits.KAIROSDB_HISTOGRAM_BINS_MAX."""
    gathered = Gathered(rows, sampling)
    known = _Known(len(gathered.starts), precision)
    texts: list[bytes] = []
    for ranges, bins in _merged_bins(rows, gathered, known):
        numbers = np.flatnonzero(known.histograms[ranges]) + ranges.start
        starts = np.append(np.searchsorted(bins.numbers, numbers), len(bins.numbers))
        whole = Histograms(
            starts,
            bins.ends.view(np.float64),
            bins.counts,
            *(column[numbers] for column in (known.least, known.most, known.sums, known.precisions)),
        )
        texts += spelled(whole, hold)
    kept = known.histograms > 0
    return Rows.of_one(gathered.stamps()[kept], custom_values(texts), known.weights[kept])


def percentiles(rows: Rows, sampling: Sampling, probability: float) -> Rows:
    """The end of the bin up to which `probability` of the samples of each range lie (HistogramPercentileAggregator).
    Raises as `merged`."""
    gathered = Gathered(rows, sampling)
    found, kept = np.zeros(len(gathered.starts)), np.zeros(len(gathered.starts), dtype=np.bool_)
    for _, bins in _merged_bins(rows, gathered, None):
        numbers, firsts = np.unique(bins.numbers, return_index=True)
        places = np.empty(len(numbers), dtype=np.int64)
        percentile_bins(np.append(firsts, len(bins.numbers)), bins.counts, probability, places)
        numbers = numbers[places >= 0]
        found[numbers] = bins.ends[places[places >= 0]].view(np.float64)
        kept[numbers] = True
    return Rows.of_doubles(gathered.stamps()[kept], found[kept])


def _merged_bins(rows: Rows, gathered: Gathered, known: _Known | None) -> Iterator[tuple[slice, _Bins]]:
    """(ranges, their bins, ascending within a range), some ranges at a time, none of them missing. known: takes each
    block; bins are cut to its precisions."""
    carried = _Bins(*(np.empty(0, dtype=np.int64) for _ in range(3)))
    done = 0
    for block in blocks_of(rows, gathered):
        part = block.histograms
        numbers = (block.numbers + block.ranges.start)[part.owners]
        bins = _Bins(*map(np.concatenate, zip(carried, (numbers, part.ends.view(np.int64), part.counts), strict=True)))
        if known is not None:
            known.take(block, rows.weights)
            mask = np.int64(-1) << (MANTISSA_BITS - known.precisions)
            bins = bins._replace(ends=bins.ends & mask[bins.numbers])
        bins = _summed(bins)
        if np.bincount(bins.numbers - done).max(initial=0) > limits.KAIROSDB_HISTOGRAM_BINS_MAX:
            raise Refused(
                "query-points",
                f"the query would make a histogram of more than {limits.KAIROSDB_HISTOGRAM_BINS_MAX} bins; "
                "merge with a lower precision first, or in shorter ranges",
            )
        last = block.ranges.stop - 1
        first_of_last = int(np.searchsorted(bins.numbers, last))
        yield slice(done, last), bins.taken(slice(first_of_last))
        carried, done = bins.taken(slice(first_of_last, None)), last
    yield slice(done, len(gathered.starts)), carried


def _summed(bins: _Bins) -> _Bins:
    """Bins of one range and one end as one, ascending: -0.0 comes before 0.0, as in Java."""
    if not len(bins.numbers):
        return bins
    ascending = np.where(bins.ends < 0, bins.ends ^ np.int64(2**63 - 1), bins.ends)
    order = np.lexsort((ascending, bins.numbers))
    numbers, ends = bins.numbers[order], bins.ends[order]
    changes = (np.diff(numbers) != 0) | (np.diff(ends) != 0)
    firsts = np.concatenate(([0], np.flatnonzero(changes) + 1, [len(order)]))
    counts = np.empty(len(firsts) - 1, dtype=np.int64)
    sum_groups(firsts, bins.counts[order], counts)
    return _Bins(numbers[firsts[:-1]], ends[firsts[:-1]], counts)
