"""Where compiled kernels are kept, and for which processors.

A cache is a folder of its own for each state of all kernels together and each target. Numba by itself compiles a kernel
anew when its own file has changed, but not when a kernel that it has inlined has: after an upgrade a scanner could go
on with the hash of yesterday, and every series would be there twice. And it takes only a cache that it may write, where
ours may have come with an image, made by root for whoever runs it.
"""

from __future__ import annotations

import functools
import hashlib
import os
import platform
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import llvmlite.binding
import numba
from numba.core import caching

COMPLETE: Final = "compiled"
"""An empty file in a cache: all kernels are in it. Its time says when a server last began with them."""

FOLDERS: Final = "compiled-*"
"""The caches of all states and targets, beside each other."""

HOME_VARIABLE: Final = "HEADRACE_CACHE_DIR"

NATIVE: Final = "native"
"""The target that is exactly the processor of this machine."""

_V2: Final = ["sse3", "ssse3", "sse4.1", "sse4.2", "popcnt", "cx16", "sahf"]
_V3: Final = [*_V2, *["avx", "avx2", "bmi", "bmi2", "f16c", "fma", "lzcnt", "movbe", "xsave"]]

_LEVELS: Final[Mapping[str, Mapping[str, list[str]]]] = {
    "x86_64": {"x86-64-v3": _V3, "x86-64-v2": _V2},
    "aarch64": {"generic": []},
}
"""By machine: the targets that are no processor in particular, the fastest first, and the features that they need, as
LLVM calls them (x86-64 psABI, "Microarchitecture levels")."""


@dataclass(frozen=True, slots=True)
class Cache:
    """folder: None where compiled kernels are kept in memory alone.   cpu: for LLVM; None: this machine's own."""

    folder: Path | None
    cpu: str | None = None

    @property
    def is_complete(self) -> bool:
        """Whether all kernels are in it."""
        return self.folder is not None and (self.folder / COMPLETE).exists()


IN_MEMORY: Final = Cache(None)

PORTABLE: Final[Mapping[str, str]] = {"x86_64": "x86-64-v3", "aarch64": "generic"}
"""By machine: the target for an image that anybody may run. v3 is each server's processor since 2015; what lacks it
compiles for itself."""


def targets() -> list[str]:
    """What kernels can be compiled for on this machine."""
    return [NATIVE, *_LEVELS.get(platform.machine(), {})]


def find(last_resort: Path | None = None) -> Cache:
    """A cache with all kernels that this machine can load, wherever there is one; else where they can be kept.

    last_resort: a folder that may be used if there is none better. The places are looked at in this order: what
    HEADRACE_CACHE_DIR names, the folder of the package, the user's own cache, the last resort.
    """
    if given := os.environ.get("NUMBA_CACHE_DIR"):
        return Cache(Path(given))
    homes = list(_homes(last_resort))
    for home in homes:
        for target in (NATIVE, *_levels_of_this_machine()):
            found = place(home, target)
            if found.is_complete:
                return found
    return next((place(home) for home in homes if _is_writable(home)), IN_MEMORY)


def place(home: Path, target: str = NATIVE) -> Cache:
    """The cache for one of `targets` in a home."""
    name = _native_name() if target == NATIVE else target
    return Cache(home / f"compiled-{_digest()}-{name}", None if target == NATIVE else target)


def where_to_make(into: Path | None, target: str) -> Cache:
    """The cache for a target in the folder `into`, else in the first place of `find` that can be written; IN_MEMORY
    when there is none."""
    homes = [into] if into is not None else list(_homes(None))
    return next((place(home, target) for home in homes if _is_writable(home)), IN_MEMORY)


def use(cache: Cache) -> None:
    """From now on kernels are loaded from there, and kept there. Before any of them is loaded."""
    config: Any = numba.config
    config.CACHE_DIR = "" if cache.folder is None else str(cache.folder)
    config.CACHE_LOCATOR_CLASSES = f"{Locator.__module__}.{Locator.__qualname__}"
    config.CPU_NAME = cache.cpu
    config.CPU_FEATURES = None if cache.cpu is None else ""


def in_use() -> Cache:
    """What `use` was last told."""
    config: Any = numba.config
    return Cache(Path(config.CACHE_DIR) if config.CACHE_DIR else None, config.CPU_NAME)


class Locator(caching._CacheLocator):
    """Tells Numba where the kernels of one module are, whether or not that can be written."""

    def __init__(self, function: Callable[..., Any], source: str) -> None:
        self._line = function.__code__.co_firstlineno
        above = Path(source).parent
        self._folder = Path(numba.config.CACHE_DIR) / above.name  # type: ignore[attr-defined]

    @classmethod
    def from_function(cls, py_func: Callable[..., Any], py_file: str) -> Locator | None:
        """See Numba; None for functions that are none of a module's."""
        return cls(py_func, py_file) if Path(py_file).exists() else None

    def get_cache_path(self) -> str:
        """See Numba."""
        return str(self._folder)

    def get_source_stamp(self) -> str:
        """See Numba. The name of the folder says all that a stamp could."""
        return ""

    def get_disambiguator(self) -> str:
        """See Numba."""
        return str(self._line)


def _homes(last_resort: Path | None) -> Iterator[Path]:
    if given := os.environ.get(HOME_VARIABLE):
        yield Path(given)
    yield Path(__file__).parent / "__pycache__"
    if (user := _user_cache()) is not None:
        yield user / "headrace"
    if last_resort is not None:
        yield last_resort


def _user_cache() -> Path | None:
    if given := os.environ.get("XDG_CACHE_HOME"):
        return Path(given)
    try:
        return Path.home() / ".cache"
    except RuntimeError:  # a user without a home, as systemd makes them
        return None


def _is_writable(home: Path) -> bool:
    """Whether files can be kept there; its folder need not exist yet."""
    there = next(folder for folder in (home, *home.absolute().parents) if folder.exists())
    return there.is_dir() and os.access(there, os.W_OK | os.X_OK)


def _levels_of_this_machine() -> list[str]:
    features = llvmlite.binding.get_host_cpu_features()
    levels = _LEVELS.get(platform.machine(), {})
    return [level for level, needed in levels.items() if all(features.get(feature) for feature in needed)]


@functools.cache
def _native_name() -> str:
    features = llvmlite.binding.get_host_cpu_features().flatten()
    return f"{llvmlite.binding.get_host_cpu_name()}-{hashlib.sha256(features.encode()).hexdigest()[:8]}"


@functools.cache
def _digest() -> str:
    """Of all that compiled kernels depend on but the target."""
    sources = sorted(Path(__file__).parent.rglob("*.py"))
    versions = f"{sys.implementation.cache_tag} {numba.__version__} {llvmlite.__version__}"
    return hashlib.sha256(b"".join((versions.encode(), *(file.read_bytes() for file in sources)))).hexdigest()[:16]
