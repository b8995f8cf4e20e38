"""Conditions on values, by each kind of value."""

from __future__ import annotations

import operator

import numpy as np
import pytest

from headrace.model.points import Kind, Values
from headrace.query.conditions import Comparison, compared

BIG = 2**62 + 1


def values() -> Values:
    """7, 7.5, NaN, an integer that no double holds, true, "a"."""
    kinds = np.array([Kind.INT64, Kind.DOUBLE, Kind.DOUBLE, Kind.INT64, Kind.BOOL, Kind.TEXT], dtype=np.uint8)
    doubles = np.array([7.5, np.nan]).view(np.int64).tolist()
    return Values(kinds, np.array([7, *doubles, BIG, 1, 0 << 24 | 1], dtype=np.int64), b"a")


@pytest.mark.parametrize(
    ("comparison", "number", "text", "rows"),
    [
        (operator.ge, 7, "7", [0, 1, 3]),
        (operator.gt, 7.2, "7.2", [1, 3]),
        (operator.eq, BIG, str(BIG), [3]),
        (operator.eq, BIG - 1, str(BIG - 1), []),
        (operator.eq, None, "a", [5]),
        (operator.eq, None, "true", [4]),
        (operator.ne, None, "a", [4]),
        (operator.lt, None, "b", []),
        (operator.ne, 7, "7", [1, 2, 3, 4, 5]),
    ],
)
def test_each_kind(comparison: Comparison, number: float | None, text: str, rows: list[int]) -> None:
    assert np.flatnonzero(compared(comparison, number, text)(values())).tolist() == rows
