"""Where kernels are looked for and kept: whoever runs a server, and whatever can be written."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import llvmlite.binding
import pytest
from powerless import close, without_power_over_files
from test_kernels_cache import copied

from headrace.kernels import cache
from headrace.kernels.cache import COMPLETE, IN_MEMORY, NATIVE, Cache

X86 = pytest.mark.skipif(platform.machine() != "x86_64", reason="levels of x86-64")


@pytest.fixture(autouse=True)
def as_it_was() -> Iterator[None]:
    before = cache.in_use()
    yield
    cache.use(before)


@pytest.fixture
def homes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Those that are looked into, in their order; none is there yet."""
    found = [tmp_path / name for name in ("given", "package/__pycache__", "user/headrace", "data/cache")]
    (tmp_path / "package").mkdir()
    monkeypatch.setenv("HEADRACE_CACHE_DIR", str(found[0]))
    monkeypatch.setenv("XDG_CACHE_HOME", str(found[2].parent))
    monkeypatch.delenv("NUMBA_CACHE_DIR", raising=False)
    monkeypatch.setattr(cache, "__file__", str(tmp_path / "package" / "cache.py"))
    cache._digest.cache_clear()
    monkeypatch.setattr(cache, "_digest", lambda: "digest")
    return found


def make(home: Path, target: str = NATIVE) -> Cache:
    made = cache.place(home, target)
    assert made.folder is not None
    made.folder.mkdir(parents=True)
    (made.folder / COMPLETE).touch()
    return made


def test_the_first_home_that_can_be_written_keeps_them(homes: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda path, mode: not any(Path(path) == home for home in refused))
    refused: list[Path] = []
    for number, home in enumerate(homes):
        assert cache.find(homes[3]) == cache.place(home)
        home.mkdir(parents=True)
        refused = homes[: number + 1]
    assert cache.find(homes[3]) == IN_MEMORY
    assert not cache.find(homes[3]).is_complete


@pytest.mark.parametrize("place", range(4))
def test_a_complete_one_is_found_wherever_it_is_and_need_not_be_writable(
    homes: list[Path], place: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = make(homes[place])
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    assert cache.find(homes[3]) == made
    assert made.is_complete


def test_one_that_was_not_completed_is_none(homes: list[Path]) -> None:
    folder = cache.place(homes[1]).folder
    assert folder is not None
    folder.mkdir(parents=True)
    assert cache.find() == cache.place(homes[0])


@X86
def test_what_is_for_many_processors_is_taken_where_ours_has_what_it_needs(
    homes: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    make(homes[0], "x86-64-v2")
    v3 = make(homes[0], "x86-64-v3")
    has = dict.fromkeys(cache._V3, True)
    monkeypatch.setattr(llvmlite.binding, "get_host_cpu_features", lambda: llvmlite.binding.targets.FeatureMap(has))
    cache._native_name.cache_clear()
    assert cache.find() == v3
    assert v3.cpu == "x86-64-v3"
    has["fma"] = False
    assert cache.find().cpu == "x86-64-v2"
    has["popcnt"] = False
    assert cache.find() == cache.place(homes[0])
    has |= dict.fromkeys(cache._V3, True)
    native = make(homes[0])
    assert cache.find() == native
    cache._native_name.cache_clear()


def test_a_user_without_a_home(homes: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    def nowhere() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setattr(Path, "home", nowhere)
    assert cache.find() == cache.place(homes[0])


def test_where_an_operator_has_them_made(homes: list[Path], tmp_path: Path) -> None:
    assert cache.where_to_make(None, NATIVE) == cache.place(homes[0])
    assert cache.where_to_make(tmp_path / "into", NATIVE) == cache.place(tmp_path / "into")
    (tmp_path / "file").touch()
    assert cache.where_to_make(tmp_path / "file", NATIVE) == IN_MEMORY
    assert set(cache.targets()) >= {NATIVE}


MODULE: str = """
from headrace_kernels import int64, kernel

@kernel(int64(int64))
def one_more(number):
    return number + 1
"""
SCRIPT: str = """
import pathlib, sys
from headrace_kernels import cache
cache.use(cache.Cache(pathlib.Path(sys.argv[1]) if sys.argv[1] else None, sys.argv[2] or None))
from headrace_kernels.module import one_more
assert one_more(1) == 2
print(sum(one_more.stats.cache_hits.values()))
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    package = copied(tmp_path)
    (package / "module.py").write_text(MODULE)
    return tmp_path


def hits(folder: Path, kept: Path | str, cpu: str = "") -> int:
    """How many kernels a new process did not compile."""
    command = [*without_power_over_files(), sys.executable, "-c", SCRIPT, str(kept), cpu]
    environment = {**os.environ, "HOME": "/nonexistent", "PYTHONDONTWRITEBYTECODE": "1"}
    return int(subprocess.run(command, cwd=folder, env=environment, check=True, capture_output=True, text=True).stdout)


def test_kernels_are_loaded_from_what_nobody_may_write(folder: Path) -> None:
    kept = folder / "kept"
    assert hits(folder, kept) == 0
    assert hits(folder, kept) == 1
    moved = folder / "image"
    kept.rename(moved)
    close(moved)
    assert hits(folder, moved) == 1


def test_what_cannot_be_kept_is_compiled_in_memory(folder: Path) -> None:
    closed = folder / "closed"
    closed.mkdir(mode=0o555)
    assert hits(folder, closed / "below") == 0
    assert hits(folder, "") == 0
    assert list(closed.iterdir()) == []


@X86
def test_for_another_target_they_are_others(folder: Path) -> None:
    kept = folder / "kept"
    for cpu, found in (("x86-64-v2", 0), ("x86-64-v2", 1), ("", 0), ("x86-64-v2", 1)):
        assert hits(folder, kept, cpu) == found
