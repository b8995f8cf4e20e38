"""A file is there whole or not at all."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from headrace.store.embedded.files import durable
from headrace.store.embedded.files.durable import make_folder, replaced_file, sync_folder
from headrace.store.embedded.files.names import TEMPORARY_SUFFIX, points_file, series_file


def test_a_file_appears_when_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")
    with replaced_file(path) as file:
        file.write(b"new")
        assert path.read_bytes() == b"old"
        assert (tmp_path / ("file" + TEMPORARY_SUFFIX)).exists()
    assert path.read_bytes() == b"new"
    assert [entry.name for entry in tmp_path.iterdir()] == ["file"]


def test_a_failed_sync_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")
    synced: list[int] = []

    def fail(descriptor: int) -> None:
        synced.append(os.fstat(descriptor).st_size)
        raise OSError(errno.EIO, "failed")

    monkeypatch.setattr(durable, "sync_file", fail)
    with pytest.raises(OSError, match="failed"), replaced_file(path) as file:
        file.write(b"newer")
    assert path.read_bytes() == b"old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["file"]
    assert synced == [5]  # all bytes had left our buffer, and there was no second try


def test_a_folder_that_is_not_there_cannot_be_synced(tmp_path: Path) -> None:
    sync_folder(tmp_path)
    with pytest.raises(FileNotFoundError):
        sync_folder(tmp_path / "none")


def test_the_name_of_a_new_folder_is_on_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[Path] = []
    monkeypatch.setattr(durable, "sync_folder", synced.append)
    for _ in range(2):
        make_folder(tmp_path / "a" / "b" / "c")
    assert sorted(synced[:3]) == [tmp_path, tmp_path / "a", tmp_path / "a" / "b"]
    assert synced[3:] == [tmp_path / "a" / "b"]


def test_a_folder_in_one_that_may_not_be_read_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(folder: Path) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(durable, "sync_folder", refuse)
    make_folder(tmp_path / "a")
    assert (tmp_path / "a").is_dir()


def test_names_sort_in_the_order_of_versions() -> None:
    assert points_file(9, 9) < points_file(10, 99) < points_file(100, 100) < points_file(10**12, 10**12)
    assert series_file(9, 20) < series_file(10, 11)
