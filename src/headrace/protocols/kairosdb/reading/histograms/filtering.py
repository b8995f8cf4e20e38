"""Histograms without some of their bins, and how much of them is left."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from headrace.kernels.answering.histograms import MANTISSA_BITS
from headrace.model.points import HEAP_LENGTH_BITS, Kind, Values
from headrace.protocols.kairosdb.types.histogram_columns import (
    LENGTH_MASK,
    Histograms,
    added,
    blocks,
    custom_values,
    spelled,
)
from headrace.query.chain.rows import Rows
from headrace.store.query_memory import Hold


def filtered(rows: Rows, hold: Hold, comparison: str, threshold: float | None, keep: bool) -> Rows:
    """Without the bins all of whose possible samples stand in `comparison` (query.chain.along_time.COMPARISONS) to the
    threshold, or, unless `keep`, any of them; and without the histograms of which nothing is left
    (HistogramFilterAggregator). A threshold that is no number (None) leaves nothing.

    weights: how many samples each histogram held before any was left out. hold: counts what is made. Raises as `hold`.
    """
    kept = np.zeros(len(rows), dtype=np.bool_)
    weights = np.zeros(len(rows))
    texts: list[bytes] = []
    order = np.arange(len(rows), dtype=np.int64) if threshold is not None else np.empty(0, dtype=np.int64)
    for found, whole in blocks(rows.values, order):
        assert threshold is not None, "else nothing is found"
        out, untouched = _left_out(whole, comparison, threshold, keep)
        left = whole.over_bins(np.where(out, 0.0, whole.counts))
        stays = untouched | (left > 0)
        changed = stays & (whole.over_bins(out.astype(np.float64)) > 0)
        kept[found] = stays
        weights[found] = whole.samples if rows.weights is None else rows.weights[found]
        made = iter(spelled(_without(whole, out, changed), hold))
        for row, is_new in zip(found[stays].tolist(), changed[stays].tolist(), strict=True):
            texts.append(next(made) if is_new else _text(rows.values, row))
            if not is_new:
                hold(2 * len(texts[-1]))
    return Rows(_starts(rows, kept), rows.times[kept], custom_values(texts), weights[kept])


def remaining(rows: Rows) -> Rows:
    """The part of its samples that is left of each histogram after all filters, -1 of one that never had any
    (HistogramPercentRemainingAggregator)."""
    kept = np.zeros(len(rows), dtype=np.bool_)
    parts = np.zeros(len(rows))
    for found, whole in blocks(rows.values, np.arange(len(rows), dtype=np.int64)):
        before = whole.samples if rows.weights is None else rows.weights[found]
        kept[found] = True
        parts[found] = np.where(before > 0, whole.samples / before, -1.0)
    kinds = np.full(int(kept.sum()), Kind.DOUBLE, dtype=np.uint8)
    return Rows(_starts(rows, kept), rows.times[kept], Values(kinds, parts[kept].view(np.int64)))


def _starts(rows: Rows, kept: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Where the series begin among the rows that are kept."""
    return np.concatenate(([0], np.cumsum(kept, dtype=np.int64)))[rows.starts]


def _left_out(
    whole: Histograms, comparison: str, threshold: float, keep: bool
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """(bool[b], the bins that go; bool[h], the histograms whose least and greatest sample say that none does)."""
    low, high = _bounds(whole)
    all_equal, may_equal = (low == threshold) & (high == threshold), (low <= threshold) & (threshold <= high)
    sure, possible, untouched = {
        "lt": (high < threshold, low < threshold, threshold <= whole.least),
        "lte": (high <= threshold, low <= threshold, threshold < whole.least),
        "gt": (low > threshold, high > threshold, threshold >= whole.most),
        "gte": (low >= threshold, high >= threshold, threshold > whole.most),
        "equal": (all_equal, may_equal, (threshold < whole.least) | (whole.most < threshold)),
        "ne": (~may_equal, ~all_equal, np.zeros(len(whole), dtype=np.bool_)),
    }[comparison]
    return (sure if keep else possible) & ~untouched[whole.owners], untouched


def _bounds(whole: Histograms) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(float64[b], float64[b]): the least and the greatest double that falls into each bin."""
    shift = (MANTISSA_BITS - whole.precisions)[whole.owners]
    far = ((((whole.ends.view(np.int64) >> shift) + 1) << shift) - 1).view(np.float64)
    negative = np.signbit(whole.ends)
    return np.where(negative, far, whole.ends), np.where(negative, whole.ends, far)


def _without(whole: Histograms, out: NDArray[np.bool_], changed: NDArray[np.bool_]) -> Histograms:
    """The `changed` histograms without their bins that are `out`. Their least and greatest sample stay known as long as
    the bins do in which they lie."""
    mine = changed[whole.owners]
    kept = mine & ~out
    owners = (np.cumsum(changed) - 1)[whole.owners[kept]]
    starts = np.searchsorted(owners, np.arange(int(changed.sum()) + 1))
    low, high = (bound[kept] for bound in _bounds(whole))
    first_bins, last_bins = whole.starts[:-1][changed], whole.starts[1:][changed] - 1
    ends, counts = whole.ends[kept], whole.counts[kept]
    return Histograms(
        starts,
        ends,
        counts,
        np.where(out[first_bins], low[starts[:-1]], whole.least[changed]),
        np.where(out[last_bins], high[starts[1:] - 1], whole.most[changed]),
        added(owners, ends * counts, len(starts) - 1),
        whole.precisions[changed],
    )


def _text(values: Values, row: int) -> bytes:
    bits = int(values.bits[row])
    begin = bits >> HEAP_LENGTH_BITS
    return values.heap[begin : begin + (bits & LENGTH_MASK)]
