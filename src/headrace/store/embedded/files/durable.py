"""Files that are there whole or not at all, and survive a power cut once their folder is synced."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

import structlog

from headrace.store.embedded.files.names import TEMPORARY_SUFFIX

log = structlog.get_logger(__name__)

COPY_BYTES = 1 << 22

MODE = 0o666
"""Of a new file, before the umask."""


@contextmanager
def replaced_file(path: Path, mode: int = MODE) -> Iterator[BinaryIO]:
    """A file to write, for whom `mode` says; on leaving it is synced and takes the place of `path`, and sync_folder
    must follow.

    When the block or a step fails, `path` is as it was. A file whose sync failed is thrown away, never synced again:
    the kernel forgets which pages it lost.
    """
    temporary = path.with_name(path.name + TEMPORARY_SUFFIX)
    try:
        if mode != MODE:
            os.close(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, mode))
        # By Path.open, as the simulated disk of tests/hunt watches it.
        with temporary.open("wb") as file:
            yield file
            file.flush()
            sync_file(file.fileno())
        rename(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def copy_file(source: Path, target: Path) -> None:
    """As `replaced_file`, with the bytes and permissions of `source`."""
    with source.open("rb") as read, replaced_file(target, os.fstat(read.fileno()).st_mode & 0o777) as file:
        shutil.copyfileobj(read, file, COPY_BYTES)


def sync_file(descriptor: int) -> None:
    """On return the file's bytes are on disk."""
    os.fsync(descriptor)


def rename(source: Path, target: Path) -> None:
    """Move `source` over `target` in one step."""
    source.replace(target)


def sync_folder(folder: Path) -> None:
    """On return the names in `folder` are on disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def make_folder(folder: Path) -> None:
    """Make it, and what lacks above it; on return their names are on disk, and that of `folder` also when it was there:
    a start that was killed may have made it. Raises OSError."""
    folder = folder.absolute()
    made = [place for place in folder.parents if not place.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    for place in (folder, *made):
        if not place.is_mount():
            # Whoever makes a folder in one that we may not read has to see to its name.
            with suppress(PermissionError):
                sync_folder(place.parent)


def discard(path: Path) -> None:
    """Unlink a file that counts no longer. Never raises: one that the disk keeps lies there until an opening sweeps it,
    and whoever makes a change must not take it for undone after it has been done."""
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        log.warning("a file that counts no longer stays until the next start", file=path.name, error=str(error))
