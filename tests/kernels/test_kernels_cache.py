"""Compiled kernels of another state of the sources are never used."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from headrace import kernels

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
