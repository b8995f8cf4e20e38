"""Which rows fall into the deleted stretches of their series, compiled and not."""

from __future__ import annotations

import inspect
from collections.abc import Callable

import numpy as np
import pytest

from headrace.kernels.storing.deletes import keep_undeleted

ALL_ROWS = 2**63 - 1


@pytest.mark.parametrize("kernel", [keep_undeleted, inspect.unwrap(keep_undeleted)], ids=["compiled", "plain"])
def test_the_kernel_looks_at_row_place_and_both_ends(kernel: Callable[..., int]) -> None:
    series = np.array([5, 5, 7, 7, 5], dtype=np.uint32)
    moments = np.array([1, 2, 2, 3, 4], dtype=np.int64)
    places = np.array([1, 0xFFFFFFFF, 0], dtype=np.uint32)  # 7 comes first
    starts = np.array([0, 1, 3], dtype=np.int64)
    stretches = [np.array(column, dtype=np.int64) for column in ([2, 1, 4], [2, 1, 9], [ALL_ROWS, 1, 4])]
    rows = np.arange(5, dtype=np.uint32)
    kept = kernel(rows, series, moments, places, 5, starts, *stretches)
    assert rows[:kept].tolist() == [1, 3, 4]
