"""A folder as a tar archive, against Python's own reader of them."""

from __future__ import annotations

import io
import os
import tarfile
from pathlib import Path

import pytest

from headrace.store.embedded.backups import archive
from headrace.store.embedded.backups.archive import TarOfBackup

SIZES = (0, 1, 511, 512, 513, 70_000)


def test_every_byte_name_and_mode_comes_back_and_the_label_last(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archive, "COPY_BYTES", 1000)
    files = {f"segments/{'ö' * 60}{'x' * 120}-{size}": os.urandom(size) for size in SIZES}
    files["backup.json"] = b"{}"
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(content)
        (tmp_path / name).chmod(0o640)
    made = TarOfBackup(tmp_path)
    chunks = list(made.chunks())
    assert max(map(len, chunks)) <= 2048
    assert len(b"".join(chunks)) == made.size
    with tarfile.open(fileobj=io.BytesIO(b"".join(chunks)), mode="r:") as read:
        members = read.getmembers()
        assert members[-1].name == "backup.json"
        assert {member.name: read.extractfile(member).read() for member in members} == files  # type: ignore[union-attr]
        assert {member.mode for member in members} == {0o640}
        assert all(abs(member.mtime - (tmp_path / member.name).stat().st_mtime) <= 1 for member in members)
