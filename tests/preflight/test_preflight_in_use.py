"""Who uses a data directory, without being in its way."""

from __future__ import annotations

import os
from pathlib import Path

from headrace.preflight.in_use import LOCK, process_in
from headrace.store.embedded.files.folder_lock import FolderLock


def test_nobody(tmp_path: Path) -> None:
    assert process_in(tmp_path) is None
    assert process_in(tmp_path / "absent") is None
    assert list(tmp_path.iterdir()) == []
    FolderLock(tmp_path).release()
    assert (tmp_path / LOCK).exists()
    assert process_in(tmp_path) is None, "the file stays, and means nothing"


def test_a_server_before_and_after(tmp_path: Path) -> None:
    lock = FolderLock(tmp_path)
    assert process_in(tmp_path) == str(os.getpid())
    lock.release()
    assert process_in(tmp_path) is None
    FolderLock(tmp_path).release()
