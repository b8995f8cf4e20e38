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
from functools import partial
from pathlib import Path
from types import ModuleType

import numba

from headrace import kernels
from headrace.kernels import cache
from headrace.kernels.cache import COMPLETE, FOLDERS, Cache

UNUSED_S = 30 * 86_400
"""The cache of another state, 7 MB, is removed when no server has begun with it for so long. Earlier, another
installation of the same user might have to compile again for a minute when it restarts."""

PROCESSES_MAX = 4
"""Each takes up to 300 MB, and the longest module alone as long as a quarter of all."""


def are_compiled() -> bool:
    """Whether loading the kernels takes no compiler; also when they are not to be compiled at all."""
    return bool(numba.config.DISABLE_JIT) or cache.in_use().is_complete  # type: ignore[attr-defined]


def compile_all(package: ModuleType = kernels) -> None:
    """Load every module of the package once, in processes of their own, so that its kernels are in the cache.

    Raises BrokenProcessPool when one of them dies, and what a module's import raises; OSError when the cache cannot be
    written.
    """
    kept = cache.in_use()
    assert kept.folder is not None, "what is compiled is kept somewhere"
    folder = Path(str(package.__file__)).parent
    sources = [source for source in folder.rglob("*.py") if source.stem != "__init__"]
    sources.sort(key=lambda source: source.stat().st_size, reverse=True)
    names = [".".join([package.__name__, *source.relative_to(folder).with_suffix("").parts]) for source in sources]
    processes = min(len(os.sched_getaffinity(0)), PROCESSES_MAX)
    with ProcessPoolExecutor(processes, multiprocessing.get_context("spawn")) as pool:
        list(pool.map(partial(_load, kept), names))
    kept.folder.mkdir(parents=True, exist_ok=True)
    # Or a power cut could leave the marker, and empty files beside it.
    for path in sorted(kept.folder.rglob("*"), reverse=True):
        _sync(path)
    (kept.folder / COMPLETE).touch()
    _sync(kept.folder)


def tidy_cache() -> None:
    """Note that this cache is in use, and remove those beside it, of other versions, that have long not been.

    A cache in a folder that NUMBA_CACHE_DIR names is left alone.
    """
    own = cache.in_use().folder
    if own is None or not own.match(FOLDERS):
        return
    with suppress(OSError):  # it may have come with a read-only system, and then nobody else needs to know
        (own / COMPLETE).touch()
    for folder in own.parent.glob(FOLDERS):
        if folder != own and _last_used_s(folder) < time.time() - UNUSED_S:
            shutil.rmtree(folder, ignore_errors=True)  # another start may be removing it too


def _last_used_s(folder: Path) -> float:
    """Without the marker, when the compiling began that did not come to an end."""
    marker = folder / COMPLETE
    return (marker if marker.exists() else folder).stat().st_mtime


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _load(kept: Cache, name: str) -> None:
    cache.use(kept)
    importlib.import_module(name)
