"""Numba's side of the kernels: what compiles them. Nothing else imports Numba, and a server whose kernels are compiled
does not import this."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any

import numba
from llvmlite import ir
from numba.extending import intrinsic, overload

from headrace.kernels.making.made import Compiled
from headrace.kernels.signatures import Array, Scalar, Signature, Tuple

__all__ = ["compiled", "for_processor", "instruction", "made", "overload"]

made: list[Compiled] = []
"""What was compiled by this process, and not found in Numba's own cache, since somebody emptied this."""


def for_processor(cpu: str | None) -> None:
    """cpu: LLVM's name of the processors that kernels are compiled for from now on; None: this machine's own."""
    config: Any = numba.config
    config.CPU_NAME = cpu
    config.CPU_FEATURES = None if cpu is None else ""


def compiled(loop: Callable[..., Any], signatures: Sequence[Signature], *, borrowing: bool) -> Callable[..., Any]:
    """The kernel, for all its signatures. In a process that NUMBA_CACHE_DIR is set for, Numba keeps it there."""
    options: dict[str, Any] = {"nogil": True, "error_model": "numpy", "cache": "NUMBA_CACHE_DIR" in os.environ}
    if borrowing:
        options |= {"_nrt": False, "forceinline": True}
    dispatcher: Any = numba.njit([_as_numba(signature) for signature in signatures], **options)(loop)
    if not numba.config.DISABLE_JIT:  # type: ignore[attr-defined]
        found = {signature.args for signature in dispatcher.stats.cache_hits}
        forms = zip(signatures, dispatcher.overloads.items(), strict=True)
        made.extend(_result(loop, signature, form) for signature, (key, form) in forms if key not in found)
    return dispatcher  # type: ignore[no-any-return]


def instruction(signature: Signature, build: Callable[..., Any]) -> Any:
    """See headrace.kernels.instruction."""
    typed = _as_numba(signature)

    def generate(context: Any, builder: Any, called_for: Any, operands: Sequence[Any]) -> Any:
        return build(ir, builder, *operands)

    # Numba fits what is called to the parameters of these.
    def of_one(typing_context: Any, operand: Any) -> Any:
        return typed, generate

    def of_two(typing_context: Any, left: Any, right: Any) -> Any:
        return typed, generate

    return intrinsic({1: of_one, 2: of_two}[len(signature.parameters)])


def _as_numba(said: Signature | Scalar | Array | Tuple) -> Any:
    match said:
        case Signature(returned, parameters):
            return _as_numba(returned)(*map(_as_numba, parameters))
        case Scalar(name):
            return getattr(numba.types, name)
        case Array(of, dimensions, readonly):
            return numba.types.Array(_as_numba(of), dimensions, "C", readonly=readonly)
        case Tuple(parts, like):
            return numba.types.BaseTuple.from_types(tuple(map(_as_numba, parts)), like)


def _result(loop: Callable[..., Any], signature: Signature, form: Any) -> Compiled:
    """What is needed to link one compiled form of a kernel without Numba."""
    assert not form.environment.consts, f"{loop.__qualname__} needs an object of Python's, which is not kept"
    environments = [
        one.name for one in form.library._final_module.global_variables if one.name.startswith("_ZN08NumbaEnv")
    ]
    code: bytes = form.library.serialize_using_object_code()[2][0]
    wrapper = form.fndesc.llvm_cpython_wrapper_name
    return Compiled(loop.__module__, loop.__qualname__, signature.plain(), wrapper, environments, code)
