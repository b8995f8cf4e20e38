"""The first start on a machine: processes side by side compile the kernels, each a part of the modules, into the folder
from which the server then loads them."""

from __future__ import annotations

import importlib
import multiprocessing
import os
import shutil
import time
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from pathlib import Path
from types import ModuleType

import numba

from headrace import kernels

COMPILED = "compiled"
"""An empty file in the cache: all modules are in it. Its time says when a server last began with them."""

FOLDERS = "compiled-*"
"""What kernels.compiled_folder names the caches of all states of the kernels, beside each other."""

UNUSED_S = 30 * 86_400
"""The cache of another state, 7 MB, is removed when no server has begun with it for so long. Earlier, another
installation of the same user might have to compile again for a minute when it restarts."""

PROCESSES_MAX = 4
"""Each takes up to 300 MB, and the longest module alone as long as a quarter of all."""


def are_compiled() -> bool:
    """Whether loading the kernels takes no compiler; also when they are not to be compiled at all."""
    return bool(numba.config.DISABLE_JIT) or _marker().exists()  # type: ignore[attr-defined]


def compile_all(package: ModuleType = kernels) -> None:
    """Load every module of the package once, in processes of their own, so that its kernels are in the cache.

    Raises BrokenProcessPool when one of them dies, and what a module's import raises.
    """
    folder = Path(str(package.__file__)).parent
    sources = [source for source in folder.rglob("*.py") if source.stem != "__init__"]
    sources.sort(key=lambda source: source.stat().st_size, reverse=True)
    names = [".".join([package.__name__, *source.relative_to(folder).with_suffix("").parts]) for source in sources]
    processes = min(len(os.sched_getaffinity(0)), PROCESSES_MAX)
    with ProcessPoolExecutor(processes, multiprocessing.get_context("spawn")) as pool:
        list(pool.map(_load, names))
    _marker().touch()


def tidy_cache() -> None:
    """Note that this cache is in use, and remove those beside it, of other versions, that have long not been.

    A cache in a folder that NUMBA_CACHE_DIR names is left alone.
    """
    own = _marker().parent
    if not own.match(FOLDERS):
        return
    with suppress(OSError):  # it may have come with a read-only system, and then nobody else needs to know
        _marker().touch()
    for folder in own.parent.glob(FOLDERS):
        if folder != own and _last_used_s(folder) < time.time() - UNUSED_S:
            shutil.rmtree(folder, ignore_errors=True)  # another start may be removing it too


def _last_used_s(folder: Path) -> float:
    """Without the marker, when the compiling began that did not come to an end."""
    marker = folder / COMPILED
    return (marker if marker.exists() else folder).stat().st_mtime


def _load(name: str) -> None:
    importlib.import_module(name)


def _marker() -> Path:
    return Path(numba.config.CACHE_DIR) / COMPILED  # type: ignore[attr-defined]
