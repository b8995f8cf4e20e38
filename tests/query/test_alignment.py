"""Series brought to the same times, against dicts."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from headrace.model.points import Kind, Values
from headrace.query.alignment import doubles_of, only_numbers, placed, union_of

SERIES = st.dictionaries(st.integers(0, 12), st.floats(-9, 9), max_size=8)


@given(st.lists(SERIES, max_size=5))
def test_at_all_times_of_all(series: list[dict[int, float]]) -> None:
    columns = [np.array(sorted(each), dtype=np.int64) for each in series]
    union = union_of(columns)
    assert union.tolist() == sorted(set().union(*series))
    for times, each in zip(columns, series, strict=True):
        out = np.full(len(union), np.nan)
        placed(union, times, np.array([each[time] for time in sorted(each)]), out)
        np.testing.assert_array_equal(out, [each.get(time, np.nan) for time in union.tolist()])


def test_what_it_holds_is_counted() -> None:
    held: list[int] = []
    same = np.arange(100, dtype=np.int64)
    union_of([same, same, same], held.append)
    assert held == []
    union_of([same, same + 1], held.append)
    assert held == [3 * 2 * 800]


def test_numbers_of_either_kind() -> None:
    bits = np.array([7, np.float64(2.5).view(np.int64), 1], dtype=np.int64)
    mixed = Values(np.array([Kind.INT64, Kind.DOUBLE, Kind.BOOL], dtype=np.uint8), bits)
    times, values = only_numbers(np.arange(3), mixed)
    assert times.tolist() == [0, 1]
    assert doubles_of(values).tolist() == [7.0, 2.5]
    times, values = only_numbers(np.arange(1), Values(mixed.kinds[2:], mixed.bits[2:]))
    assert (len(times), len(values)) == (0, 0)
