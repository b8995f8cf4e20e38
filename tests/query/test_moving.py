"""Sums over windows, against sums of slices."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from headrace.query.moving import window_sums


@given(st.lists(st.floats(-1e6, 1e6), max_size=40), st.data())
def test_as_sums_of_slices(values: list[float], data: st.DataObject) -> None:
    places = st.integers(0, len(values))
    windows = [tuple(sorted(pair)) for pair in data.draw(st.lists(st.tuples(places, places), max_size=20))]
    starts, ends = (np.array([pair[side] for pair in windows], dtype=np.int64) for side in (0, 1))
    sums = window_sums(np.array(values), starts, ends)
    wanted = [math.fsum(values[first:end]) for first, end in windows]
    np.testing.assert_allclose(sums, wanted, rtol=1e-12, atol=1e-8)


def test_a_large_value_leaves_no_error_behind() -> None:
    values = np.array([2.0**62, 1, 2, 3, math.inf, 4, 5])
    starts = np.arange(6)
    assert window_sums(values, starts, starts + 2)[[1, 2, 5]].tolist() == [3.0, 5.0, 9.0]
