"""That no server uses a data directory, and none begins to, without a byte of it being changed."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from headrace.errors import Unavailable
from headrace.preflight.in_use import LOCK, holder


@contextmanager
def without_server(folder: Path) -> Iterator[None]:
    """In the block no server runs there, or starts. A folder without a lock file, as a copy may be, is taken as it is:
    no server has begun there. Raises Unavailable when one runs, or its lock cannot be read."""
    path = folder / LOCK
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        yield
        return
    except OSError as error:
        raise Unavailable(f"cannot open {path}: {error.strerror}") from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        running = f"a server (process {holder(descriptor)}) uses {folder}"
        os.close(descriptor)
        raise Unavailable(f"{running}: ask it by its address (http://host:port), or stop it first") from None
    try:
        yield
    finally:
        os.close(descriptor)
