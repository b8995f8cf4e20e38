"""`headrace compile`: into which folder, and for what; that what it makes is found is tests/kernels/test_cache.py."""

from __future__ import annotations

import errno
import platform
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from headrace import cli
from headrace.commands.compiled import ensure_compiled
from headrace.kernels import cache
from headrace.kernels.cache import KERNELS, NATIVE
from headrace.kernels.making import compiling
from headrace.kernels.making.compiling import UnlinkableError


@pytest.fixture(autouse=True)
def as_it_was() -> Iterator[None]:
    before = cache.in_use()
    yield
    cache.use(before)


def compiled(*arguments: str) -> Result:
    return CliRunner().invoke(cli.main, ["compile", *arguments])


@pytest.mark.parametrize("target", cache.targets())
def test_what_is_there_is_not_made_again(tmp_path: Path, target: str) -> None:
    folder = cache.place(tmp_path, target).folder
    assert folder is not None
    folder.mkdir()
    (folder / KERNELS).write_bytes(b"all" + zlib.crc32(b"all").to_bytes(4, "little"))
    result = compiled("--into", str(tmp_path), "--target", target)
    assert (result.exit_code, result.stdout) == (0, f"compiled for {target} into {folder}\n")
    assert cache.in_use().cpu == (None if target == NATIVE else target)


def test_portable_is_for_every_machine_of_this_kind(tmp_path: Path) -> None:
    levels = {"x86_64": ["x86-64-v3", "x86-64-v2"], "aarch64": ["generic"]}[platform.machine()]
    said = ""
    for level in levels:
        folder = cache.place(tmp_path, level).folder
        assert folder is not None
        folder.mkdir()
        (folder / KERNELS).write_bytes(b"all" + zlib.crc32(b"all").to_bytes(4, "little"))
        said += f"compiled for {level} into {folder}\n"
    assert compiled("--into", str(tmp_path), "--target", "portable").stdout == said


def test_mistakes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    result = compiled("--target", "pdp-11")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith("headrace: pdp-11 is no target here: take native")
    monkeypatch.setattr(cache, "_is_writable", lambda home: False)
    result = compiled("--into", str(tmp_path))
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == "headrace: no folder can be written that a server looks into: name one by --into\n"


@pytest.mark.parametrize(
    ("failure", "said"),
    [
        (UnlinkableError("a try of them ended with -11"), "another than those tried (a try of them ended with -11)"),
        (OSError(errno.ENOSPC, "No space left on device"), "(No space left on device): this start compiles once more"),
    ],
)
def test_a_start_goes_on_without_what_cannot_be_kept(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    failure: Exception,
    said: str,
) -> None:
    def fails() -> None:
        raise failure

    monkeypatch.setattr(cache, "find", lambda last_resort: cache.place(tmp_path))
    monkeypatch.setattr(compiling, "compile_all", fails)
    ensure_compiled()
    assert cache.in_use() == cache.IN_MEMORY
    _, warning = capsys.readouterr().err.splitlines()
    assert said in warning


def test_a_start_that_can_keep_nothing_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(cache, "find", lambda last_resort: cache.IN_MEMORY)
    ensure_compiled()
    said = capsys.readouterr().err
    assert said.startswith("Compiling for this machine, as each start does that finds no folder")
    assert said.count("\n") == 1
