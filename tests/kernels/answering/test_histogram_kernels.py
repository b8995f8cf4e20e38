"""Stored histograms as columns, against json and plain Python."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.kernels.answering.histograms import PADDING, percentile_bins, read_histograms, sum_groups
from headrace.model.values import INT64_MAX
from headrace.protocols.kairosdb.types.histogram import histogram_text

FINITE = st.floats(allow_nan=False, allow_infinity=False)


def read(*stored: str) -> list[tuple[list[tuple[float, int]], list[float], int]]:
    """(bins, min and max and sum, precision) of each."""
    texts = [text.encode() for text in stored]
    text = np.frombuffer(b"".join(texts) + bytes(PADDING), dtype=np.uint8)
    begins = np.cumsum([0, *map(len, texts)]).astype(np.int64)
    room = text.tobytes().count(b":")
    starts, ends, counts = (np.zeros(size, dtype=np.int64) for size in (len(begins), room, room))
    known, precisions = np.zeros(3 * len(texts), dtype=np.int64), np.zeros(len(texts), dtype=np.int64)
    read_histograms(text, begins, starts, ends, counts, known, precisions)
    bins = list(zip(ends.view(np.float64).tolist(), counts.tolist(), strict=True))
    return [
        (bins[starts[row] : starts[row + 1]], known.view(np.float64)[3 * row : 3 * row + 3].tolist(), precision)
        for row, precision in enumerate(precisions.tolist())
    ]


def stored(said: Any) -> str:
    return f"histogram\0{histogram_text(json.dumps(said).encode())}"


@given(
    st.lists(
        st.fixed_dictionaries(
            {
                "bins": st.dictionaries(FINITE.map(repr), st.integers(0, INT64_MAX), max_size=5),
                **dict.fromkeys(("min", "max", "mean", "sum"), FINITE),
                "precision": st.just(52),
            }
        ),
        max_size=3,
    )
)
def test_what_is_stored_is_read(said: list[dict[str, Any]]) -> None:
    found = read(*map(stored, said))
    for (bins, known, precision), one in zip(found, said, strict=True):
        expected = {float(end): count for end, count in one["bins"].items()}
        assert dict(bins) == expected
        assert [end for end, _ in bins] == sorted(expected)
        assert (known, precision) == ([one["min"], one["max"], one["sum"]], 52)


def test_ends_are_cut_to_the_precision_and_bins_that_then_are_one_are_added_up() -> None:
    # 2000 -> 1984 and 1000 -> 992 at 4 bits: HistogramMergeAggregatorVariablePrecisionTest of the extension.
    known = {"min": 995, "max": 2000, "mean": 1, "sum": 1, "precision": 4}
    [(bins, _, _)] = read(stored({"bins": {"1000": 1, "1995": 2, "2000": 3, "-2000": 4, "-1995": 5}, **known}))
    assert bins == [(-1984.0, 9), (992.0, 1), (1984.0, 5)]
    [(bins, _, _)] = read(stored({"bins": {"1995": INT64_MAX, "2000": 3}, **known}))
    assert bins == [(1984.0, INT64_MAX)]


def test_zeros_keep_their_signs() -> None:
    [(bins, known, _)] = read(stored({"bins": {"-0.0": 1, "0": 2}, "min": -0.0, "max": 0, "mean": 0, "sum": 0}))
    assert [math.copysign(1, end) for end, _ in bins] == [-1, 1]
    assert math.copysign(1, known[0]) == -1


GOOD = stored({"bins": {"1": 2, "3": 4}, "min": 1, "max": 3, "mean": 2, "sum": 14})


@pytest.mark.parametrize("at", range(len(GOOD)))
def test_what_is_no_histogram_has_no_bins_and_harms_no_other(at: int) -> None:
    for broken in (GOOD[:at], GOOD[:at] + "#" + GOOD[at + 1 :], GOOD[:at] + ":" + GOOD[at:]):
        before, middle, after = read(GOOD, broken, GOOD)
        assert before == after
        assert (middle[0], middle[2]) == ([], -1)


def test_sums_of_counts_end_at_what_is_storable() -> None:
    out = np.zeros(3, dtype=np.int64)
    sum_groups(np.array([0, 2, 2, 4]), np.array([3, 4, INT64_MAX, 1]), out)
    assert out.tolist() == [7, 0, INT64_MAX]


@given(st.lists(st.integers(0, 5), max_size=8), st.floats(0, 1, exclude_min=True))
def test_percentile(counts: list[int], probability: float) -> None:
    samples = [place for place, count in enumerate(counts) for _ in range(count)]
    expected = samples[max(math.ceil(probability * len(samples)) - 1, 0)] if samples else -1
    out = np.zeros(1, dtype=np.int64)
    percentile_bins(np.array([0, len(counts)]), np.array(counts, dtype=np.int64), probability, out)
    assert out[0] == expected
