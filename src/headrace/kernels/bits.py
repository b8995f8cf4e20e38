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


def trailing_zeros(word: int) -> int:
    """Zero bits below the lowest set bit of a uint64, which is not 0; as uint64."""
    return np.uint64((int(word) & -int(word)).bit_length() - 1)  # type: ignore[return-value]


def leading_zeros(word: int) -> int:
    """Zero bits above the highest set bit of a uint64, which is not 0; as uint64."""
    return np.uint64(64 - int(word).bit_length())  # type: ignore[return-value]


def high_product(a: int, b: int) -> int:
    """The upper 64 bits of the 128-bit product of two uint64."""
    return np.uint64(int(a) * int(b) >> 64)  # type: ignore[return-value]


def _one_operand(emit: Callable[[Any, Any], Any]) -> Any:
    def typed(typing_context: Any, word: Any) -> Any:
        return uint64(uint64), lambda context, builder, signature, arguments: emit(builder, arguments[0])

    return intrinsic(typed)


_trailing_zeros_llvm = _one_operand(lambda builder, word: builder.cttz(word, _NOT_ZERO))
_leading_zeros_llvm = _one_operand(lambda builder, word: builder.ctlz(word, _NOT_ZERO))


@intrinsic  # type: ignore[untyped-decorator]
def _high_product_llvm(typing_context: Any, a: Any, b: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        wide = ir.IntType(128)
        left, right = (builder.zext(argument, wide) for argument in arguments)
        return builder.trunc(builder.lshr(builder.mul(left, right), ir.Constant(wide, 64)), ir.IntType(64))

    return uint64(uint64, uint64), generate


# Numba compares the parameter lists of an overload and of what it stands for, annotations included: neither has any here.
@overload(trailing_zeros)  # type: ignore[untyped-decorator]
def _trailing_zeros_overload(word):  # type: ignore[no-untyped-def]
    return lambda word: _trailing_zeros_llvm(word)


@overload(leading_zeros)  # type: ignore[untyped-decorator]
def _leading_zeros_overload(word):  # type: ignore[no-untyped-def]
    return lambda word: _leading_zeros_llvm(word)


@overload(high_product)  # type: ignore[untyped-decorator]
def _high_product_overload(a, b):  # type: ignore[no-untyped-def]
    return lambda a, b: _high_product_llvm(a, b)
