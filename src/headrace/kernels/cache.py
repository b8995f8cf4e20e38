"""Where compiled kernels are kept, and for which processors.

A cache is a folder of its own for each state of all kernels together and each target, since a kernel is another one
too when one that it has inlined changes. It may have come with an image, made by root for whoever runs it, so it need
not be writable.
"""

from __future__ import annotations

import functools
import hashlib
import os
import platform
import shutil
import sys
import time
import zlib
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Final

import llvmlite.binding

KERNELS: Final = "kernels"
"""The file of a cache, with all kernels in it (linking.py). Its time says when a server last began with them."""

CRC_BYTES: Final = 4
"""At the end of that file: the CRC of all before it, little end first."""

FOLDERS: Final = "compiled-*"
"""The caches of all states and targets, beside each other."""

MAKING: Final = "making-"
"""What the folder's name begins with in which the kernels of a cache are being compiled."""

UNUSED_S: Final = 30 * 86_400
"""The cache of another state, 2 MB, is removed when no server has begun with it for so long. Earlier, another
installation of the same user might have to compile again for a minute when it restarts."""

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
        """Whether all kernels are in it, as they were written."""
        return self.read() is not None

    def read(self) -> bytes | None:
        """The file of kernels; None if it cannot be read, or is not whole."""
        if self.folder is None:
            return None
        try:
            content = (self.folder / KERNELS).read_bytes()
        except OSError:
            return None
        kept = content[-CRC_BYTES:]
        return content if zlib.crc32(content[:-CRC_BYTES]).to_bytes(CRC_BYTES, "little") == kept else None


IN_MEMORY: Final = Cache(None)


def targets() -> list[str]:
    """What kernels can be compiled for on this machine."""
    return [NATIVE, *portable()]


def portable() -> list[str]:
    """The targets for an image, for any machine of this kind; a server takes the fastest that it can."""
    return list(_LEVELS.get(platform.machine(), {}))


def find(last_resort: Path | None = None) -> Cache:
    """A cache with all kernels that this machine can load, wherever there is one; else where they can be kept.

    last_resort: a folder that may be used if there is none better. The places are looked at in this order: what
    HEADRACE_CACHE_DIR names, the folder of the package, the user's own cache, the last resort.
    """
    if by_numba():
        return IN_MEMORY
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
    """From now on kernels are looked for there. Before a module with kernels is imported."""
    global _in_use  # noqa: PLW0603 - one for the process, as modules are
    _in_use = cache


def in_use() -> Cache:
    """What `use` was last told, else what `find` finds."""
    if _in_use is None:
        use(find())
    assert _in_use is not None
    return _in_use


_in_use: Cache | None = None


def are_compiled() -> bool:
    """Whether nothing is to be compiled before the kernels are loaded; also when Numba is to do as the environment
    says."""
    return in_use().is_complete or by_numba()


def tidy() -> None:
    """Note that the cache in use is, and remove those beside it, of other versions, that have long not been."""
    own = in_use().folder
    if own is None:
        return
    with suppress(OSError):  # it may have come with a read-only system, and then nobody else needs to know
        os.utime(own / KERNELS)
    for folder in (*own.parent.glob(FOLDERS), *own.glob(f"{MAKING}*")):
        if folder != own and _last_used_s(folder) < time.time() - UNUSED_S:
            shutil.rmtree(folder, ignore_errors=True)  # another start may be removing it too


def _last_used_s(folder: Path) -> float:
    """Without its file, when the compiling began that did not come to an end."""
    file = folder / KERNELS
    return (file if file.exists() else folder).stat().st_mtime


def by_numba() -> bool:
    """Whether the environment wants kernels as Numba makes them: checking bounds, uncompiled, or kept by it."""
    return any(os.environ.get(f"NUMBA_{name}") for name in ("BOUNDSCHECK", "CACHE_DIR", "DISABLE_JIT"))


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
    versions = f"{sys.implementation.cache_tag} {version('numba')} {version('llvmlite')}"
    return hashlib.sha256(b"".join((versions.encode(), *(file.read_bytes() for file in sources)))).hexdigest()[:16]
