"""Numba kernels: arrays in, arrays out. This package imports nothing of ours.

Decided once, here: every kernel is compiled ahead of its first call (an explicit signature, so the compile happens on
import, never inside request 1), cached on disk (cache.py), loaded from there when it is first called, and releases the
GIL. Uncompiled (NUMBA_DISABLE_JIT=1) it
still works.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from functools import partial, update_wrapper
from types import FunctionType
from typing import Any, TypeVar

import numba
import numpy as np
from numba.extending import typeof_impl

from headrace.kernels import cache

F = TypeVar("F", bound=Callable[..., Any])


cache.use(cache.find())

Index = int | np.int64
"""A place in an array, or a number of places: an int from Python, an int64 inside kernels."""

# The only array layouts kernels take: one-dimensional (or n x 2 for keys), C-contiguous, native byte order, writable.
u8 = numba.types.Array(numba.types.uint8, 1, "C")
u32 = numba.types.Array(numba.types.uint32, 1, "C")
u64 = numba.types.Array(numba.types.uint64, 1, "C")
i32 = numba.types.Array(numba.types.int32, 1, "C")
i64 = numba.types.Array(numba.types.int64, 1, "C")
f64 = numba.types.Array(numba.types.float64, 1, "C")
bool8 = numba.types.Array(numba.types.boolean, 1, "C")
keys128 = numba.types.Array(numba.types.uint64, 2, "C")

# The same where a kernel only reads: these also take arrays over immutable buffers (Arrow, bytes, memory maps).
u8_in = numba.types.Array(numba.types.uint8, 1, "C", readonly=True)
u32_in = numba.types.Array(numba.types.uint32, 1, "C", readonly=True)
i64_in = numba.types.Array(numba.types.int64, 1, "C", readonly=True)
f64_in = numba.types.Array(numba.types.float64, 1, "C", readonly=True)

int64 = numba.types.int64
uint64 = numba.types.uint64
uint32 = numba.types.uint32
uint8 = numba.types.uint8
float64 = numba.types.float64
boolean = numba.types.boolean
void = numba.types.void


def kernel(signature: Any) -> Callable[[F], F]:
    """Compile the decorated loop for exactly `signature`; cached on disk, without the GIL, IEEE division by zero."""
    return _compiled(signature, {})


def borrowing_kernel(signature: Any) -> Callable[[F], F]:
    """As `kernel`, for the small steps of a loop: inlined; they neither allocate nor return an array.

    Between kernels Numba counts the references to every array up and down, atomically, and passes each as seven words.
    The caller holds the arrays anyway. Without the counts a put point takes 138 ns instead of 262, inlined 85.
    """
    return _compiled(signature, {"_nrt": False, "forceinline": True})


def load_now(*packages: str) -> None:
    """Load the kernels of these sub-packages that nobody has called yet, as far as their modules are imported. Any
    thread; others who need one at once do not wait for all."""
    for uncalled in list(_uncalled):
        if uncalled.__module__.removeprefix(f"{__name__}.").partition(".")[0] in packages:
            uncalled.load()
            time.sleep(_PAUSE_S)


def _compiled(signature: Any, options: dict[str, Any]) -> Callable[[F], F]:
    options |= {"nogil": True, "error_model": "numpy"}
    kept = cache.in_use()
    on_disk: Callable[[F], F] = numba.njit(signature, cache=kept.folder is not None, **options)
    in_memory: Callable[[F], F] = numba.njit(signature, **options)

    def compile_or_load(loop: F) -> F:
        try:
            return on_disk(loop)
        except Exception:  # noqa: BLE001 - pickle raises anything; what is wrong with the loop itself is raised again
            # The cache cannot be written, or what is in it cannot be read: nothing is lost but the time to compile.
            return in_memory(loop)

    # What is compiled already is loaded when it is first called: all together take 0.7 s and 45 MB.
    return partial(_Uncalled, compile_or_load) if kept.is_complete else compile_or_load  # type: ignore[return-value]


class _Uncalled:
    """Stands for a kernel until it is called, or something loads it."""

    def __init__(self, compile_or_load: Callable[[Any], Callable[..., Any]], loop: FunctionType) -> None:
        update_wrapper(self, loop)
        self._compile_or_load = compile_or_load
        self._loop = loop
        self._loaded: Callable[..., Any] | None = None
        _uncalled[self] = None

    def __call__(self, *arguments: Any) -> Any:
        return (self._loaded or self.load())(*arguments)

    def load(self) -> Callable[..., Any]:
        """The kernel. It stands in its module from now on; who has imported it by name goes on through this."""
        with _loading:
            if self._loaded is None:
                self._loaded = self._compile_or_load(self._loop)
                self._loop.__globals__[self._loop.__name__] = self._loaded
                _uncalled.pop(self)
        return self._loaded


@typeof_impl.register(_Uncalled)
def _typeof_uncalled(uncalled: _Uncalled, _: Any) -> Any:
    """So that what calls it can be compiled: when the cache has lost a kernel."""
    return numba.types.Dispatcher(uncalled.load())


_PAUSE_S = 0.001
"""In which others get the lock: it is not given to who has waited longest."""

_uncalled: dict[_Uncalled, None] = {}
"""In the order of their definition."""

_loading = threading.RLock()
