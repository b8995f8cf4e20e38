"""What the first start compiles, the next one finds."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from headrace import kernels

MODULE = """
from headrace_kernels import int64, kernel

@kernel(int64(int64))
def {name}(number):
    return number + 1
"""
SCRIPT = """
import headrace_kernels
from headrace.compiling import are_compiled, compile_all
before = are_compiled()
compile_all(headrace_kernels)
print(before, are_compiled())
"""


def run(folder: Path, script: str, **environment: str) -> str:
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(folder / "cache"), **environment}
    answer = subprocess.run(
        [sys.executable, "-c", script], cwd=folder, env=environment, check=True, capture_output=True, text=True
    )
    return answer.stdout


def test_every_module_is_in_the_cache_once_all_are_compiled(tmp_path: Path) -> None:
    package = tmp_path / "headrace_kernels"
    package.mkdir()
    shutil.copy(kernels.__file__, package / "__init__.py")
    for name in ("first", "second"):
        (package / f"{name}.py").write_text(MODULE.format(name=name))
    assert run(tmp_path, SCRIPT) == "False True\n"
    compiled = {file.name.partition(".")[0] for file in (tmp_path / "cache").glob("**/*.nbi")}
    assert compiled == {"first", "second"}


def test_nothing_is_to_be_done_where_nothing_is_compiled(tmp_path: Path) -> None:
    script = "from headrace.compiling import are_compiled; print(are_compiled())"
    assert run(tmp_path, script, NUMBA_DISABLE_JIT="1") == "True\n"
