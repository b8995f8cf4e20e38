"""Whether a server uses a data directory."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import Final

LOCK: Final = "lock"
"""Locked while a server uses the directory; holds its process id."""


def process_in(folder: Path) -> str | None:
    """The id of the process whose server uses the data directory; None where there is none, or it cannot be told. For a
    moment the lock is shared."""
    try:
        file = os.open(folder / LOCK, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return holder(file)
    except OSError:
        return None
    finally:
        os.close(file)
    return None


def holder(file: int) -> str:
    """Who says in the open file of the lock that it holds it."""
    try:
        return os.pread(file, 20, 0).decode("ascii", "replace").strip() or "unknown"
    except OSError:
        return "unknown"


def in_use(folder: Path, process: str) -> str:
    """The sentence for who wanted to be the server of the directory."""
    return (
        f"another server (process {process}) uses the data directory {folder.resolve()}; stop it first, or choose "
        "another data_dir"
    )
