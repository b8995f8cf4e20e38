"""What is said of the compiled kernels before a start."""

from __future__ import annotations

import zlib
from pathlib import Path

import pytest

from headrace.kernels import cache
from headrace.kernels.cache import KERNELS
from headrace.loading import load
from headrace.preflight.findings import Finding
from headrace.preflight.kept_kernels import kept_kernels


def test_where_they_are_or_will_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(cache.HOME_VARIABLE, str(tmp_path))
    folder = cache.place(tmp_path).folder
    assert folder is not None
    folder.mkdir()
    (folder / KERNELS).write_bytes(b"all" + zlib.crc32(b"all").to_bytes(4, "little"))
    assert kept_kernels(load({})) == f"compiled, in {folder}"
    monkeypatch.setattr(cache, "_homes", lambda last_resort: iter((tmp_path / "new",)))
    assert kept_kernels(load({})) == (
        f"the first start compiles them, for up to a minute, into {cache.place(tmp_path / 'new').folder}"
    )
    assert not (tmp_path / "new").exists()


def test_a_folder_that_is_named_for_them_and_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv(cache.HOME_VARIABLE, str(tmp_path / "file"))
    found = kept_kernels(load({"data_dir": str(tmp_path)}))
    assert isinstance(found, Finding)
    assert not found.is_error
    assert found.what.startswith(f"HEADRACE_CACHE_DIR={tmp_path / 'file'} has no kernels for this processor")


def test_no_folder_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(cache.HOME_VARIABLE, raising=False)
    monkeypatch.setattr(cache, "find", lambda last_resort: cache.IN_MEMORY)
    found = kept_kernels(load({}))
    assert isinstance(found, Finding)
    assert found.what.startswith("kernels: each start compiles them, for a minute or two, as no folder can be written")
