"""A backup as a tar archive: what tar(1) unpacks is sound, and one that was cut off is no backup."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from point_batches import Point, double
from small_database import Database, database

from headrace.errors import Unavailable
from headrace.store.embedded.backups.label import CannotBackUp
from headrace.store.embedded.backups.restoring import verify_backup
from headrace.store.embedded.files.disk_space import DiskSpace


@pytest.fixture
def db() -> Iterator[Database]:
    with database() as opened:
        opened.write(Point(0, 1, double(1)), Point(1, 1, double(2)))
        opened.seal()
        opened.write(Point(0, 2, double(1)))
        yield opened


def unpacked(archive: bytes, folder: Path) -> Path:
    folder.mkdir()
    subprocess.run(["tar", "-xf", "-", "-C", str(folder)], input=archive, check=True, capture_output=True)
    return folder


def left(db: Database) -> list[str]:
    return [path.name for path in db.settings.data_dir.glob("streaming*")]


def test_it_is_a_sound_backup(db: Database, tmp_path: Path) -> None:
    stream = db.store.stream_backup()
    archive = b"".join(stream.chunks())
    assert len(archive) == stream.bytes
    assert left(db) == ["streaming"]
    stream.close()
    stream.close()
    assert left(db) == []
    backup, verified = verify_backup(unpacked(archive, tmp_path / "unpacked"))
    assert backup == stream.backup
    assert verified.findings == ()
    assert (verified.sealed_points, verified.journal_points) == (2, 1)


def test_wherever_it_is_cut_off_it_is_no_backup(db: Database, tmp_path: Path) -> None:
    """But for the zeros behind the last file."""
    stream = db.store.stream_backup()
    archive = b"".join(stream.chunks())
    stream.close()
    label = archive.rindex(b"backup.json")
    for number, end in enumerate([*range(512, label, label // 7 + 1), label]):
        folder = tmp_path / str(number)
        folder.mkdir()
        subprocess.run(["tar", "-xf", "-", "-C", folder], input=archive[:end], check=False, capture_output=True)
        with pytest.raises(CannotBackUp):
            verify_backup(folder)


def test_what_is_written_and_sealed_meanwhile_changes_nothing_of_it(db: Database, tmp_path: Path) -> None:
    stream = db.store.stream_backup()
    db.write(Point(0, 3, double(7)))
    db.seal()
    archive = b"".join(stream.chunks())
    stream.close()
    _, verified = verify_backup(unpacked(archive, tmp_path / "unpacked"))
    assert (verified.sealed_points, verified.journal_points) == (2, 1)
    assert db.found() == db.right()


def test_one_at_a_time_and_not_where_the_disk_is_full(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    stream = db.store.stream_backup()
    with pytest.raises(Unavailable, match="another backup is being streamed"):
        db.store.stream_backup()
    stream.close()
    with monkeypatch.context() as full:
        full.setattr(DiskSpace, "free_bytes", lambda _: db.settings.disk_reserve_bytes // 2)
        with pytest.raises(Unavailable, match="would take the room"):
            db.store.stream_backup()
    assert left(db) == []
    db.store.stream_backup().close()


def test_what_a_crash_left_goes_with_the_next_start(db: Database) -> None:
    db.store.stream_backup()
    assert left(db) == ["streaming"]
    db.reopen()
    assert left(db) == []
    assert db.found() == db.right()


def test_a_file_that_became_shorter_cuts_it_off(db: Database) -> None:
    stream = db.store.stream_backup()
    [copied] = (db.settings.data_dir / "streaming" / "copy" / "journal").iterdir()
    copied.write_bytes(b"short")
    with pytest.raises(OSError, match="became shorter"):
        list(stream.chunks())
    stream.close()
    assert left(db) == []
