"""Reads that fail: whatever the store reads below a folder is asked for first."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

import pyarrow as pa

_REAL_OPEN, _REAL_STAT, _REAL_SCANDIR, _REAL_LISTDIR = os.open, os.stat, os.scandir, os.listdir
_REAL_PREADV, _REAL_PREAD, _REAL_OS_FILE = os.preadv, os.pread, pa.OSFile

Read = Callable[[str], None]
"""Called before a read, with what is read. Raises OSError when that is to fail."""


class ReadFile(io.FileIO):
    """A file opened for reading."""

    def __init__(self, path: Path, read: Read) -> None:
        read(f"open {path.name}")
        super().__init__(path, "rb")
        self._path = path
        self._read = read

    def read(self, size: int | None = -1, /) -> Any:
        self._read(f"read {self._path.name}")
        return super().read(-1 if size is None else size)

    def readall(self) -> Any:
        self._read(f"read {self._path.name}")
        return super().readall()

    def readinto(self, buffer: Any, /) -> Any:
        self._read(f"read {self._path.name}")
        return super().readinto(buffer)


@contextmanager
def reading_patches(root: Path, read: Read) -> Iterator[None]:
    """In the block, reads below `root` call `read` first: Path.open, what it looks up about files and folders, and what
    Arrow reads. mmap is not used by the store."""

    def is_below(path: Any) -> bool:
        return isinstance(path, str | Path) and (Path(path) == root or root in Path(path).parents)

    def os_open(path: Any, flags: int, mode: int = 0o777, **keywords: Any) -> int:
        if is_below(path):
            read(f"open {path}")
        return _REAL_OPEN(path, flags, mode, **keywords)

    def stat(path: Any, **keywords: Any) -> os.stat_result:
        if is_below(path):
            read(f"stat {path}")
        return _REAL_STAT(path, **keywords)

    def scandir(path: Any = ".") -> Any:
        if is_below(path):
            read(f"list {path}")
        return _REAL_SCANDIR(path)

    def listdir(path: Any = ".") -> Any:
        if is_below(path):
            read(f"list {path}")
        return _REAL_LISTDIR(path)

    def preadv(descriptor: int, buffers: Sequence[Any], offset: int, flags: int = 0) -> int:
        read(f"preadv at {offset}")
        return _REAL_PREADV(descriptor, buffers, offset, flags)

    def pread(descriptor: int, size: int, offset: int) -> bytes:
        read(f"pread at {offset}")
        return _REAL_PREAD(descriptor, size, offset)

    def os_file(path: str) -> Any:
        return pa.PythonFile(ReadFile(Path(path), read), "r") if is_below(path) else _REAL_OS_FILE(path)

    real_path_open = Path.open

    def path_open(path: Path, mode: str = "r", buffering: int = -1, *arguments: Any, **keywords: Any) -> Any:
        if mode != "rb" or not is_below(path):
            return real_path_open(path, mode, buffering, *arguments, **keywords)
        raw = ReadFile(path, read)
        return raw if buffering == 0 else io.BufferedReader(raw)

    calls = {
        "open": os_open,
        "stat": stat,
        "scandir": scandir,
        "listdir": listdir,
        "preadv": preadv,
        "pread": pread,
    }
    with ExitStack() as stack:
        for name, call in calls.items():
            stack.enter_context(mock.patch.object(os, name, call))
        stack.enter_context(mock.patch.object(Path, "open", path_open))
        stack.enter_context(mock.patch.object(pa, "OSFile", os_file))
        yield
