"""One server at a time on a data directory, whatever became of the one before."""

from __future__ import annotations

import errno
import fcntl
import os
import subprocess
import sys
from pathlib import Path

import pytest

from headrace.errors import Unavailable
from headrace.store.embedded.files.folder_lock import FolderLock


def test_the_second_is_told_who_is_first(tmp_path: Path) -> None:
    first = FolderLock(tmp_path)
    with pytest.raises(Unavailable, match=rf"process {os.getpid()}\) uses the data directory {tmp_path}"):
        FolderLock(tmp_path)
    first.release()
    FolderLock(tmp_path).release()


def test_who_removes_the_lock_file_lets_nobody_in(tmp_path: Path) -> None:
    first = FolderLock(tmp_path)
    (tmp_path / "lock").unlink()
    with pytest.raises(Unavailable, match="another server"):
        FolderLock(tmp_path)
    first.release()
    FolderLock(tmp_path).release()


def test_a_directory_that_was_moved_is_not_taken_for_another(tmp_path: Path) -> None:
    data, away = tmp_path / "data", tmp_path / "away"
    data.mkdir()
    lock = FolderLock(data)
    lock.check()
    data.rename(away)
    with pytest.raises(Unavailable, match="is not there any more"):
        lock.check()
    data.mkdir()
    with pytest.raises(Unavailable, match="was moved away"):
        lock.check()
    data.rmdir()
    away.rename(data)
    lock.check()
    lock.release()


def test_a_disk_that_does_not_say_what_is_locked_is_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(descriptor: int) -> os.stat_result:
        raise OSError(errno.ESTALE, os.strerror(errno.ESTALE))

    lock = FolderLock(tmp_path)
    with monkeypatch.context() as disk:
        disk.setattr(os, "fstat", fail)
        with pytest.raises(Unavailable, match="Stale file handle"):
            lock.check()
    lock.check()
    lock.release()


def test_another_directory_is_free(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    one, other = FolderLock(tmp_path / "a"), FolderLock(tmp_path / "b")
    one.release()
    other.release()


def test_who_is_killed_holds_nothing(tmp_path: Path) -> None:
    program = "import sys, pathlib, time; from headrace.store.embedded.files.folder_lock import FolderLock\n"
    program += "lock = FolderLock(pathlib.Path(sys.argv[1])); print('held', flush=True); time.sleep(60)"
    with subprocess.Popen([sys.executable, "-c", program, str(tmp_path)], stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(Unavailable, match=f"process {holder.pid}"):
            FolderLock(tmp_path)
        holder.kill()
    FolderLock(tmp_path).release()


def test_a_directory_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="gone"):
        FolderLock(tmp_path / "gone")


def test_a_full_disk_is_no_reason_to_stay_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as full:
        full.setattr(os, "pwrite", fail)
        first = FolderLock(tmp_path)
    with pytest.raises(Unavailable, match=r"another server \(process unknown\)"):
        FolderLock(tmp_path)
    first.release()


def test_a_disk_that_does_not_lock_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    before = len(list(Path("/proc/self/fd").iterdir()))
    with monkeypatch.context() as failing:
        failing.setattr(fcntl, "flock", fail)
        with pytest.raises(Unavailable, match=r"cannot lock .*: Input/output error"):
            FolderLock(tmp_path)
    assert len(list(Path("/proc/self/fd").iterdir())) == before
