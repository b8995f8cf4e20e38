"""Sorts by radix against Python's own."""

from __future__ import annotations

import struct

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from headrace.kernels.storing.in_time_order import FEW, sort_by_bits, sort_ties, sort_times


@given(
    st.lists(st.integers(0, 2**64 - 1) | st.integers(0, 5), max_size=50),
    st.integers(0, 63).flatmap(lambda first: st.tuples(st.just(first), st.integers(0, 64 - first))),
)
def test_by_bits(numbers: list[int], place: tuple[int, int]) -> None:
    first, bits = place
    numbers = [number % 2 ** (first + bits) for number in numbers]
    words = np.array(numbers, dtype=np.uint64)
    sort_by_bits(words, np.empty_like(words), first, bits)
    assert words.tolist() == sorted(numbers, key=lambda number: number >> first)


@given(st.lists(st.integers(-(2**40), 2**40) | st.integers(0, 3), min_size=1, max_size=60))
def test_times(numbers: list[int]) -> None:
    times = np.array(numbers, dtype=np.int64)
    rows, scratch = np.empty((2, len(times)), dtype=np.uint64)
    ascending = scratch.view(np.int64)
    least, greatest = min(numbers), max(numbers)
    sort_times(times, least, len(times).bit_length(), (greatest - least).bit_length(), rows, scratch, ascending)
    assert list(zip(ascending.tolist(), rows.tolist(), strict=True)) == sorted(
        (time, row) for row, time in enumerate(numbers)
    )


values = st.integers(-(2**63), 2**63 - 1) | st.integers(-3, 3)
doubles = st.floats(allow_nan=False)
runs = st.lists(st.integers(1, 3) | st.integers(FEW - 1, FEW + 80), max_size=4)


@settings(max_examples=60)
@given(runs, st.booleans(), st.data())
def test_ties(lengths: list[int], are_doubles: bool, data: st.DataObject) -> None:
    times, bits, expected = [], [], []
    for time, length in enumerate(lengths):
        times += [time] * length
        one = doubles if are_doubles else values
        drawn = data.draw(st.lists(one, min_size=length, max_size=length))
        packed = [struct.pack("d" if are_doubles else "q", value) for value in drawn]
        bits += packed
        expected += sorted(drawn)
    column = np.frombuffer(bytearray(b"".join(bits)), dtype=np.uint64)
    sort_ties(np.array(times, dtype=np.int64), are_doubles, column)
    assert column.view(np.float64 if are_doubles else np.int64).tolist() == expected
