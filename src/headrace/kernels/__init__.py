"""Numba kernels: arrays in, arrays out. This package imports nothing of ours.

Decided once, here: every kernel is compiled ahead of its first call, for explicit signatures, and releases the GIL.
What was compiled is kept as machine code (cache.py), and linked from there without Numba (linking.py): then a server
has all kernels 20 ms after its start, and none of Numba's objects. Where nothing can be kept, Numba compiles each when
its module is imported. Uncompiled (NUMBA_DISABLE_JIT=1) it still works.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, TypeVar

import numpy as np

from headrace.kernels import cache, linking
from headrace.kernels.signatures import Array, Scalar, Signature
from headrace.kernels.signatures import named_tuple as named_tuple
from headrace.kernels.signatures import tuple_of as tuple_of

F = TypeVar("F", bound=Callable[..., Any])

Index = int | np.int64
"""A place in an array, or a number of places: an int from Python, an int64 inside kernels."""

int64 = Scalar("int64")
int32 = Scalar("int32")
uint64 = Scalar("uint64")
uint32 = Scalar("uint32")
uint16 = Scalar("uint16")
uint8 = Scalar("uint8")
float64 = Scalar("float64")
boolean = Scalar("boolean")
void = Scalar("void")

# The only arrays that kernels write.
u8 = Array(uint8)
u32 = Array(uint32)
u64 = Array(uint64)
i32 = Array(int32)
i64 = Array(int64)
f64 = Array(float64)
bool8 = Array(boolean)
keys128 = Array(uint64, dimensions=2)

# The same where a kernel only reads.
u8_in = Array(uint8, readonly=True)
u16_in = Array(uint16, readonly=True)
u32_in = Array(uint32, readonly=True)
i64_in = Array(int64, readonly=True)
f64_in = Array(float64, readonly=True)


def kernel(*signatures: Signature) -> Callable[[F], F]:
    """Compile the decorated loop for exactly these signatures; without the GIL, IEEE division by zero.

    Called with other arrays than these it raises TypeError: more dimensions, items of another size, not contiguous.
    """
    return _compiled(signatures, borrowing=False)


def borrowing_kernel(*signatures: Signature) -> Callable[[F], F]:
    """As `kernel`, for the small steps of a loop: inlined; they neither allocate nor return an array.

    Between kernels Numba counts the references to every array up and down, atomically, and passes each as seven words.
    The caller holds the arrays anyway. Without the counts a put point takes 138 ns instead of 262, inlined 85.
    """
    return _compiled(signatures, borrowing=True)


def instruction(signature: Signature) -> Callable[[Callable[..., Any]], Any]:
    """What LLVM has and Python has not, for use in `overload`: the decorated function builds it, given llvmlite's `ir`,
    a builder and the operands."""
    if linking.is_linked(cache.in_use()):
        return lambda build: build
    from headrace.kernels.making import compiler  # noqa: PLC0415 - it loads Numba

    return partial(compiler.instruction, signature)


def overload(function: Callable[..., Any]) -> Callable[[F], F]:
    """The decorated function gives what stands for `function` inside kernels, by its operands' types: see
    numba.extending.overload."""
    if linking.is_linked(cache.in_use()):
        return lambda chosen: chosen
    from headrace.kernels.making import compiler  # noqa: PLC0415 - it loads Numba

    return compiler.overload(function)


def is_double(operand: Any) -> bool:
    """Whether the type that an `overload` is given for an operand is that of doubles."""
    return str(operand) == float64.name


def _compiled(signatures: Sequence[Signature], *, borrowing: bool) -> Callable[[F], F]:
    def linked_or_compiled(loop: F) -> F:
        if (linked := linking.find(cache.in_use(), loop)) is not None:
            return linked  # type: ignore[return-value]
        from headrace.kernels.making import compiler  # noqa: PLC0415 - it loads Numba

        return compiler.compiled(loop, signatures, borrowing=borrowing)  # type: ignore[return-value]

    return linked_or_compiled
