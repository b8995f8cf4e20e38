"""The first start on a machine: processes side by side compile the kernels, each a part of the modules, into the file
from which the server then links them."""

from __future__ import annotations

import importlib
import multiprocessing
import os
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory

from headrace import kernels
from headrace.kernels import cache
from headrace.kernels.cache import KERNELS, MAKING
from headrace.kernels.making import proving
from headrace.kernels.making.made import Compiled, to_bytes

PROCESSES_MAX = 4
"""Each takes up to 300 MB, and the longest module alone as long as a quarter of all."""


_SPAWNED = multiprocessing.get_context("spawn")


class UnlinkableError(Exception):
    """The compiled kernels do not work without Numba: by what the text says."""


def compile_all() -> None:
    """Compile the kernels of every module of this package, in processes of their own, into the cache in use.

    Raises BrokenProcessPool when one of them dies, and what a module's import raises; OSError when the cache cannot be
    written; UnlinkableError.
    """
    kept = cache.in_use()
    assert kept.folder is not None, "what is compiled is kept somewhere"
    kept.folder.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=kept.folder, prefix=MAKING) as folder:
        file = Path(folder, KERNELS)
        file.write_bytes(to_bytes(_compiled(folder, kept.cpu)))
        _prove(file.parent)
        # Or a power cut could leave its name, and not all of it.
        _sync(file)
        file.replace(kept.folder / KERNELS)
    _sync(kept.folder)


def _compiled(numba_folder: str, cpu: str | None) -> Iterable[Compiled]:
    folder = Path(str(kernels.__file__)).parent
    sources = [source for source in folder.rglob("*.py") if source.stem != "__init__"]
    sources.sort(key=lambda source: source.stat().st_size, reverse=True)
    names = [".".join([kernels.__name__, *source.relative_to(folder).with_suffix("").parts]) for source in sources]
    processes = min(len(os.sched_getaffinity(0)), PROCESSES_MAX)
    with ProcessPoolExecutor(processes, _SPAWNED, _begin, (numba_folder, cpu)) as pool:
        made = [form for forms in pool.map(_compile, names) for form in forms]
    # What two modules inline may have been compiled for both at the same time.
    return {(form.module, form.name, form.signature): form for form in made}.values()


def _begin(numba_folder: str, cpu: str | None) -> None:
    """In each process: what is inlined by several modules is compiled by one of them, and Numba shows it the others."""
    os.environ["NUMBA_CACHE_DIR"] = numba_folder
    cache.use(cache.IN_MEMORY)
    from headrace.kernels.making import compiler  # noqa: PLC0415 - it loads Numba

    compiler.for_processor(cpu)


def _compile(module: str) -> list[Compiled]:
    """What was compiled because of that module."""
    from headrace.kernels.making import compiler  # noqa: PLC0415

    compiler.made.clear()
    importlib.import_module(module)
    return list(compiler.made)


def _prove(folder: Path) -> None:
    """Raises UnlinkableError if the kernels cannot be linked, or do not do what they should."""
    proving_process = _SPAWNED.Process(target=proving.prove, args=(folder,))
    proving_process.start()
    proving_process.join()
    if proving_process.exitcode:
        raise UnlinkableError(f"a try of them ended with {proving_process.exitcode}")


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
