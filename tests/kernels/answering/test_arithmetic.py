"""What overflows, what is cut: compiled for integers and for doubles, beside the same functions in Python."""

from __future__ import annotations

import functools
from typing import Any

import numba
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from made_by_numba import made_by_numba

arithmetic = made_by_numba("headrace.kernels.answering.arithmetic")

int64s = st.integers(-(2**63), 2**63 - 1)
CHECKS = ["sum_overflows", "difference_overflows", "product_overflows", "rise_overflows"]


@functools.cache
def compiled(name: str) -> Any:
    function = getattr(arithmetic, name)
    # Compiled by itself it would be the function, in a kernel that calls it it is the overload.
    return numba.njit(lambda one, other: function(one, other))  # noqa: PLW0108


@pytest.mark.parametrize("name", CHECKS)
@given(one=int64s, other=int64s)
@example(one=2**63 - 1, other=1)
@example(one=-(2**63), other=-1)
@example(one=0, other=-(2**63))
@example(one=3037000499, other=3037000499)
@example(one=3037000500, other=3037000500)
@example(one=9204962112629517, other=1002)
@example(one=-(2**63), other=-1)
@example(one=2**62, other=-2)
@example(one=-(2**62), other=2)
@example(one=-(2**62) - 1, other=2)
def test_integers_compiled_and_not(name: str, one: int, other: int) -> None:
    assert compiled(name)(one, other) == getattr(arithmetic, name)(one, other)


@pytest.mark.parametrize("name", CHECKS)
@pytest.mark.parametrize("value", [1e308, -1e308, np.inf, np.nan, 0.0])
def test_doubles_never_overflow(name: str, value: float) -> None:
    assert not compiled(name)(value, 1e308)
    assert not getattr(arithmetic, name)(value, 1e308)


def test_the_greatest_square() -> None:
    assert not arithmetic.product_overflows(3037000499, 3037000499)
    assert arithmetic.product_overflows(3037000500, 3037000500)


@given(int64s, st.integers(-(2**12), 2**12), st.integers(-3, 3))
def test_products_near_the_bound(one: int, other: int, beside: int) -> None:
    near = (2**63 // other if other else one) + beside
    near = max(min(near, 2**63 - 1), -(2**63))
    overflows = not -(2**63) <= near * other < 2**63
    assert compiled("product_overflows")(near, other) == overflows == arithmetic.product_overflows(near, other)


@given(int64s, st.integers(1, 1000))
@example(-7, 2)
def test_means_of_integers_are_cut_towards_zero(total: int, count: int) -> None:
    expected = abs(total) // count * (-1 if total < 0 else 1)
    assert compiled("mean")(total, count) == arithmetic.mean(total, count) == expected


def test_means_and_lines_of_doubles_are_not_cut() -> None:
    assert compiled("mean")(-7.0, 2) == arithmetic.mean(-7.0, 2) == -3.5
    assert arithmetic.on_line(1, 0, 0.0, 2, 3.0) == 1.5
    assert arithmetic.on_line(1, 0, 0, 2, 3) == 1
