"""Where kernels are looked for and kept: whoever runs a server, and whatever can be written."""

from __future__ import annotations

import os
import platform
import time
import zlib
from collections.abc import Iterator
from pathlib import Path

import llvmlite.binding
import pytest

from headrace.kernels import cache
from headrace.kernels.cache import IN_MEMORY, KERNELS, NATIVE, UNUSED_S, Cache

WHOLE = b"machine code" + zlib.crc32(b"machine code").to_bytes(4, "little")
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
    monkeypatch.setattr(cache, "__file__", str(tmp_path / "package" / "cache.py"))
    cache._digest.cache_clear()
    monkeypatch.setattr(cache, "_digest", lambda: "digest")
    return found


def make(home: Path, target: str = NATIVE) -> Cache:
    made = cache.place(home, target)
    assert made.folder is not None
    made.folder.mkdir(parents=True)
    (made.folder / KERNELS).write_bytes(WHOLE)
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


def kept(beside: Path, name: str, *, age_s: float, complete: bool = True) -> Path:
    """The folder of some state of the kernels, last used so long ago."""
    folder = beside / name
    folder.mkdir()
    then = time.time() - age_s
    if complete:
        (folder / KERNELS).write_bytes(WHOLE)
        os.utime(folder / KERNELS, (then, then))
    os.utime(folder, (then, then))
    return folder


def test_caches_that_nobody_uses_are_removed(tmp_path: Path) -> None:
    own = kept(tmp_path, "compiled-own", age_s=2 * UNUSED_S)
    old = kept(tmp_path, "compiled-old", age_s=UNUSED_S + 60)
    broken_off = kept(tmp_path, "compiled-broken-off", age_s=UNUSED_S + 60, complete=False)
    in_own = kept(own, "making-begun", age_s=UNUSED_S + 60, complete=False)
    used = kept(tmp_path, "compiled-used", age_s=UNUSED_S - 60)
    foreign = kept(tmp_path, "foreign", age_s=2 * UNUSED_S)
    cache.use(Cache(own))
    cache.tidy()
    there = [folder.exists() for folder in (own, old, broken_off, in_own, used, foreign)]
    assert there == [True, False, False, False, True, True]
    cache.use(Cache(used))
    cache.tidy()
    assert own.exists(), "the start before this one used it"
