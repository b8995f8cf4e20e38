"""Machine instructions that Numba has no name for: counting zeros, and the high half of a 64 x 64 bit product."""

from __future__ import annotations

from typing import Any

import numpy as np

from headrace.kernels import instruction, overload, uint64


def trailing_zeros(word: np.uint64) -> np.uint64:
    """Zero bits below the lowest set bit of a uint64, which is not 0; as uint64."""
    return np.uint64((int(word) & -int(word)).bit_length() - 1)


def leading_zeros(word: np.uint64) -> np.uint64:
    """Zero bits above the highest set bit of a uint64, which is not 0; as uint64."""
    return np.uint64(64 - int(word).bit_length())


def high_product(a: np.uint64, b: np.uint64) -> np.uint64:
    """The upper 64 bits of the 128-bit product of two uint64."""
    return np.uint64(int(a) * int(b) >> 64)


@instruction(uint64(uint64))
def _trailing_zeros_llvm(ir: Any, builder: Any, word: Any) -> Any:
    return builder.cttz(word, ir.Constant(ir.IntType(1), 1))  # 1: it is never 0


@instruction(uint64(uint64))
def _leading_zeros_llvm(ir: Any, builder: Any, word: Any) -> Any:
    return builder.ctlz(word, ir.Constant(ir.IntType(1), 1))


@instruction(uint64(uint64, uint64))
def _high_product_llvm(ir: Any, builder: Any, a: Any, b: Any) -> Any:
    wide = ir.IntType(128)
    product = builder.mul(builder.zext(a, wide), builder.zext(b, wide))
    return builder.trunc(builder.lshr(product, ir.Constant(wide, 64)), ir.IntType(64))


# Numba compares the parameters of an overload and of what it returns, annotations included: lambdas, and none.
@overload(trailing_zeros)
def _trailing_zeros_overload(word):  # type: ignore[no-untyped-def]
    return lambda word: _trailing_zeros_llvm(word)  # noqa: PLW0108


@overload(leading_zeros)
def _leading_zeros_overload(word):  # type: ignore[no-untyped-def]
    return lambda word: _leading_zeros_llvm(word)  # noqa: PLW0108


@overload(high_product)
def _high_product_overload(a, b):  # type: ignore[no-untyped-def]
    return lambda a, b: _high_product_llvm(a, b)  # noqa: PLW0108
