"""A file is read from the disk, step by step."""

from __future__ import annotations

import io
import os
from contextlib import closing
from pathlib import Path

import pytest

from headrace import limits
from headrace.store.embedded.files.disk_file import DiskFile


def is_cached(path: Path) -> bool:
    """Whether the kernel has the first page of the file in memory."""
    with path.open("rb") as file:
        try:
            return os.preadv(file.fileno(), [bytearray(1)], 0, os.RWF_NOWAIT) == 1
        except BlockingIOError:
            return False
        except OSError as refusal:
            pytest.skip(f"this file system does not tell: {refusal}")


def in_memory(path: Path) -> Path:
    """A file that is on the disk, and in the kernel's memory."""
    with path.open("wb") as file:
        file.write(b"x" * 100_000)
        file.flush()
        os.fsync(file.fileno())
    assert path.read_bytes()
    assert is_cached(path)
    return path


def test_what_the_kernel_remembers_is_read_again(tmp_path: Path) -> None:
    with in_memory(tmp_path / "another").open("rb") as another:
        os.posix_fadvise(another.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    if is_cached(tmp_path / "another"):
        pytest.skip("this file system has nothing but memory")
    path = in_memory(tmp_path / "file")
    with closing(DiskFile(path, lambda _: None)) as opened:
        assert not is_cached(path)
        assert opened.read() == b"x" * 100_000
    assert is_cached(path)


def test_each_step_is_told_before_it_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "SCRUB_READ_BYTES", 4)
    path = tmp_path / "file"
    path.write_bytes(b"0123456789")
    told: list[int] = []
    with closing(DiskFile(path, told.append)) as file:
        assert file.seek(-9, io.SEEK_END) == 1
        assert file.read(6) == b"123456"
        assert (told, file.tell()) == ([4, 2], 7)
        assert file.read(10) == b"789"
        assert file.read(1) == b""
        assert file.seek(2) == 2
        assert file.read(1) == b"2"


def test_what_the_caller_raises_ends_the_reading(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"0123456789")

    def stop(_: int) -> None:
        raise KeyError("stop")

    with closing(DiskFile(path, stop)) as file, pytest.raises(KeyError, match="stop"):
        file.read(1)
