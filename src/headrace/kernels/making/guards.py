"""What stands before each compiled kernel, and refuses arguments of other types than its signature's.

Numba finds out the types of arguments before it calls a wrapper, in 35 ns for each array, and the wrapper takes them
for granted: an array of two dimensions where one is expected overwrites what is beside it. Here the same is asked of
the objects themselves, in machine code: that they are arrays with these dimensions and items, aligned, contiguous, and
writable if they are written. Where that is found is said by CPython's object.h and tupleobject.h, and by NumPy's
ndarraytypes.h; proving.py shows whether it is so.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import llvmlite.binding as llvm
import numpy as np
from llvmlite import ir

from headrace.kernels.linking import NDARRAY, REFUSED
from headrace.kernels.signatures import Array, Signature, Tuple

_TYPE_PLACE, _SIZE_PLACE, _ITEMS_PLACE = 8, 16, 24
"""In an object; in a tuple: how many, and where they begin. All places in bytes."""

_TYPE_FLAGS_PLACE, _IS_TUPLE = 168, 1 << 26
"""In a type; of a tuple's type, and of those that inherit from it."""

_DIMENSIONS_PLACE, _DTYPE_PLACE, _FLAGS_PLACE = 24, 56, 64
_CONTIGUOUS, _ALIGNED, _WRITABLE = 0x1, 0x100, 0x400
"""In an array."""

_BYTE_ORDER_PLACE, _SWAPPED, _NUMBER_PLACE = 26, ord(">"), 28
"""In a dtype."""

_POINTER, _INT, _LONG, _BYTE = ir.PointerType(), ir.IntType(32), ir.IntType(64), ir.IntType(8)
_WRAPPER = ir.FunctionType(_POINTER, [_POINTER, _POINTER, _POINTER])
"""A closure, the arguments as a tuple, and those by keyword."""


def guard_of(wrapper: str) -> str:
    """The symbol of what stands before that wrapper."""
    return f"guard.{wrapper}"


def compiled_guards(wrappers: Iterable[tuple[str, Signature]]) -> bytes:
    """Machine code of the guards of all these wrappers: ELF, relocatable, for any processor of this kind."""
    module = ir.Module("guards")
    for wrapper, signature in wrappers:
        _Guard(module, wrapper).build(signature)
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    machine = llvm.Target.from_triple(llvm.get_process_triple()).create_target_machine(codemodel="jitdefault", jit=True)
    code: bytes = machine.emit_object(llvm.parse_assembly(str(module)))
    return code


class _Guard:
    def __init__(self, module: ir.Module, wrapper: str) -> None:
        self._module = module
        self._function = ir.Function(module, _WRAPPER, guard_of(wrapper))
        self._wrapper = ir.Function(module, _WRAPPER, wrapper)
        self._builder = ir.IRBuilder(self._function.append_basic_block())
        self._refused = self._function.append_basic_block("refused")

    def build(self, signature: Signature) -> None:
        closure, arguments, keywords = self._function.args
        self._require_items(arguments, signature.parameters)
        self._builder.ret(self._builder.call(self._wrapper, [closure, arguments, keywords], tail=True))
        self._builder.position_at_end(self._refused)
        raises = self._declared("PyErr_SetString", ir.FunctionType(ir.VoidType(), [_POINTER, _POINTER]))
        self._builder.call(raises, [self._external("PyExc_TypeError"), self._message()])
        self._builder.ret(ir.Constant(_POINTER, None))

    def _require_items(self, items: Any, parameters: tuple[Any, ...]) -> None:
        self._require(self._is(self._load(items, _SIZE_PLACE, _LONG), len(parameters)))
        for number, parameter in enumerate(parameters):
            if isinstance(parameter, Array | Tuple):
                item = self._load(items, _ITEMS_PLACE + 8 * number, _POINTER)
                of = self._load(item, _TYPE_PLACE, _POINTER)
                if isinstance(parameter, Array):
                    self._require(self._builder.icmp_unsigned("==", of, self._external(NDARRAY)))
                    self._require_array(item, parameter)
                else:
                    self._require(self._has(self._load(of, _TYPE_FLAGS_PLACE, _LONG), _IS_TUPLE))
                    self._require_items(item, parameter.parts)

    def _require_array(self, array: Any, wanted: Array) -> None:
        flags = _CONTIGUOUS | _ALIGNED | (0 if wanted.readonly else _WRITABLE)
        self._require(self._has(self._load(array, _FLAGS_PLACE, _INT), flags))
        self._require(self._is(self._load(array, _DIMENSIONS_PLACE, _INT), wanted.dimensions))
        dtype = self._load(array, _DTYPE_PLACE, _POINTER)
        self._require(self._is(self._load(dtype, _NUMBER_PLACE, _INT), np.dtype(wanted.of.dtype).num))
        self._require(self._builder.not_(self._is(self._load(dtype, _BYTE_ORDER_PLACE, _BYTE), _SWAPPED)))

    def _require(self, true: Any) -> None:
        following = self._function.append_basic_block()
        self._builder.cbranch(true, following, self._refused)
        self._builder.position_at_end(following)

    def _load(self, base: Any, place: int, kind: ir.Type) -> Any:
        at = self._builder.gep(base, [ir.Constant(_LONG, place)], source_etype=_BYTE)
        return self._builder.load(at, typ=kind)

    def _is(self, value: Any, wanted: int) -> Any:
        return self._builder.icmp_unsigned("==", value, ir.Constant(value.type, wanted))

    def _has(self, flags: Any, wanted: int) -> Any:
        return self._is(self._builder.and_(flags, ir.Constant(flags.type, wanted)), wanted)

    def _external(self, symbol: str) -> Any:
        return self._module.globals.get(symbol) or ir.GlobalVariable(self._module, _BYTE, symbol)

    def _declared(self, symbol: str, kind: ir.FunctionType) -> Any:
        return self._module.globals.get(symbol) or ir.Function(self._module, kind, symbol)

    def _message(self) -> Any:
        text = ir.Constant(ir.ArrayType(_BYTE, len(REFUSED) + 1), bytearray(REFUSED.encode() + b"\0"))
        if (message := self._module.globals.get("message")) is None:
            message = ir.GlobalVariable(self._module, text.type, "message")
            message.initializer, message.linkage, message.global_constant = text, "internal", True
        return message
