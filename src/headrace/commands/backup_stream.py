"""`headrace backup SOURCE -`: a backup as a tar archive on standard output."""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import click

from headrace.commands.asking import NotAnswered, is_url, posted
from headrace.commands.compiled import ensure_compiled
from headrace.errors import Unavailable

BACKUP_TAR_PATH = "/api/headrace/v1/backup.tar"
LAST_RECORD_HEADER = "headrace-last-record"

CHUNK_BYTES = 1 << 20


def stream_backup(source: str) -> tuple[str, int]:
    """Write the backup of the running server or stopped database `source` to standard output. Returns the last record
    that is in it, and its bytes. Raises click.UsageError on a terminal, HeadraceError when it is not whole."""
    out = sys.stdout.buffer
    if out.isatty():
        raise click.UsageError("a tar archive is not for a terminal: send it to a file or a program")
    written = _of_server(source, out) if is_url(source) else _of_stopped(Path(source), out)
    with _failures_of_output():
        out.flush()
    return written


def _of_server(url: str, out: IO[bytes]) -> tuple[str, int]:
    with posted(url, BACKUP_TAR_PATH, {}) as answer:
        expected = answer.length or 0
        last_record = answer.headers[LAST_RECORD_HEADER]
        written = 0
        while chunk := answer.read(CHUNK_BYTES):
            with _failures_of_output():
                out.write(chunk)
            written += len(chunk)
    if written != expected:
        raise NotAnswered(f"the server broke off after {written} of {expected} bytes: what was written is no backup")
    return last_record, written


def _of_stopped(data_dir: Path, out: IO[bytes]) -> tuple[str, int]:
    """By links in a folder beside it, for a while."""
    ensure_compiled()
    from headrace.store.embedded.backups.archive import TarOfBackup  # noqa: PLC0415
    from headrace.store.embedded.backups.backing_up import back_up_stopped  # noqa: PLC0415 - it loads the kernels

    beside = data_dir.absolute().parent
    with tempfile.TemporaryDirectory(dir=beside, prefix=f"{data_dir.name}.headrace-stream-") as folder:
        place = Path(folder) / "copy"
        backup = back_up_stopped(data_dir, place, time.time_ns() // 1_000_000)
        archive = TarOfBackup(place)
        with _failures_of_output():
            for chunk in archive.chunks():
                out.write(chunk)
    return str(backup.last_sequence), archive.size


@contextmanager
def _failures_of_output() -> Iterator[None]:
    """Raises Unavailable where the block raises OSError."""
    try:
        yield
    except OSError as failure:
        raise Unavailable(f"the archive cannot be written: {failure.strerror}") from failure
