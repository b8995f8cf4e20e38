from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from headrace.model.arrivals import NO_ARRIVAL, pack, unpack

MOMENTS = st.integers(0, 2**51 - 1)
OFFSETS = st.integers(-1439, 1439)


@given(st.lists(st.tuples(MOMENTS, OFFSETS), min_size=1))
def test_what_goes_in_comes_out(arrivals: list[tuple[int, int]]) -> None:
    columns = np.array(arrivals, dtype=np.int64)
    packed = pack(columns[:, 0], columns[:, 1])
    assert not np.any(packed == NO_ARRIVAL)
    moments, offsets = unpack(packed)
    assert list(zip(moments.tolist(), offsets.tolist(), strict=True)) == arrivals


@given(MOMENTS, st.lists(OFFSETS, min_size=1))
def test_one_moment_serves_all(moment: int, offsets: list[int]) -> None:
    moments, unpacked = unpack(pack(moment, np.array(offsets, dtype=np.int64)))
    assert set(moments.tolist()) == {moment}
    assert unpacked.tolist() == offsets
