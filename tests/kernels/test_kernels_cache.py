"""Compiled kernels of another state of the sources are never used."""

from __future__ import annotations

import os
import shutil
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


def run(folder: Path) -> int:
    environment = {name: text for name, text in os.environ.items() if name != "NUMBA_CACHE_DIR"}
    script = "from headrace_kernels.outer import twice; print(twice(0))"
    answer = subprocess.run(
        [sys.executable, "-c", script], cwd=folder, env=environment, check=True, capture_output=True, text=True
    )
    return int(answer.stdout)


def test_a_kernel_that_is_inlined_elsewhere_changes_there_too(tmp_path: Path) -> None:
    package = tmp_path / "headrace_kernels"
    package.mkdir()
    shutil.copy(kernels.__file__, package / "__init__.py")
    (package / "outer.py").write_text(OUTER)
    (package / "inner.py").write_text(INNER.format(step=1))
    assert run(tmp_path) == 2
    assert list(package.glob("__pycache__/compiled-*/**/*.nbc")), "it was kept on disk"
    (package / "inner.py").write_text(INNER.format(step=5))
    assert run(tmp_path) == 10
