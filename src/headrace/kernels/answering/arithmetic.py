"""Where the arithmetic of 64-bit integers differs from that of doubles: what overflows, and what is cut to an integer.

A kernel that is compiled for both calls these. Doubles do not overflow here, and compiled for them no check is left.
"""

from __future__ import annotations

import numpy as np

from headrace.kernels import int64, is_double, kernel, overload, uint64

INTEGER_GAP_MS_MAX = 3_000_000_000
"""(x - x0) * remainder stays below 2^63 for gaps up to this; longer ones (35 days) take the line's remainder in
doubles."""

_BEYOND_INT64 = 2.0**63
"""Of a double: from here on an integer of this size does not fit."""

Number = int | float | np.int64 | np.float64
"""Both of a call are integers, or both doubles."""


def sum_overflows(one: Number, other: Number) -> bool:
    """Whether one + other has more than 64 bits."""
    return not isinstance(one, float) and not -(2**63) <= int(one) + int(other) < 2**63


def difference_overflows(one: Number, other: Number) -> bool:
    """Whether one - other has more than 64 bits."""
    return not isinstance(one, float) and not -(2**63) <= int(one) - int(other) < 2**63


def product_overflows(one: Number, other: Number) -> bool:
    """Whether one * other has more than 64 bits."""
    return not isinstance(one, float) and not -(2**63) <= int(one) * int(other) < 2**63


def rise_overflows(y0: Number, y1: Number) -> bool:
    """Whether y1 - y0 is too great for line_integer, as doubles say it: maybe also where it is not, by at most 512."""
    return not isinstance(y0, float) and abs(float(y1) - float(y0)) >= _BEYOND_INT64


def on_line(x: int, x0: int, y0: Number, x1: int, y1: Number) -> Number:
    """The value at x of the line through (x0, y0) and (x1, y1); an integer is cut towards y0."""
    if isinstance(y0, float):
        return y0 + (x - x0) * (y1 - y0) / (x1 - x0)
    return line_integer(x, x0, int(y0), x1, int(y1))


def mean(total: Number, count: int) -> Number:
    """Total / count; of integers cut towards zero."""
    if isinstance(total, float):
        return total / count
    floor = total // count
    return floor + (floor < 0 and floor * count != total)


@kernel(int64(int64, int64, int64, int64, int64))
def line_integer(x: int, x0: int, y0: int, x1: int, y1: int) -> int:
    """y0 + (x - x0) * (y1 - y0) / (x1 - x0), the quotient cut towards zero, without overflow where y1 - y0 has none."""
    rise = np.int64(y1) - np.int64(y0)
    run = x1 - x0
    sign = -1 if rise < 0 else 1
    whole = abs(rise) // run
    rest = abs(rise) - whole * run
    part = (x - x0) * rest // run if run <= INTEGER_GAP_MS_MAX else np.int64((x - x0) / run * rest)
    return y0 + sign * int((x - x0) * whole + part)


@kernel(uint64(int64))
def size(number: int) -> np.uint64:
    """Its absolute value, that of the least of all integers too."""
    return np.uint64(number) if number >= 0 else np.uint64(~number) + np.uint64(1)


# Numba compares the parameters of an overload and of what it returns, annotations included: lambdas, and none.
@overload(sum_overflows)
def _sum_overflows(one, other):  # type: ignore[no-untyped-def]
    if is_double(one):
        return lambda one, other: False
    return lambda one, other: (one ^ (one + other)) & (other ^ (one + other)) < 0


@overload(difference_overflows)
def _difference_overflows(one, other):  # type: ignore[no-untyped-def]
    if is_double(one):
        return lambda one, other: False
    return lambda one, other: (one ^ other) & (one ^ (one - other)) < 0


@overload(product_overflows)
def _product_overflows(one, other):  # type: ignore[no-untyped-def]
    if is_double(one):
        return lambda one, other: False

    def is_too_great(one, other):  # type: ignore[no-untyped-def]
        # Doubles err by less than half of the product. Near the bound a division tells, not the product itself: the
        # compiler takes for granted that it does not wrap around.
        if abs(float(one) * float(other)) < _BEYOND_INT64 / 2:
            return False
        bound = np.uint64(2**63) if (one < 0) != (other < 0) else np.uint64(2**63 - 1)
        return size(one) > bound // size(other)

    return is_too_great


@overload(rise_overflows)
def _rise_overflows(y0, y1):  # type: ignore[no-untyped-def]
    if is_double(y0):
        return lambda y0, y1: False
    return lambda y0, y1: abs(float(y1) - float(y0)) >= _BEYOND_INT64


@overload(on_line)
def _on_line(x, x0, y0, x1, y1):  # type: ignore[no-untyped-def]
    if is_double(y0):
        return lambda x, x0, y0, x1, y1: y0 + (x - x0) * (y1 - y0) / (x1 - x0)
    return lambda x, x0, y0, x1, y1: line_integer(x, x0, y0, x1, y1)  # noqa: PLW0108


@overload(mean)
def _mean(total, count):  # type: ignore[no-untyped-def]
    if is_double(total):
        return lambda total, count: total / count

    def cut_towards_zero(total, count):  # type: ignore[no-untyped-def]
        floor = total // count
        return floor + (floor < 0 and floor * count != total)

    return cut_towards_zero
