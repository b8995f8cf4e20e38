"""SQLite on a disk that fails, dies and forgets: its own calls go through here, by a VFS in front of the usual one.

SQLite takes the calls that it makes of an open file from a table of functions. Of files below a watched folder it gets
a copy of that table in which what reads and changes the file is ours; locks and shared memory stay what they are. Only
where the interpreter's SQLite is a shared library, so that ctypes finds the one that is in use.
"""

from __future__ import annotations

import ctypes
import errno
import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from ctypes import CFUNCTYPE, POINTER, c_char_p, c_int, c_int64, c_void_p
from functools import cache
from pathlib import Path
from typing import Any, Protocol

OK, FULL, CANNOT_OPEN, NO_ENTRY = 0, 13, 14, 2
IO_READ, IO_WRITE, IO_FSYNC, IO_TRUNCATE, IO_DELETE = 266, 778, 1034, 1546, 2570
OPEN_CREATE = 0x4


class Watcher(Protocol):
    """What becomes of SQLite's calls (hunt_disk.Disk). All may raise OSError, and Died where they change something."""

    def sqlite_watches(self, path: Path) -> bool: ...
    def sqlite_read(self, path: Path) -> None: ...
    def sqlite_create(self, path: Path) -> None: ...
    def sqlite_change(self, path: Path, begin: int, end: int) -> int: ...
    def sqlite_sync(self, path: Path) -> None: ...
    def sqlite_delete(self, path: Path) -> None: ...


_OPEN = CFUNCTYPE(c_int, c_void_p, c_void_p, c_void_p, c_int, c_void_p)
_DELETE = CFUNCTYPE(c_int, c_void_p, c_void_p, c_int)
_CLOSE = CFUNCTYPE(c_int, c_void_p)
_MOVE_BYTES = CFUNCTYPE(c_int, c_void_p, c_void_p, c_int, c_int64)
_TRUNCATE = CFUNCTYPE(c_int, c_void_p, c_int64)
_SYNC = CFUNCTYPE(c_int, c_void_p, c_int)


class _Methods(ctypes.Structure):
    """sqlite3_io_methods."""

    _fields_ = [
        ("version", c_int),
        ("close", _CLOSE),
        ("read", _MOVE_BYTES),
        ("write", _MOVE_BYTES),
        ("truncate", _TRUNCATE),
        ("sync", _SYNC),
        ("others", c_void_p * 13),
    ]


class _Vfs(ctypes.Structure):
    """sqlite3_vfs."""

    _fields_ = [
        ("version", c_int),
        ("file_bytes", c_int),
        ("path_bytes", c_int),
        ("next", c_void_p),
        ("name", c_char_p),
        ("data", c_void_p),
        ("open", _OPEN),
        ("delete", _DELETE),
        ("others", c_void_p * 14),
    ]


class Shim:
    """One for the process, as SQLite keeps what it was once given. watcher: who is asked about calls, None: nobody."""

    def __init__(self, library: ctypes.CDLL) -> None:
        library.sqlite3_vfs_find.restype = POINTER(_Vfs)
        library.sqlite3_vfs_find.argtypes = [c_char_p]
        library.sqlite3_vfs_register.argtypes = [POINTER(_Vfs), c_int]
        self.watcher: Watcher | None = None
        self._register = library.sqlite3_vfs_register
        self._real = library.sqlite3_vfs_find(None)
        self._ours = _Vfs.from_buffer_copy(self._real.contents)
        self._ours.name, self._ours.next = b"headrace-hunt", None
        self._ours.open, self._ours.delete = _OPEN(self._open), _DELETE(self._delete)
        self._paths: dict[int, Path] = {}
        """Of each open file that is watched, by its address."""
        self._tables: dict[int, tuple[_Methods, _Methods]] = {}
        """Address of a table of SQLite's -> that table, and ours in its place."""
        self._real_table: dict[int, _Methods] = {}

    @contextmanager
    def in_use(self) -> Iterator[None]:
        """What connects in the block is watched as long as it is connected."""
        self._register(ctypes.byref(self._ours), 1)
        try:
            yield
        finally:
            self._register(self._real, 1)
            self.watcher = None

    def _asked(self, path: Path | None) -> Watcher | None:
        watches = path is not None and self.watcher is not None and self.watcher.sqlite_watches(path)
        return self.watcher if watches else None

    def _open(self, _: int, name: int | None, file: int, flags: int, out: int | None) -> int:
        path = Path(os.fsdecode(ctypes.string_at(name))) if name else None
        watcher = self._asked(path)
        if watcher is not None and path is not None:
            is_new = bool(flags & OPEN_CREATE) and not os.path.lexists(path)
            if not _allowed(lambda: watcher.sqlite_create(path) if is_new else watcher.sqlite_read(path)):
                return CANNOT_OPEN
        code: int = self._real.contents.open(ctypes.addressof(self._real.contents), name, file, flags, out)
        if code == OK and watcher is not None and path is not None:
            table = c_void_p.from_address(file)
            self._paths[file] = path
            real, ours = self._table(table.value or 0)
            self._real_table[file] = real
            table.value = ctypes.addressof(ours)
        return code

    def _table(self, address: int) -> tuple[_Methods, _Methods]:
        if address not in self._tables:
            real = _Methods.from_address(address)
            ours = _Methods.from_buffer_copy(real)
            ours.close, ours.read, ours.write = _CLOSE(self._close), _MOVE_BYTES(self._read), _MOVE_BYTES(self._write)
            ours.truncate, ours.sync = _TRUNCATE(self._truncate), _SYNC(self._sync)
            self._tables[address] = real, ours
        return self._tables[address]

    def _delete(self, _: int, name: int, sync_folder: int) -> int:
        path = Path(os.fsdecode(ctypes.string_at(name)))
        watcher = self._asked(path)
        if watcher is not None and os.path.lexists(path) and not _allowed(lambda: watcher.sqlite_delete(path)):
            return IO_DELETE
        code: int = self._real.contents.delete(ctypes.addressof(self._real.contents), name, sync_folder)
        return code

    def _close(self, file: int) -> int:
        del self._paths[file]
        code: int = self._real_table.pop(file).close(file)
        return code

    def _read(self, file: int, buffer: int, size: int, offset: int) -> int:
        path = self._paths[file]
        watcher = self._asked(path)
        if watcher is not None and not _allowed(lambda: watcher.sqlite_read(path)):
            return IO_READ
        code: int = self._real_table[file].read(file, buffer, size, offset)
        return code

    def _write(self, file: int, buffer: int, size: int, offset: int) -> int:
        path = self._paths[file]
        watcher = self._asked(path)
        write = self._real_table[file].write
        if watcher is not None:
            try:
                part = watcher.sqlite_change(path, offset, offset + size)
            except OSError as failure:
                return FULL if failure.errno == errno.ENOSPC else IO_WRITE
            if part < size:
                if part:
                    write(file, buffer, part, offset)
                return IO_WRITE
        code: int = write(file, buffer, size, offset)
        return code

    def _truncate(self, file: int, size: int) -> int:
        path = self._paths[file]
        watcher = self._asked(path)
        if watcher is not None and not _allowed(lambda: watcher.sqlite_change(path, size, size) >= 0):
            return IO_TRUNCATE
        code: int = self._real_table[file].truncate(file, size)
        return code

    def _sync(self, file: int, flags: int) -> int:
        path = self._paths[file]
        watcher = self._asked(path)
        if watcher is None:
            code: int = self._real_table[file].sync(file, flags)
            return code
        return OK if _allowed(lambda: watcher.sqlite_sync(path)) else IO_FSYNC


def _allowed(call: Callable[[], Any]) -> bool:
    try:
        call()
    except OSError:
        return False
    return True


@cache
def shim() -> Shim | None:
    """None where the interpreter has SQLite in itself."""
    sqlite3.connect(":memory:").close()  # it is loaded then
    for line in Path("/proc/self/maps").read_text().splitlines():
        if "/libsqlite3.so" in line:
            return Shim(ctypes.CDLL(line.split(maxsplit=5)[-1]))
    return None
