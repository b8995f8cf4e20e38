"""What the first start compiles, the next one finds."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numba
import pytest

from headrace import kernels
from headrace.compiling import UNUSED_S, tidy_cache
from headrace.kernels.cache import COMPLETE

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
    (package / "below").mkdir()
    for place in ("first", "below/second"):
        (package / f"{place}.py").write_text(MODULE.format(name=Path(place).name))
    assert run(tmp_path, SCRIPT) == "False True\n"
    compiled = {file.name.partition(".")[0] for file in (tmp_path / "cache").glob("**/*.nbi")}
    assert compiled == {"first", "second"}


def test_nothing_is_to_be_done_where_nothing_is_compiled(tmp_path: Path) -> None:
    script = "from headrace.compiling import are_compiled; print(are_compiled())"
    assert run(tmp_path, script, NUMBA_DISABLE_JIT="1") == "True\n"


def cache(beside: Path, name: str, *, age_s: float, complete: bool = True) -> Path:
    """The folder of some state of the kernels, last used so long ago."""
    folder = beside / name
    (folder / "kernels").mkdir(parents=True)
    (folder / "kernels" / "merge.nbi").write_bytes(b"compiled")
    then = time.time() - age_s
    if complete:
        (folder / COMPLETE).touch()
        os.utime(folder / COMPLETE, (then, then))
    os.utime(folder, (then, then))
    return folder


def test_caches_that_nobody_uses_are_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = cache(tmp_path, "compiled-own", age_s=2 * UNUSED_S)
    old = cache(tmp_path, "compiled-old", age_s=UNUSED_S + 60)
    broken_off = cache(tmp_path, "compiled-broken-off", age_s=UNUSED_S + 60, complete=False)
    used = cache(tmp_path, "compiled-used", age_s=UNUSED_S - 60)
    foreign = cache(tmp_path, "foreign", age_s=2 * UNUSED_S)
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(own))
    tidy_cache()
    assert [folder.exists() for folder in (own, old, broken_off, used, foreign)] == [True, False, False, True, True]
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(used))
    tidy_cache()
    assert own.exists(), "the start before this one used it"


def test_a_cache_folder_of_the_operators_choice_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old = cache(tmp_path, "compiled-old", age_s=2 * UNUSED_S)
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path / "mine"))
    tidy_cache()
    assert old.exists()
