"""Stored histograms as columns of bins, a block of them at a time, and spelled again."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from headrace import limits
from headrace.errors import Refused
from headrace.kernels.answering.histograms import PADDING, copy_texts, read_histograms
from headrace.model.points import HEAP_LENGTH_BITS, Kind, Values
from headrace.protocols.kairosdb.types.doubles import double_text
from headrace.protocols.kairosdb.types.histogram import HISTOGRAM, bin_name

LENGTH_MASK = (1 << HEAP_LENGTH_BITS) - 1
_COLON = 58


@dataclass(frozen=True, slots=True)
class Histograms:
    """h histograms of b bins.

    starts: int64[h + 1], the bins of each.   ends: float64[b], ascending within each: the end of a bin that is nearer
    to 0.   counts: int64[b], samples.   least, most, sums: float64[h].   precisions: int64[h], bits of the mantissa.
    """

    starts: NDArray[np.int64]
    ends: NDArray[np.float64]
    counts: NDArray[np.int64]
    least: NDArray[np.float64]
    most: NDArray[np.float64]
    sums: NDArray[np.float64]
    precisions: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.precisions)

    @property
    def owners(self) -> NDArray[np.int64]:
        """int64[b]: the histogram of each bin."""
        return np.repeat(np.arange(len(self)), np.diff(self.starts))

    @property
    def samples(self) -> NDArray[np.float64]:
        """float64[h]: how many each holds."""
        return self.over_bins(self.counts.astype(np.float64))

    def over_bins(self, of_each: NDArray[np.float64]) -> NDArray[np.float64]:
        """float64[h]: the sums over the bins of each. of_each: float64[b]."""
        return added(self.owners, of_each, len(self))


def added(places: NDArray[np.int64], values: NDArray[np.float64], count: int) -> NDArray[np.float64]:
    """float64[count]: the sum of the values of each place from 0 on."""
    return np.bincount(places, values, minlength=count).astype(np.float64, copy=False)


def blocks(values: Values, order: NDArray[np.int64]) -> Iterator[tuple[NDArray[np.int64], Histograms]]:
    """(int64[h], the rows; their histograms) of the rows in `order`, some at a time, so that memory is bounded
    (limits.KAIROSDB_HISTOGRAM_BLOCK_BYTES). What is no histogram is passed over."""
    rows = order[values.kinds[order] == Kind.CUSTOM]
    ends = np.cumsum(values.bits[rows] & LENGTH_MASK)
    first = 0
    while first < len(rows):
        before = int(ends[first - 1]) if first else 0
        end = int(np.searchsorted(ends, before + limits.KAIROSDB_HISTOGRAM_BLOCK_BYTES, side="right"))
        end = max(end, first + 1)
        good, histograms = _read(values, rows[first:end], int(ends[end - 1]) - before)
        if len(good):
            yield good, histograms
        first = end


def _read(values: Values, rows: NDArray[np.int64], length: int) -> tuple[NDArray[np.int64], Histograms]:
    text = np.zeros(length + PADDING, dtype=np.uint8)
    begins = np.empty(len(rows) + 1, dtype=np.int64)
    copy_texts(np.frombuffer(values.heap, dtype=np.uint8), values.bits[rows], text, begins)
    room = np.count_nonzero(text == _COLON)
    starts = np.empty(len(rows) + 1, dtype=np.int64)
    ends, counts = np.empty(room, dtype=np.int64), np.empty(room, dtype=np.int64)
    known, precisions = np.empty(3 * len(rows), dtype=np.int64), np.empty(len(rows), dtype=np.int64)
    read_histograms(text, begins, starts, ends, counts, known, precisions)
    bins = int(starts[-1])
    good = precisions >= 0
    least, most, sums = known.view(np.float64).reshape(-1, 3)[good].T
    # What is no histogram has no bins.
    starts = np.append(starts[:-1][good], bins)
    histograms = Histograms(starts, ends[:bins].view(np.float64), counts[:bins], least, most, sums, precisions[good])
    return rows[good], histograms


def spelled(histograms: Histograms, hold: Callable[[int], None]) -> list[bytes]:
    """As values of their type: its name, NUL, JSON as types.histogram spells it; the mean is that of the samples, 0 of
    none. hold: counts their bytes. Raises as `hold`, Refused (rule "not-finite") for numbers that JSON cannot say."""
    known = np.stack((histograms.least, histograms.most, _means(histograms), histograms.sums), axis=1)
    if not np.isfinite(known).all():
        raise Refused("not-finite", "JSON does not allow non-finite numbers.")
    distinct, places = np.unique(histograms.ends.view(np.int64), return_inverse=True)
    names = [f'"{bin_name(end)}":' for end in distinct.view(np.float64).tolist()]
    bins = [names[place] + str(count) for place, count in zip(places.tolist(), histograms.counts.tolist(), strict=True)]
    texts = []
    starts, precisions = histograms.starts.tolist(), histograms.precisions.tolist()
    for row, numbers in enumerate(known.tolist()):
        least, most, mean, total = map(double_text, numbers)
        texts.append(
            f'{HISTOGRAM}\0{{"bins":{{{",".join(bins[starts[row] : starts[row + 1]])}}},"min":{least},"max":{most},'
            f'"mean":{mean},"sum":{total},"precision":{precisions[row]}}}'.encode()
        )
        hold(2 * len(texts[-1]))
    return texts


def _means(histograms: Histograms) -> NDArray[np.float64]:
    samples = histograms.samples
    return np.divide(histograms.sums, samples, out=np.zeros(len(samples)), where=samples > 0)


def custom_values(texts: Sequence[bytes]) -> Values:
    """Spelled values as a column."""
    lengths = np.array([len(text) for text in texts], dtype=np.int64)
    begins = np.cumsum(lengths) - lengths
    kinds = np.full(len(texts), Kind.CUSTOM, dtype=np.uint8)
    return Values(kinds, begins << HEAP_LENGTH_BITS | lengths, b"".join(texts))
