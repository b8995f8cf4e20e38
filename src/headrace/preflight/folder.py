"""The data directory, before anything is made of it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from headrace import limits
from headrace.loading import Loaded
from headrace.preflight.findings import Finding
from headrace.preflight.in_use import LOCK
from headrace.settings.principals import TOKENS_FILE

SETTING: Final = "data_dir"

ENTRIES: Final = ("catalog.sqlite", "documents.sqlite", TOKENS_FILE, "journal", "segments", LOCK)
"""What is in a database's directory and has to be written (docs/operations.md)."""


def data_dir(loaded: Loaded) -> Iterator[Finding]:
    """What is in the way of a database there, and whether there is room."""
    folder = loaded.settings.data_dir
    if (why := _hindrance(folder)) is not None:
        yield Finding(SETTING, f"{loaded.told(SETTING)} cannot be used: {why}")
        return
    yield from _room(loaded, folder)


def _hindrance(folder: Path) -> str | None:
    if not _is_there(folder):
        return _cannot_be_made(folder)
    if not folder.is_dir():
        return f"{folder} is no directory; move it away, or name another place"
    if not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
        return _not_ours(folder)
    for path in (folder / name for name in ENTRIES):
        needed = os.R_OK | os.W_OK | (os.X_OK if path.is_dir() else 0)
        if _is_there(path) and not os.access(path, needed):
            return _not_ours(path)
    return None


def _cannot_be_made(folder: Path) -> str | None:
    if os.path.islink(folder):  # noqa: PTH114 - Path.is_symlink raises OSError for a name that is too long
        return f"{folder} is a link that leads nowhere; make {folder.readlink()}, or name another place"
    above = next(path for path in folder.absolute().parents if _is_there(path))
    if not above.is_dir():
        return f"{folder} cannot be made, as {above} is no directory; name another place"
    longest = max(len(os.fsencode(part)) for part in folder.absolute().relative_to(above).parts)
    if longest > (most := os.pathconf(above, "PC_NAME_MAX")):
        return f"a name in it has {longest} bytes, and {above} takes {most}; name another place"
    if not os.access(above, os.W_OK | os.X_OK):
        return f"{folder} cannot be made: {_not_ours(above)}"
    return None


def _is_there(path: Path) -> bool:
    """Not where nobody lets us look, either."""
    return os.path.exists(path)  # noqa: PTH110 - Path.exists raises PermissionError


def _not_ours(path: Path) -> str:
    if os.statvfs(path).f_flag & os.ST_RDONLY:
        return f"{path} is on a file system that is mounted read-only; mount it otherwise, or name another place"
    who = f"this user (id {os.geteuid()})"
    return f"{path} may not be read and written by {who}; give it to them (chown), or name another place"


def _room(loaded: Loaded, folder: Path) -> Iterator[Finding]:
    there = next(path for path in (folder, *folder.absolute().parents) if _is_there(path))
    found = os.statvfs(there)
    free, reserve = found.f_bavail * found.f_frsize, loaded.settings.disk_reserve_bytes
    if free < limits.NEW_DATABASE_BYTES and not _is_there(folder / ENTRIES[0]):
        needs = f"and a new database needs {limits.NEW_DATABASE_BYTES // 1000} kB"
        why = f"the disk of {there} is full: {free // 1000} kB are free, {needs}; free some room, or name another place"
        yield Finding(SETTING, f"{loaded.told(SETTING)} cannot be used: {why}")
    elif free < limits.OPENING_BYTES:
        why = f"it may take {limits.OPENING_BYTES // 1000} to open the database; free some room"
        yield Finding(SETTING, f"data_dir: the disk of {there} is full: {free // 1000} kB are free, and {why}", False)
    elif free < reserve:
        yield Finding(
            "disk_reserve_bytes",
            f"{loaded.told('disk_reserve_bytes')} is more than the {free // 1_000_000} MB that are free on the disk of "
            f"{there}: points are refused (503) until more is; free some room, or reserve less",
            is_error=False,
        )
