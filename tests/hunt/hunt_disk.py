"""A disk that fails, dies and forgets: what a store does to the files below a folder goes through here.

Every call that changes something is counted, so that a seed can say at which one the process dies or the disk fails.
And it is remembered what was never synced, so that a power cut can take it: bytes behind the last fsync of a file,
names behind the last fsync of their folder. SQLite writes past this, and is trusted with its own files.
"""

from __future__ import annotations

import errno
import io
import os
import shutil
import stat
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from random import Random
from types import SimpleNamespace
from typing import Any
from unittest import mock

SECTOR_BYTES = 512

_REAL_UNLINK, _REAL_REPLACE, _REAL_OPEN = os.unlink, os.replace, Path.open
_REAL_PWRITEV, _REAL_FTRUNCATE = os.pwritev, os.ftruncate


class Died(BaseException):
    """The process is gone. Not an Exception: nothing that handles those may go on after it."""


@dataclass(frozen=True)
class Fault:
    """call: the first to be hit, 1 is the next one.   calls: how many fail from there on.   error: their errno, or None
    when the process dies at the first of them.   part: how much of a write still happens, 0..1."""

    call: int
    calls: int = 1
    error: int | None = None
    part: float = 0.0


@dataclass(frozen=True)
class _Change:
    """An unsynced change of names. name, other: relative to the folder; a rename makes `other` of it.   saved: a link
    to what the change took away, in a folder of its own."""

    kind: str
    name: str
    other: str = ""
    saved: Path | None = None


class Disk:
    def __init__(self, root: Path, attic: Path) -> None:
        """root: all below it is watched.   attic: an empty folder on the same file system."""
        self.root = root
        self.dead = False
        self.calls = 0
        self.hits = 0
        self.full = False
        self._fault: Fault | None = None
        self._attic = attic
        self._saved = 0
        self._synced: dict[int, int] = {}  # inode -> bytes on disk; of others all are
        self._lost: set[int] = set()  # inodes whose sync failed: another one that succeeds says nothing
        self._before_cut: dict[int, bytes] = {}  # inode -> content that an unsynced truncation took
        self._changes: dict[Path, list[_Change]] = {}

    def arm(self, fault: Fault | None) -> None:
        self.calls = self.hits = 0
        self._fault = fault

    @contextmanager
    def watching(self) -> Iterator[None]:
        patches: dict[str, Callable[..., Any]] = {
            "fsync": self._fsync,
            "fdatasync": self._fsync,
            "pwritev": self._pwritev,
            "ftruncate": self._ftruncate,
            "replace": self._replace,
            "rename": self._replace,
            "unlink": self._unlink,
            "statvfs": self._statvfs,
        }
        disk = self

        def opened(path: Path, mode: str = "r", *arguments: Any, **keywords: Any) -> Any:
            if disk.root not in path.parents or mode not in ("wb", "r+b"):
                return _REAL_OPEN(path, mode, *arguments, **keywords)
            return disk._open(path, mode)

        with ExitStack() as stack:
            for name, call in patches.items():
                stack.enter_context(mock.patch.object(os, name, call))
            stack.enter_context(mock.patch.object(Path, "open", opened))
            yield

    def _is_dead_at(self, what: str) -> bool:
        """Count a call. True once the process is dead: cleaning up after that changes nothing. Raises Died, OSError."""
        if self.dead:
            return True
        self.calls += 1
        fault = self._fault
        if fault is not None and fault.call <= self.calls < fault.call + fault.calls:
            self.hits += 1
            if fault.error is None:
                self.dead = True
                raise Died(f"at call {self.calls}, {what}")
            raise OSError(fault.error, f"{os.strerror(fault.error)} (call {self.calls}, {what})")
        return False

    def _part(self, size: int) -> int:
        """How many bytes a write that fails writes all the same."""
        return int(size * self._fault.part) if self._fault is not None else 0

    def _open(self, path: Path, mode: str) -> Any:
        fresh = mode == "wb"
        if fresh and self._is_dead_at(f"create {path.name}"):
            return io.BytesIO()
        if fresh and not path.exists():
            self._note(path, _Change("create", path.name))
        raw = _File(path, mode, self)
        if fresh:
            self._forget(raw.inode)
            self._synced[raw.inode] = 0
        return io.BufferedWriter(raw) if fresh else io.BufferedRandom(raw)

    def _fsync(self, descriptor: int) -> None:
        status = os.fstat(descriptor)
        try:
            if self._is_dead_at("fsync"):
                return
        except OSError:
            self._lost.add(status.st_ino)
            raise
        if stat.S_ISDIR(status.st_mode):
            for change in self._changes.pop(Path(f"/proc/self/fd/{descriptor}").readlink(), []):
                self._discard(change)
        elif status.st_ino in self._synced and status.st_ino not in self._lost:
            self._synced[status.st_ino] = status.st_size
            self._before_cut.pop(status.st_ino, None)

    def _pwritev(self, descriptor: int, buffers: Sequence[Any], offset: int) -> int:
        whole = b"".join(buffers)
        status = os.fstat(descriptor)
        # What is overwritten is as unsure as what is appended.
        self._synced[status.st_ino] = min(self._synced.get(status.st_ino, status.st_size), offset)
        try:
            if self._is_dead_at("pwritev"):
                return len(whole)
        except (Died, OSError):
            _REAL_PWRITEV(descriptor, [whole[: self._part(len(whole))]], offset)
            raise
        # The kernel may take less than it is given.
        taken = whole if self.calls % 3 else whole[: max(1, len(whole) // 2)]
        return _REAL_PWRITEV(descriptor, [taken], offset)

    def _ftruncate(self, descriptor: int, size: int) -> None:
        if not self._is_dead_at("ftruncate"):
            self.keep_before_cut(descriptor, size)
            _REAL_FTRUNCATE(descriptor, size)

    def keep_before_cut(self, descriptor: int, size: int) -> None:
        inode = os.fstat(descriptor).st_ino
        content = Path(f"/proc/self/fd/{descriptor}").read_bytes()
        self._before_cut.setdefault(inode, content)
        self._synced[inode] = min(self._synced.get(inode, len(content)), size)

    def _replace(self, source: Any, target: Any, **keywords: Any) -> None:
        source, target = Path(source), Path(target)
        if self.root not in target.parents:
            return _REAL_REPLACE(source, target, **keywords)
        if self._is_dead_at(f"rename to {target.name}"):
            return None
        before = os.path.relpath(source, target.parent)
        self._note(target, _Change("rename", before, target.name, self._save(target)))
        return _REAL_REPLACE(source, target)

    def _unlink(self, path: Any, **keywords: Any) -> None:
        path = Path(path)
        if self.root not in path.parents:
            return _REAL_UNLINK(path, **keywords)
        if self._is_dead_at(f"unlink {path.name}"):
            return None
        saved = self._save(path)
        _REAL_UNLINK(path)
        return self._note(path, _Change("unlink", path.name, saved=saved))

    def _statvfs(self, path: Any) -> SimpleNamespace:
        return SimpleNamespace(f_bavail=0 if self.full else 1 << 30, f_frsize=1024)

    def _note(self, path: Path, change: _Change) -> None:
        self._changes.setdefault(path.parent, []).append(change)

    def _save(self, path: Path) -> Path | None:
        if not path.exists():
            return None
        self._saved += 1
        saved = self._attic / str(self._saved)
        os.link(path, saved)
        return saved

    def _discard(self, change: _Change) -> None:
        if change.saved is not None:
            status = change.saved.stat()
            _REAL_UNLINK(change.saved)
            if status.st_nlink == 1:
                self._forget(status.st_ino)

    def _forget(self, inode: int) -> None:
        self._synced.pop(inode, None)
        self._before_cut.pop(inode, None)
        self._lost.discard(inode)

    def copy_after_kill(self, target: Path) -> None:
        """What a new process finds after the old one was killed: all that reached the kernel."""
        shutil.copytree(self.root, target)

    def copy_after_power_cut(self, target: Path, chance: Random) -> None:
        """What may be left after a power cut: of what was never synced, any part."""
        self.copy_after_kill(target)
        for path in sorted(self.root.rglob("*")):
            if path.is_file():
                self._spoil(path, target / path.relative_to(self.root), chance)
        for folder in sorted(self._changes):
            changes = self._changes[folder]
            kept = chance.choice([0, len(changes), chance.randint(0, len(changes))])
            for change in reversed(changes[kept:]):
                self._undo(change, target / folder.relative_to(self.root), chance)

    def _spoil(self, path: Path, copy: Path, chance: Random) -> None:
        status = path.stat()
        content = path.read_bytes()
        before_cut = self._before_cut.get(status.st_ino)
        if before_cut is not None and chance.random() < 0.5:
            content = before_cut
        synced = min(self._synced.get(status.st_ino, len(content)), len(content))
        if synced == len(content):
            copy.write_bytes(content)
            return
        tail = bytearray(content[synced:])
        match chance.choice(["all", "none", "cut", "zeros", "hole", "patches"]):
            case "none":
                tail = bytearray()
            case "cut":
                del tail[chance.randrange(len(tail)) :]
            case "zeros":
                tail = bytearray(len(tail))
            case "hole":
                sectors = _sectors(synced, len(content))
                begin = chance.randrange(len(sectors))
                for sector in sectors[begin : chance.randint(begin, len(sectors))]:
                    tail[sector] = bytes(sector.stop - sector.start)
            case "patches":
                for sector in _sectors(synced, len(content)):
                    if chance.random() < 0.5:
                        tail[sector] = bytes(sector.stop - sector.start)
        copy.write_bytes(content[:synced] + tail)

    def _undo(self, change: _Change, folder: Path, chance: Random) -> None:
        path = folder / change.name
        if change.kind == "create":
            path.unlink(missing_ok=True)
            return
        if change.kind == "rename":
            _REAL_REPLACE(folder / change.other, path)
            path = folder / change.other
        if change.saved is not None:
            self._spoil(change.saved, path, chance)


def _sectors(begin: int, end: int) -> list[slice]:
    """What a disk writes whole or not at all, of bytes begin .. end - 1 of a file, counted from `begin`."""
    edges = [begin, *range(begin - begin % SECTOR_BYTES + SECTOR_BYTES, end, SECTOR_BYTES), end]
    return [slice(first - begin, last - begin) for first, last in pairwise(edges)]


class _File(io.FileIO):
    """A file opened for writing through Path.open."""

    def __init__(self, path: Path, mode: str, disk: Disk) -> None:
        super().__init__(path, mode)
        self.inode = os.fstat(self.fileno()).st_ino
        self._disk = disk

    def write(self, data: Any, /) -> int:
        view = memoryview(data).cast("B")
        try:
            if self._disk._is_dead_at("write"):
                return len(view)
        except (Died, OSError):
            super().write(view[: self._disk._part(len(view))])
            raise
        return super().write(view)

    def truncate(self, size: int | None = None, /) -> int:
        size = self.tell() if size is None else size
        if not self._disk._is_dead_at("truncate"):
            self._disk.keep_before_cut(self.fileno(), size)
            super().truncate(size)
        return size


ERRORS = (errno.EIO, errno.ENOSPC)
