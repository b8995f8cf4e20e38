"""Machine instructions that Numba has no name for: counting zeros, and the high half of a 64 x 64 bit product."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from llvmlite import ir
from numba.extending import intrinsic, overload

from headrace.kernels import uint64

_NOT_ZERO = ir.Constant(ir.IntType(1), 1)
"""Tells LLVM that the operand of a count is never 0, as ours say."""


def trailing_zeros(word: np.uint64) -> np.uint64:
    """Zero bits below the lowest set bit of a uint64, which is not 0; as uint64."""
    return np.uint64((int(word) & -int(word)).bit_length() - 1)


def leading_zeros(word: np.uint64) -> np.uint64:
    """Zero bits above the highest set bit of a uint64, which is not 0; as uint64."""
    return np.uint64(64 - int(word).bit_length())


def high_product(a: np.uint64, b: np.uint64) -> np.uint64:
    """The upper 64 bits of the 128-bit product of two uint64."""
    return np.uint64(int(a) * int(b) >> 64)


def _one_operand(emit: Callable[[Any, Any], Any]) -> Any:
    def typed(typing_context: Any, word: Any) -> Any:
        return uint64(uint64), lambda context, builder, signature, arguments: emit(builder, arguments[0])

    return intrinsic(typed)


_trailing_zeros_llvm = _one_operand(lambda builder, word: builder.cttz(word, _NOT_ZERO))
_leading_zeros_llvm = _one_operand(lambda builder, word: builder.ctlz(word, _NOT_ZERO))


@intrinsic
def _high_product_llvm(typing_context: Any, a: Any, b: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        wide = ir.IntType(128)
        left, right = (builder.zext(argument, wide) for argument in arguments)
        return builder.trunc(builder.lshr(builder.mul(left, right), ir.Constant(wide, 64)), ir.IntType(64))

    return uint64(uint64, uint64), generate


# Numba compares the parameters of an overload and of what it returns, annotations included: lambdas, and none.
@overload(trailing_zeros)
def _trailing_zeros_overload(word):  # type: ignore[no-untyped-def]
    return lambda word: _trailing_zeros_llvm(word)  # noqa: PLW0108


@overload(leading_zeros)
def _leading_zeros_overload(word):  # type: ignore[no-untyped-def]
    return lambda word: _leading_zeros_llvm(word)  # noqa: PLW0108


@overload(high_product)
def _high_product_overload(a, b):  # type: ignore[no-untyped-def]
    return lambda a, b: _high_product_llvm(a, b)  # type: ignore[call-arg] # noqa: PLW0108
