"""What SQLite says of a file: the disk is asked before the file is called damaged."""

from __future__ import annotations

import errno
import os
import sqlite3
from pathlib import Path

import pytest

from headrace import limits
from headrace.errors import Corrupt, Unavailable
from headrace.store.embedded.files.sqlite_files import failures_as_ours


def malformed(path: Path) -> None:
    with failures_as_ours(path):
        raise sqlite3.DatabaseError("database disk image is malformed")


def test_malformed_is_damage_only_where_every_byte_can_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "documents.sqlite"
    path.write_bytes(b"x" * 5000)

    def fail(*_: object, **__: object) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    with monkeypatch.context() as failing:
        failing.setattr(Path, "open", fail)
        with pytest.raises(Unavailable, match=r"cannot read .*documents\.sqlite behind byte 0: .* \(errno 5\)"):
            malformed(path)
    with pytest.raises(Corrupt, match="malformed"):
        malformed(path)


@pytest.mark.parametrize("page", [0, 2])
def test_a_page_behind_the_first_is_read_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, page: int) -> None:
    monkeypatch.setattr(limits, "SQLITE_READ_BYTES", 4096)
    path = tmp_path / "documents.sqlite"
    path.write_bytes(bytes(3 * 4096))
    real = Path.open

    class Failing:
        """Reads well up to a page."""

        def __init__(self) -> None:
            self.file = real(path, "rb")

        def __enter__(self) -> Failing:
            return self

        def __exit__(self, *_: object) -> None:
            self.file.close()

        def read(self, size: int) -> bytes:
            if self.file.tell() == page * 4096:
                raise OSError(errno.EIO, os.strerror(errno.EIO))
            return self.file.read(size)

    monkeypatch.setattr(Path, "open", lambda *_, **__: Failing())
    with pytest.raises(Unavailable, match=f"behind byte {page * 4096}: "):
        malformed(path)
