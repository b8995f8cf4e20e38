"""Compiled kernels of another state of the sources are never used, and those of this one only as they were written."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from headrace import kernels
from headrace.kernels.cache import KERNELS

INNER = """
from headrace_kernels import int64, borrowing_kernel

@borrowing_kernel(int64(int64))
def step(number):
    return number + {step}
"""
OUTER = """
from headrace_kernels import int64, kernel
from headrace_kernels.inner import step

@kernel(int64(int64))
def twice(number):
    return step(step(number))
"""
RUN = """
import sys
import headrace_kernels
from headrace_kernels import cache
from headrace_kernels.outer import twice
print(twice(0), "numba" in sys.modules)
"""
CRASH = """
import os, signal
def prove(folder):
    os.kill(os.getpid(), signal.SIGSEGV)
"""
COMPILE = """
from headrace_kernels import cache
from headrace_kernels.making.compiling import UnlinkableError, compile_all
try:
    compile_all()
except UnlinkableError as failure:
    print(failure)
"""


def copied(folder: Path) -> Path:
    """A package in `folder` that keeps what it compiles by itself, as ours does."""
    package = folder / "headrace_kernels"
    ours = Path(kernels.__file__).parent
    for source in (*ours.glob("*.py"), *ours.glob("making/*.py")):
        if source.stem not in ("bits", "hashing"):  # 7 s to compile
            copy = package / source.relative_to(ours)
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_text(
                source.read_text()
                .replace("headrace.kernels", "headrace_kernels")
                .replace("from headrace import kernels", "import headrace_kernels as kernels")
            )
    (package / "outer.py").write_text(OUTER)
    (package / "inner.py").write_text(INNER.format(step=1))
    return package


def run(folder: Path, script: str = RUN, **changed: str) -> str:
    environment = {name: text for name, text in os.environ.items() if not name.startswith(("NUMBA_", "HEADRACE_"))}
    environment |= {"XDG_CACHE_HOME": str(folder), **changed}
    command = [sys.executable, "-c", script]
    return subprocess.run(
        command, cwd=folder, env=environment, check=True, capture_output=True, text=True
    ).stdout.strip()


def kept(folder: Path) -> list[Path]:
    return list(folder.glob(f"headrace_kernels/__pycache__/compiled-*/{KERNELS}"))


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a package whose kernels are compiled."""
    folder = tmp_path_factory.mktemp("compiled")
    copied(folder)
    run(folder, COMPILE)
    return folder


@pytest.fixture
def copy(compiled: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(compiled, tmp_path / "copy"))


def test_what_is_compiled_runs_without_numba(copy: Path) -> None:
    assert len(kept(copy)) == 1
    assert list(copy.rglob("making-*")) == []
    assert run(copy) == "2 False"


def test_a_kernel_that_is_inlined_elsewhere_changes_there_too(copy: Path) -> None:
    (copy / "headrace_kernels" / "inner.py").write_text(INNER.format(step=5))
    assert run(copy) == "10 True"


@pytest.mark.parametrize("name", ["NUMBA_BOUNDSCHECK", "NUMBA_DISABLE_JIT"])
def test_numba_does_as_its_environment_says(copy: Path, name: str) -> None:
    assert run(copy, **{name: "1"}) == "2 True"


def cut(content: bytes) -> bytes:
    return content[:-1]


def emptied(content: bytes) -> bytes:
    return b""


def flipped(content: bytes) -> bytes:
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]


@pytest.mark.parametrize("damage", [cut, emptied, flipped])
def test_what_is_not_as_it_was_written_is_not_linked(copy: Path, damage: Callable[[bytes], bytes]) -> None:
    """As a disk may leave it."""
    [file] = kept(copy)
    file.write_bytes(damage(file.read_bytes()))
    assert run(copy) == "2 True"


def test_what_is_not_proved_is_not_kept(tmp_path: Path) -> None:
    """Another Numba may have other insides: what does not work without it, or crashes, must not be found by a start."""
    package = copied(tmp_path)
    (package / "making" / "proving.py").write_text(CRASH)
    assert run(tmp_path, COMPILE) == "a try of them ended with -11"
    assert kept(tmp_path) == []
    assert run(tmp_path) == "2 True"
