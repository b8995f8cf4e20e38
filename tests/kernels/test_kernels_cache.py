"""Compiled kernels of another state of the sources are never used."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from headrace import kernels
from headrace.kernels import cache

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


def copied(folder: Path) -> Path:
    """A package in `folder` that keeps what it compiles by itself, as ours does."""
    package = folder / "headrace_kernels"
    package.mkdir()
    for name in ("__init__.py", "cache.py"):
        source = (Path(kernels.__file__).parent / name).read_text()
        (package / name).write_text(source.replace("headrace.kernels", "headrace_kernels"))
    return package


def run(folder: Path) -> int:
    environment = {name: text for name, text in os.environ.items() if name != "NUMBA_CACHE_DIR"}
    script = "from headrace_kernels.outer import twice; print(twice(0))"
    answer = subprocess.run(
        [sys.executable, "-c", script], cwd=folder, env=environment, check=True, capture_output=True, text=True
    )
    return int(answer.stdout)


def test_a_kernel_that_is_inlined_elsewhere_changes_there_too(tmp_path: Path) -> None:
    package = copied(tmp_path)
    (package / "outer.py").write_text(OUTER)
    (package / "inner.py").write_text(INNER.format(step=1))
    assert run(tmp_path) == 2
    assert list(package.glob("__pycache__/compiled-*/**/*.nbc")), "it was kept on disk"
    (package / "inner.py").write_text(INNER.format(step=5))
    assert run(tmp_path) == 10


LAZY = """
import pathlib, sys
from headrace_kernels import cache, load_now
cache.use(cache.Cache(pathlib.Path(sys.argv[1])))
from headrace_kernels import outer
from headrace_kernels.outer import twice
by_name = type(twice).__name__
assert twice(1) == 3
assert twice(1) == 3
print(by_name, type(outer.twice).__name__, sum(outer.twice.stats.cache_hits.values()), type(outer.step).__name__)
"""


def lazily(folder: Path) -> list[str]:
    """Of a kernel that calls another: what stands for it before and after the first call, whether it was in the cache,
    and what stands for the other one."""
    command = [sys.executable, "-c", LAZY, str(folder / "kept")]
    return subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout.split()


def test_what_is_compiled_is_loaded_when_it_is_called(tmp_path: Path) -> None:
    package = copied(tmp_path)
    (package / "outer.py").write_text(OUTER)
    (package / "inner.py").write_text(INNER.format(step=1))
    assert lazily(tmp_path) == ["CPUDispatcher", "CPUDispatcher", "0", "CPUDispatcher"]
    (tmp_path / "kept" / cache.COMPLETE).touch()
    assert lazily(tmp_path) == ["_Uncalled", "CPUDispatcher", "1", "_Uncalled"]


def test_what_the_cache_has_lost_is_compiled_again(tmp_path: Path) -> None:
    package = copied(tmp_path)
    (package / "outer.py").write_text(OUTER)
    (package / "inner.py").write_text(INNER.format(step=1))
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / cache.COMPLETE).touch()
    assert lazily(tmp_path) == ["_Uncalled", "CPUDispatcher", "0", "_Uncalled"]
    for lost in (tmp_path / "kept").rglob("*twice*"):
        lost.unlink()
    assert lazily(tmp_path) == ["_Uncalled", "CPUDispatcher", "0", "_Uncalled"]


@pytest.mark.parametrize("kind", ["*twice*.nbi", "*twice*.nbc"])
@pytest.mark.parametrize("content", [b"", b"no pickle", b"\x80\x04."])
def test_what_the_cache_holds_no_more_as_it_was_is_compiled_again(tmp_path: Path, kind: str, content: bytes) -> None:
    """As a disk, or a power cut before all was synced, may leave it."""
    package = copied(tmp_path)
    (package / "outer.py").write_text(OUTER)
    (package / "inner.py").write_text(INNER.format(step=1))
    lazily(tmp_path)
    (tmp_path / "kept" / cache.COMPLETE).touch()
    [broken] = (tmp_path / "kept").rglob(kind)
    broken.write_bytes(content)
    assert lazily(tmp_path)[:3] == ["_Uncalled", "CPUDispatcher", "0"]


def test_some_are_loaded_before_they_are_called() -> None:
    script = (
        "from headrace import kernels\nfrom headrace.kernels import hashing\n"
        "from headrace.kernels.series import table\n"
        "from headrace.kernels.answering import rate\n"
        "kernels.load_now('series', 'hashing')\n"
        "print(type(hashing.hash_name).__name__, type(table.lookup).__name__)\n"
        "print({one.__module__ for one in kernels._uncalled})"
    )
    answer = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)
    assert answer.stdout == "CPUDispatcher CPUDispatcher\n{'headrace.kernels.answering.rate'}\n"
