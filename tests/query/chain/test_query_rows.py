"""Points of several series as one: by time, equal times by value, against Python's own sort."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.model.time import TIME_MS_MAX
from headrace.model.values import ValuesBuilder
from headrace.query.chain.rows import Rows
from headrace.query.conditions import text_of

times = st.integers(0, 5) | st.integers(1_700_000_000_000, 1_700_000_100_000) | st.sampled_from([-TIME_MS_MAX, 2**53])
integers = st.integers(-(2**63), 2**63 - 1) | st.integers(-2, 2)
doubles = st.floats(allow_nan=False, allow_infinity=False)
exact = st.integers(-(2**50), 2**50)
"""Integers that are doubles too: others have no order beside doubles that all agree on."""


def rows_of(series: list[list[tuple[int, Any]]]) -> Rows:
    values = ValuesBuilder()
    for points in series:
        for _, value in points:
            values.add(value)
    starts = np.cumsum([0, *map(len, series)]).astype(np.int64)
    return Rows(starts, np.array([time for points in series for time, _ in points], dtype=np.int64), values.build())


def points_of(rows: Rows) -> list[tuple[int, Any]]:
    kinds, bits, doubles = rows.values.kinds, rows.values.bits, rows.values.bits.view(np.float64)
    read = [
        text_of(rows.values, row) if kind > 1 else (doubles, bits)[kind][row].item()
        for row, kind in enumerate(kinds.tolist())
    ]
    return list(zip(rows.times.tolist(), read, strict=True))


@pytest.mark.parametrize(
    "kind", [integers, doubles, exact | doubles, st.text(max_size=3)], ids=["integers", "doubles", "both", "texts"]
)
def test_merged(kind: st.SearchStrategy[Any]) -> None:
    @given(
        st.lists(st.lists(st.tuples(times, kind), max_size=8, unique_by=lambda point: point[0]), min_size=1, max_size=8)
    )
    def check(series: list[list[tuple[int, Any]]]) -> None:
        series = [sorted(points, key=lambda point: point[0]) for points in series]
        merged = rows_of(series).merged()
        assert points_of(merged) == sorted(point for points in series for point in points)
        assert merged.starts.tolist() == [0, sum(map(len, series))]

    check()
