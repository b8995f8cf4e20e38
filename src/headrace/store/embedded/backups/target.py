"""The folder of a backup while it is filled: beside its place, which it takes when it is whole."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable
from pathlib import Path

from headrace.store.embedded.backups.label import LABEL, Backup, CannotBackUp, read_label, write_label
from headrace.store.embedded.files.durable import make_folder, rename, sync_file, sync_folder
from headrace.store.embedded.parts import JOURNAL, SEGMENTS

COPY_BYTES = 1 << 22

NEW_SUFFIX = ".headrace-new"
OLD_SUFFIX = ".headrace-old"
"""Beside the place: what is being filled, and what was there before until it is removed."""


class Target:
    """Made empty; `take`, `copy` and `finish` fill it. What is at the place stays whole until then."""

    def __init__(self, place: Path) -> None:
        """place: a folder that is not there, is empty or is a backup. Raises OSError."""
        self.place = place
        self.folder = place.with_name(place.name + NEW_SUFFIX)
        self.linked = 0
        self.copied = 0
        remove(self.folder)
        make_folder(place.parent)
        for folder in (self.folder / SEGMENTS, self.folder / JOURNAL):
            folder.mkdir(parents=True)

    def link(self, source: Path, name: str) -> bool:
        """Let a file that never changes be in the backup too, as `name`. Returns whether the file systems allow that.
        Raises OSError when it is not there."""
        try:
            os.link(source, self.folder / name)
        except FileNotFoundError:
            raise
        except OSError:  # another file system, or one without links
            return False
        self.linked += 1
        return True

    def link_or_copy(self, name: str, descriptor: int, size: int) -> None:
        """A file that never changes and could not be linked: as an earlier backup has it, else its first `size` bytes
        are written. Raises OSError."""
        earlier = self.place / name
        if earlier.exists() and _are_same(earlier, descriptor, size) and self.link(earlier, name):
            return
        self.copy(name, descriptor, size)

    def copy(self, name: str, descriptor: int, size: int) -> None:
        """The first `size` bytes of an open file, synced. Raises OSError."""
        with (self.folder / name).open("xb") as file:
            for at in range(0, size, COPY_BYTES):
                chunk = os.pread(descriptor, min(COPY_BYTES, size - at), at)
                if len(chunk) < min(COPY_BYTES, size - at):
                    raise OSError(5, f"{name} became shorter while it was copied")
                file.write(chunk)
            file.flush()
            sync_file(file.fileno())
        self.copied += 1

    def finish(self, backup: Backup) -> None:
        """It is whole, and takes its place. Raises OSError."""
        for folder in (self.folder / SEGMENTS, self.folder / JOURNAL):
            sync_folder(folder)
        write_label(self.folder, backup)
        old = self.place.with_name(self.place.name + OLD_SUFFIX)
        remove(old)
        if self.place.exists():
            rename(self.place, old)
        rename(self.folder, self.place)
        sync_folder(self.place.parent)
        remove(old)

    def give_up(self) -> None:
        """Leave nothing behind. Raises OSError."""
        remove(self.folder)


def check_place(place: Path, data_dir: Path) -> None:
    """Whether a backup of the database in data_dir may be taken there. Raises CannotBackUp, OSError."""
    if not place.is_absolute():
        raise CannotBackUp(f"{place} is not absolute")
    if place.resolve().is_relative_to(data_dir.resolve()) or data_dir.resolve().is_relative_to(place.resolve()):
        raise CannotBackUp(f"{place} and the database {data_dir.resolve()} lie in one another")
    if place.exists() and (not place.is_dir() or (any(place.iterdir()) and read_label(place) is None)):
        raise CannotBackUp(f"{place} holds something that is no backup; it is left alone")


def remove(folder: Path) -> None:
    """With all that is in it; it may be absent. The label goes first, so that a part of a backup never looks like one.
    Raises OSError."""
    if folder.exists():
        (folder / LABEL).unlink(missing_ok=True)
        shutil.rmtree(folder)


def _are_same(earlier: Path, descriptor: int, size: int) -> bool:
    """Whether both have the same bytes. An earlier one that has rotted is not kept."""
    with earlier.open("rb") as file:
        if os.fstat(file.fileno()).st_size != size:
            return False
        return all(
            os.pread(file.fileno(), COPY_BYTES, at) == os.pread(descriptor, COPY_BYTES, at) for at in _steps(size)
        )


def _steps(size: int) -> Iterable[int]:
    return range(0, size, COPY_BYTES)
