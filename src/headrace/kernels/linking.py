"""Compiled kernels as functions, without Numba: LLVM links their machine code, and CPython calls the wrappers in it.

To import Numba takes 0.15 s and 18 MB, and to load all kernels through it 1.1 s and 47 MB, 100,000 objects among them
that every full collection of garbage looks at. This takes 20 ms and 8 MB, and a call of a kernel with eight arguments
0.26 us instead of 0.39. It rests on three extension modules of Numba and on names in them that are no interface. So it
is done with the very versions that compiled (cache.py), after it was tried in a process of its own (proving.py).
"""

from __future__ import annotations

import builtins
import ctypes
import functools
import importlib.util
import itertools
import json
import sys
from collections.abc import Callable, Sequence
from importlib.machinery import EXTENSION_SUFFIXES, ExtensionFileLoader, FileFinder
from pathlib import Path
from typing import Any, Final, NamedTuple

import llvmlite.binding as llvm
import numpy as np

from headrace.kernels.cache import Cache

NDARRAY: Final = "headrace_ndarray"
"""The symbol of NumPy's type of arrays."""

REFUSED: Final = "a compiled kernel takes no such argument"
"""What the TypeError says."""


class Form(NamedTuple):
    """One form of a kernel as it is linked.   dtypes: of the arguments that are arrays, by their places.   address: of
    what calls it."""

    dtypes: dict[int, str]
    address: int


def is_linked(kept: Cache) -> bool:
    """Whether the kernels of that cache are there without Numba."""
    return bool(_linked(kept))


def find(kept: Cache, loop: Callable[..., Any]) -> Callable[..., Any] | None:
    """What stands in that cache for the kernel that `loop` says in Python; None: it must be compiled."""
    forms = _linked(kept).get((loop.__module__, loop.__qualname__), [])
    if len(forms) > 1:
        return _Overloaded([(form.dtypes, function(loop, form)) for form in forms])
    return function(loop, forms[0]) if forms else None


class _Overloaded:
    """A kernel of several forms: the first array whose type they do not share tells which is meant."""

    def __init__(self, forms: Sequence[tuple[dict[int, str], Callable[..., Any]]]) -> None:
        first = forms[0][0]
        self._place = min(place for place in first if len({dtypes[place] for dtypes, _ in forms}) == len(forms))
        self._forms = {np.dtype(dtypes[self._place]): function for dtypes, function in forms}

    def __call__(self, *arguments: Any) -> Any:
        try:
            form = self._forms[arguments[self._place].dtype]
        except KeyError:
            raise TypeError(REFUSED) from None
        return form(*arguments)


@functools.lru_cache(maxsize=1)
def _linked(kept: Cache) -> dict[tuple[str, str], list[Form]]:
    content = kept.read()
    return {} if content is None else link(content)


def link(content: bytes) -> dict[tuple[str, str], list[Form]]:
    """(module, name) -> all forms of a kernel, of all that are in a file of kernels.

    content: as made.to_bytes made it; that is not checked here.
    """
    _define_symbols()
    head, _, code = content.partition(b"\n")
    said = json.loads(head)
    triple = llvm.get_process_triple()
    machine = llvm.Target.from_triple(triple).create_target_machine()
    engine = llvm.create_mcjit_compiler(llvm.parse_assembly(f'target triple = "{triple}"'), machine)
    ends = itertools.accumulate(said["code"])
    for end, length in zip(ends, said["code"], strict=True):
        engine.add_object_file(llvm.ObjectFileRef.from_data(code[end - length : end]))
    engine.finalize_object()
    _engines.append(engine)
    forms: dict[tuple[str, str], list[Form]] = {}
    for kernel in said["kernels"]:
        for symbol in kernel["environments"]:
            ctypes.c_void_p.from_address(engine.get_global_value_address(symbol)).value = id(_environment())
        dtypes = {int(place): dtype for place, dtype in kernel["dtypes"].items()}
        form = Form(dtypes, engine.get_function_address(kernel["symbol"]))
        forms.setdefault((kernel["module"], kernel["name"]), []).append(form)
    return forms


def function(loop: Callable[..., Any], form: Form) -> Callable[..., Any]:
    """What calls that form of a kernel, named as `loop`."""
    module = sys.modules[loop.__module__]
    made: Callable[..., Any] = _extension("_dynfunc").make_function(
        module, loop.__name__, loop.__doc__ or "", form.address, _environment(), (_engines,)
    )
    return made


@functools.cache
def _environment() -> Any:
    """For all kernels, since none has an object of Python's in it."""
    return _extension("_dynfunc").Environment({})


@functools.cache
def _define_symbols() -> None:
    """Tell LLVM where the functions are that compiled kernels call; as Numba does before it compiles."""
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    runtime = _extension("core.runtime._nrt_python")
    runtime.memsys_use_cpython_allocator()
    symbols = {"_Py_NoneStruct": id(None)}
    symbols |= {f"PyExc_{name}": id(kind) for name, kind in vars(builtins).items() if _is_exception(kind)}
    for extension in ("_helperlib", "_dynfunc"):
        symbols |= {f"numba_{name}": address for name, address in _extension(extension).c_helpers.items()}
    symbols |= {f"NRT_{name}": address for name, address in runtime.c_helpers.items() if not name.startswith("_")}
    symbols[NDARRAY] = id(np.ndarray)
    for name, address in symbols.items():
        llvm.add_symbol(name, address)


def _is_exception(kind: object) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseException)


@functools.cache
def _extension(name: str) -> Any:
    """An extension module of Numba's, without what Numba's packages import."""
    whole = f"numba.{name}"
    if whole not in sys.modules:
        numba = importlib.util.find_spec("numba")
        assert numba is not None
        assert numba.submodule_search_locations is not None
        folder = Path(numba.submodule_search_locations[0], *name.split(".")[:-1])
        spec = FileFinder(str(folder), (ExtensionFileLoader, EXTENSION_SUFFIXES)).find_spec(whole)
        assert spec is not None, f"this Numba has no {whole}"
        assert spec.loader is not None
        # Under its own name: if Numba is imported after all, it must find this one.
        sys.modules[whole] = module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    return sys.modules[whole]


_engines: list[Any] = []
"""Each owns the memory that its functions are in."""
