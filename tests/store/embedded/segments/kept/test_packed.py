"""Packed row groups give what their columns hold, bit by bit."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from numpy.typing import NDArray

from headrace.model.points import Kind
from headrace.store.embedded.segments.kept.packed import Packed, pack
from headrace.store.rows import want

TIME_MAX = 2**47


class Group(NamedTuple):
    series: NDArray[np.uint32]
    times: NDArray[np.int64]
    bits: NDArray[np.int64]
    kind: Kind


decimals = st.builds(lambda number, scale: number / scale, st.integers(-(10**6), 10**6), st.sampled_from([1, 10, 100]))
doubles = st.one_of(
    st.lists(decimals, min_size=1, max_size=60),
    st.lists(st.floats(width=64), min_size=1, max_size=60),
    st.lists(st.sampled_from([0.0, -0.0, 0.1, 1e300, 2.0**53, float("nan"), float("inf")]), min_size=1, max_size=60),
)
integers = st.one_of(
    st.lists(st.integers(0, 255), min_size=1, max_size=60),
    st.lists(st.integers(-(2**31), 2**33), min_size=1, max_size=60),
    st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1, max_size=60),
)
gaps = st.one_of(st.just(60_000), st.integers(0, 5), st.integers(0, 2**26), st.integers(0, 2**34))


@st.composite
def groups(draw: st.DrawFn) -> Group:
    kind = draw(st.sampled_from([Kind.DOUBLE, Kind.INT64]))
    if kind == Kind.DOUBLE:
        bits = np.array(draw(doubles), dtype=np.float64).view(np.int64)
    else:
        bits = np.array(draw(integers), dtype=np.int64)
    changes = draw(st.lists(st.booleans(), min_size=len(bits), max_size=len(bits)))
    series = 3 + 2 * np.cumsum(changes).astype(np.uint32)
    times = np.empty(len(bits), dtype=np.int64)
    regular = draw(st.booleans())
    gap = draw(gaps)
    for row in range(len(bits)):
        if row == 0 or series[row] != series[row - 1]:
            times[row] = draw(st.integers(-TIME_MAX, TIME_MAX))
        else:
            times[row] = times[row - 1] + (gap if regular else draw(gaps))
    return Group(series, times, bits, kind)


def check(group: Group, packed: Packed, wanted: list[int], start_ms: int, end_ms: int) -> None:
    ordinals = np.array(wanted, dtype=np.uint32)
    rows = packed.select(want(ordinals, np.zeros_like), start_ms, end_ms)
    right = np.isin(group.series, ordinals) & (group.times >= start_ms) & (group.times <= end_ms)
    assert rows.series.tolist() == group.series[right].tolist()
    assert rows.times.tolist() == group.times[right].tolist()
    assert rows.values.bits.tolist() == group.bits[right].tolist()
    assert rows.values.kinds.tolist() == [group.kind] * len(rows)


@given(groups(), st.data())
def test_what_is_selected_is_what_was_packed(group: Group, data: st.DataObject) -> None:
    packed = pack(*group)
    if packed is None:
        starts = np.flatnonzero(np.diff(group.series, prepend=0))
        spans = [run.max() - run.min() for run in np.split(group.times, starts[1:])]
        assert max(spans) >= 2**32
        return
    there = sorted(set(group.series.tolist()))
    wanted = data.draw(st.lists(st.sampled_from([*there, 1, 4, 900]), unique=True, min_size=1, max_size=5))
    near = st.one_of(
        st.sampled_from(group.times.tolist()),
        st.sampled_from((group.times + 1).tolist()),
        st.integers(-(2**63), 2**63 - 1),
    )
    check(group, packed, wanted, data.draw(near), data.draw(near))
    check(group, packed, there, -(2**63), 2**63 - 1)


@pytest.mark.parametrize(
    ("values", "bytes_each"),
    [(np.round(np.random.default_rng(1).uniform(45, 55, 10_000), 2), 2), (np.arange(10_000) % 200 / 10, 1)],
)
def test_gauges_of_a_few_decimals_take_one_or_two_bytes(values: NDArray[np.float64], bytes_each: int) -> None:
    series = np.repeat(np.arange(10, dtype=np.uint32), 1000)
    times = np.tile(np.arange(1000, dtype=np.int64) * 60_000, 10)
    packed = pack(series, times, values.view(np.int64), Kind.DOUBLE)
    assert packed is not None
    assert packed.nbytes < 10_000 * bytes_each + 500


@example(2**53)
@given(st.integers(-(2**60), 2**60))
def test_large_whole_doubles(number: int) -> None:
    group = Group(np.zeros(1, np.uint32), np.zeros(1, np.int64), np.array([float(number)]).view(np.int64), Kind.DOUBLE)
    packed = pack(*group)
    assert packed is not None
    check(group, packed, [0], 0, 0)
