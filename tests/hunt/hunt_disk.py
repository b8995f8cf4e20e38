"""A disk that fails, dies and forgets: what a store does to the files below a folder goes through here.

Every call is counted, those that change something, those that read (hunt_reads) and SQLite's changes of its own files
(hunt_sqlite), so that a seed can say at which one the process dies or the disk fails. And it is remembered what was
never synced, so that a power cut can take it: bytes behind the last fsync of a file, names behind the last fsync of
their folder.
"""

from __future__ import annotations

import errno
import io
import os
import shutil
import stat
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from enum import Enum
from itertools import pairwise
from pathlib import Path
from random import Random
from types import SimpleNamespace
from typing import Any
from unittest import mock

from hunt_images import SECTOR_BYTES, Image
from hunt_reads import reading_patches

_REAL_UNLINK, _REAL_REPLACE, _REAL_OPEN = os.unlink, os.replace, Path.open
_REAL_PWRITEV, _REAL_FTRUNCATE = os.pwritev, os.ftruncate


class Died(BaseException):
    """The process is gone. Not an Exception: nothing that handles those may go on after it."""


class Calls(Enum):
    """What a fault hits; each is counted by itself."""

    CHANGES = "changes of files and folders"
    READS = "reads, SQLite's too"
    PAGES = "reads of the journal's pages, which are few among all reads"
    SQLITE = "changes that SQLite makes of its files"


@dataclass(frozen=True)
class Fault:
    """call: the first to be hit, 1 is the next one.   calls: how many fail from there on.   error: their errno, or None
    when the process dies at the first of them.   part: how much of a write still happens, 0..1.   of: such calls."""

    call: int
    calls: int = 1
    error: int | None = None
    part: float = 0.0
    of: Calls = Calls.CHANGES


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
        self.counts: Counter[Calls] = Counter()
        self.hits = 0
        self.full = False
        self.noise = False
        """Whether the last power cut left bytes that nobody wrote."""
        self._fault: Fault | None = None
        self._watching = False
        self._untold = False
        """Whether it died within SQLite, which cannot say so."""
        self._images: dict[int, Image] = {}
        """Of SQLite's files, by inode."""
        self._attic = attic
        self._saved = 0
        self._synced: dict[int, int] = {}  # inode -> bytes on disk; of others all are
        self._lost: set[int] = set()  # inodes whose sync failed: another one that succeeds says nothing
        self._before_cut: dict[int, bytes] = {}  # inode -> content that an unsynced truncation took
        self._changes: dict[Path, list[_Change]] = {}

    def arm(self, fault: Fault | None) -> None:
        self.hits = 0
        self.counts.clear()
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
            stack.enter_context(reading_patches(self.root, self.read))
            self._watching = True
            try:
                yield
            finally:
                self._watching = False
        self.tell_death()

    @contextmanager
    def looking(self) -> Iterator[None]:
        """Reads in the block are the hunt's own."""
        was, self._watching = self._watching, False
        try:
            yield
        finally:
            self._watching = was

    def tell_death(self) -> None:
        """Raises Died if it has died within SQLite and nobody knows."""
        if self._untold:
            self._untold = False
            raise Died("within SQLite")

    def read(self, what: str) -> None:
        """Count a call that reads. Raises OSError."""
        if self._watching and not self.dead:
            if what.startswith("preadv"):
                self._meet(Calls.PAGES, what)
            self._meet(Calls.READS, what)

    def _is_dead_at(self, what: str, of: Calls = Calls.CHANGES) -> bool:
        """Count a call. True once the process is dead: cleaning up after that changes nothing. Raises Died, OSError."""
        if self.dead:
            self.tell_death()
            return True
        self._meet(of, what)
        return False

    def _meet(self, of: Calls, what: str) -> None:
        self.counts[of] += 1
        fault, count = self._fault, self.counts[of]
        if fault is None or fault.of is not of or not fault.call <= count < fault.call + fault.calls:
            return
        self.hits += 1
        if fault.error is None:
            self.dead = True
            raise Died(f"at call {count}, {what}")
        raise OSError(fault.error, f"{os.strerror(fault.error)} (call {count}, {what})")

    def _part(self, size: int) -> int:
        """How many bytes a write that fails writes all the same."""
        return int(size * self._fault.part) if self._fault is not None else 0

    def _open(self, path: Path, mode: str) -> Any:
        fresh = mode == "wb"
        if fresh and self._is_dead_at(f"create {path.name}"):
            return io.BytesIO()
        if fresh and not os.path.lexists(path):
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
        taken = whole if self.counts[Calls.CHANGES] % 3 else whole[: max(1, len(whole) // 2)]
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
        if not os.path.lexists(path):
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

    # what SQLite does (hunt_sqlite.Watcher): the names of its files are trusted to be there, their bytes are not ------

    def sqlite_watches(self, path: Path) -> bool:
        """Whether it is a file whose calls are to be asked for. SQLite's memory that processes share is none."""
        return self.root in path.parents

    def sqlite_read(self, path: Path) -> None:
        """Raises OSError."""
        self.read(f"SQLite reads {path.name}")

    def sqlite_create(self, path: Path) -> None:
        """Raises OSError."""
        self._sqlite_changes(f"creates {path.name}")

    def sqlite_change(self, path: Path, begin: int, end: int) -> int:
        """Bytes begin .. end - 1 are about to be written, or none, and the file to end there. Returns how many of them
        are. Raises OSError when that is none."""
        image = self._image(path)
        try:
            self._sqlite_changes(f"writes {path.name}")
        except OSError:
            if part := self._part(end - begin):
                image.write(begin, begin + part)
                return part
            raise
        image.write(begin, end)
        return end - begin

    def sqlite_sync(self, path: Path) -> None:
        """Raises OSError: then what was written since the last sync may be lost, whatever a later one says."""
        image = self._image(path)
        try:
            self._sqlite_changes(f"syncs {path.name}")
        except OSError:
            image.lose()
            raise
        image.sync(_content_of(path))

    def sqlite_delete(self, path: Path) -> None:
        """Raises OSError."""
        self._sqlite_changes(f"deletes {path.name}")
        self._images.pop(os.lstat(path).st_ino, None)

    def _sqlite_changes(self, what: str) -> None:
        """Raises OSError, when the process dies too: SQLite knows no other answer."""
        if self.dead:
            raise OSError(errno.EIO, "dead")
        if not self._watching:
            return
        try:
            self._meet(Calls.SQLITE, f"SQLite {what}")
        except Died as death:
            self._untold = True
            raise OSError(errno.EIO, "died") from death

    def _image(self, path: Path) -> Image:
        inode = os.lstat(path).st_ino
        if inode not in self._images:
            self._images[inode] = Image(_content_of(path))
        return self._images[inode]

    def _forget(self, inode: int) -> None:
        self._synced.pop(inode, None)
        self._images.pop(inode, None)
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
        if status.st_ino in self._images:
            copy.write_bytes(self._images[status.st_ino].after_power_cut(content, chance))
            return
        before_cut = self._before_cut.get(status.st_ino)
        if before_cut is not None and chance.random() < 0.5:
            content = before_cut
        synced = min(self._synced.get(status.st_ino, len(content)), len(content))
        if synced == len(content):
            copy.write_bytes(content)
            return
        tail = bytearray(content[synced:])
        match chance.choice(["all", "none", "cut", "zeros", "hole", "patches", "bit", "garbage"]):
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
            case "bit":
                self.noise = True
                tail[chance.randrange(len(tail))] ^= 1 << chance.randrange(8)
            case "garbage":
                self.noise = True
                sector = chance.choice(_sectors(synced, len(content)))
                tail[sector] = chance.randbytes(sector.stop - sector.start)
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


def _content_of(path: Path) -> bytes:
    """Without anybody's notice."""
    with _REAL_OPEN(path, "rb") as file:
        content: bytes = file.read()
        return content


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


def some_fault(chance: Random, may_die: bool = False) -> Fault:
    """Of any calls, soon or later, for one call or for a while.   may_die: the process may, too."""
    of = chance.choice([Calls.CHANGES, Calls.CHANGES, Calls.SQLITE, Calls.READS, Calls.PAGES])
    call, calls = chance.randint(1, chance.choice([6, 12, 40])), chance.choice([1, 1, 2, 5, 10_000])
    if of is Calls.PAGES:
        return Fault(chance.randint(1, 3), calls, errno.EIO, of=of)
    if of is Calls.READS:
        return Fault(call, calls, chance.choice([errno.EIO, errno.EIO, errno.EACCES]), of=of)
    error = chance.choice([None, *ERRORS]) if may_die else chance.choice(ERRORS)
    return Fault(call, calls, error, chance.random(), of)
