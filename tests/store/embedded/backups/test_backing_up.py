"""Backups of a small database in one process: what is linked and copied, what is refused, what comes back."""

from __future__ import annotations

import asyncio
import errno
import os
import shutil
import time
from dataclasses import replace
from pathlib import Path
from unittest import mock

import pytest
from point_batches import Point
from small_database import Database, database

from headrace.errors import Unavailable
from headrace.model.points import Kind
from headrace.store import Document
from headrace.store.embedded.backups import backing_up
from headrace.store.embedded.backups.backing_up import back_up_stopped
from headrace.store.embedded.backups.label import LABEL, CannotBackUp, read_label, write_label
from headrace.store.embedded.backups.restoring import restore, verify_backup, verify_labelled
from headrace.store.embedded.backups.target import COPY_BYTES, Target
from headrace.store.embedded.verifying.findings import FindingKind


def point(series: int, time: int, number: int = 7) -> Point:
    return Point(series, time, (Kind.INT64, number))


def fill(made: Database) -> None:
    made.write(*(point(series, time) for series in range(3) for time in range(5)))
    asyncio.run(made.store.commit([Document("note", "a", b"of a")]))
    made.seal()
    made.write(point(1, 7), point(2, 8))
    made.delete(2, start_ms=1, end_ms=2)


def reopened(made: Database, data_dir: Path) -> object:
    """What a store on the restored folder holds."""
    made.store.close()
    made.settings = made.settings.model_copy(update={"data_dir": data_dir})
    made.store = made.open()
    assert made.store.damaged == []
    assert made.store.document("note", "a") == b"of a"
    return made.found()


def test_what_is_restored_is_what_was_there(tmp_path: Path) -> None:
    with database() as made:
        fill(made)
        backup = made.store.back_up(tmp_path / "backup")
        assert backup == read_label(tmp_path / "backup")
        made.store._writer.freeze()
        _, verified = verify_backup(tmp_path / "backup")
        assert verified.findings == ()
        assert {path.name for path in (tmp_path / "backup" / "segments").glob("empty-*")} == {
            "empty-points.parquet",
            "empty-series.parquet",
        }, "for programs that read the backup's segments"
        restore(tmp_path / "backup", tmp_path / "data")
        shutil.rmtree(tmp_path / "backup")
        assert reopened(made, tmp_path / "data") == made.right()
        assert not (tmp_path / "data" / LABEL).exists()


def test_a_seal_and_a_merge_between_the_list_and_the_journal(tmp_path: Path) -> None:
    copy = backing_up._copy_sqlite
    with database() as made:
        fill(made)

        def copy_late(source: Path, to: Path) -> None:
            made.write(point(0, 9, int(source.name == "catalog.sqlite")))
            asyncio.run(made.store.commit([Document("note", "b", b"of b")]))
            made.seal()
            copy(source, to)

        with mock.patch.object(backing_up, "_copy_sqlite", copy_late):
            made.store.back_up(tmp_path / "backup")
        _, verified = verify_backup(tmp_path / "backup")
        assert verified.findings == ()
        journal = made.settings.data_dir / "journal"
        assert len(list(journal.iterdir())) > 1, "files that the backup needed"
        made.write(point(0, 10))
        made.seal()
        asyncio.run(made.store.seal())
        restore(tmp_path / "backup", tmp_path / "data")
        made.writes = made.writes[:-1]
        assert reopened(made, tmp_path / "data") == made.right()


def test_on_the_same_file_system_what_never_changes_is_linked(tmp_path: Path) -> None:
    with database() as made:
        fill(made)
        first = made.store.back_up(made.settings.data_dir.parent / "backup")
        [segment] = (made.settings.data_dir / "segments").glob("points-*")
        assert segment.stat().st_nlink == 2
        assert first.linked >= 3
        made.store.back_up(made.settings.data_dir.parent / "backup")
        assert segment.stat().st_nlink == 2, "of the backup that was replaced nothing is left"


def test_on_another_file_system_what_the_earlier_backup_has_is_linked(tmp_path: Path) -> None:
    place = tmp_path / "backup"
    with database() as made:
        fill(made)
        link = os.link

        def link_nearby(source: Path, target: Path) -> None:
            if not source.is_relative_to(tmp_path):
                raise OSError(errno.EXDEV, "Invalid cross-device link")
            link(source, target)

        with mock.patch.object(os, "link", link_nearby):
            first = made.store.back_up(place)
            second = made.store.back_up(place)
            assert (first.linked, second.linked) == (0, 3)
            [segment] = (place / "segments").glob("points-*")
            segment.write_bytes(bytes(segment.stat().st_size))
            third = made.store.back_up(place)
            assert third.linked == 2, "what has rotted is not kept"
        verify_backup(place)


@pytest.mark.parametrize("there", ["a file", "a folder"])
def test_what_is_no_backup_is_left_alone(tmp_path: Path, there: str) -> None:
    place = tmp_path / "backup"
    if there == "a folder":
        place.mkdir()
        (place / "letters").write_text("dear")
    else:
        place.write_text("dear")
    with database() as made:
        with pytest.raises(CannotBackUp, match="left alone"):
            made.store.back_up(place)
        assert [path.name for path in tmp_path.iterdir()] == ["backup"]


def test_a_place_within_the_database_or_around_it_or_relative_is_refused() -> None:
    with database() as made:
        data = made.settings.data_dir
        for place in (data, data / "backup", data.parent, Path("backup")):
            with pytest.raises(CannotBackUp):
                made.store.back_up(place)


def test_a_backup_that_fails_leaves_the_earlier_one(tmp_path: Path) -> None:
    place = tmp_path / "backup"
    with database() as made:
        fill(made)
        before = made.store.back_up(place)
        full = OSError(errno.ENOSPC, "No space left on device")
        with mock.patch.object(Target, "copy", side_effect=full), pytest.raises(Unavailable, match="No space"):
            made.store.back_up(place)
        assert [path.name for path in tmp_path.iterdir()] == ["backup"]
        assert verify_backup(place)[0] == before
        made.seal()
        journal = made.settings.data_dir / "journal"
        # Its files go a moment after their points are in segments.
        deadline = time.monotonic() + 10
        while len(list(journal.iterdir())) > 1:
            assert time.monotonic() < deadline, "the journal is not kept for ever"
            time.sleep(0.01)


def test_one_backup_at_a_time(tmp_path: Path) -> None:
    with database() as made:
        with made.store._backing_up, pytest.raises(Unavailable, match="another backup"):
            made.store.back_up(tmp_path / "backup")
        made.store.back_up(tmp_path / "backup")


def test_of_a_folder_that_no_server_uses(tmp_path: Path) -> None:
    with database() as made:
        fill(made)
        data = made.settings.data_dir
        with pytest.raises(Unavailable, match="a server"):
            back_up_stopped(data, tmp_path / "backup", 0)
        made.store.close()
        backup = back_up_stopped(data, tmp_path / "backup", 0)
        assert verify_backup(tmp_path / "backup")[0] == backup
        restore(tmp_path / "backup", tmp_path / "data")
        made.store = made.open()
        assert reopened(made, tmp_path / "data") == made.right()


def test_what_is_not_whole_is_not_restored(tmp_path: Path) -> None:
    place = tmp_path / "backup"
    with database() as made:
        fill(made)
        made.store.back_up(place)
    label = (place / LABEL).read_bytes()
    (place / LABEL).unlink()
    with pytest.raises(CannotBackUp, match="did not come to its end"):
        verify_backup(place)
    (place / LABEL).write_bytes(label)

    [*_, last] = sorted((place / "journal").iterdir())
    content = last.read_bytes()
    last.write_bytes(content[:-100])
    with pytest.raises(CannotBackUp, match="ends with record"):
        verify_backup(place)
    last.write_bytes(content)
    verify_backup(place)

    [segment] = (place / "segments").glob("points-*")
    segment.unlink()
    with pytest.raises(CannotBackUp, match=r"not sound: segments/points-.*is missing"):
        verify_backup(place)


def test_a_folder_that_is_not_empty_is_not_restored_into(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    with database() as made:
        made.store.back_up(tmp_path / "backup")
    restore(tmp_path / "backup", tmp_path / "data")
    with pytest.raises(CannotBackUp, match="not empty"):
        restore(tmp_path / "backup", tmp_path / "data")


def test_files_are_copied_in_pieces(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    target = Target(tmp_path / "backup")
    source = tmp_path / "source"
    content = os.urandom(COPY_BYTES + 17)
    source.write_bytes(content + b"not yet durable")
    with source.open("rb") as file:
        target.copy("copy", file.fileno(), len(content))
        with pytest.raises(OSError, match="shorter"):
            target.copy("longer", file.fileno(), len(content) + 100)
    assert (target.folder / "copy").read_bytes() == content


def test_a_backup_that_ends_too_early_is_found_by_verify(tmp_path: Path) -> None:
    with database() as made:
        made.write(point(1, 1))
        backup = made.store.back_up(tmp_path / "backup")
    write_label(tmp_path / "backup", replace(backup, last_sequence=backup.last_sequence + 2))
    [finding] = verify_labelled(tmp_path / "backup").findings
    assert (finding.kind, finding.file) == (FindingKind.GAP, LABEL)
    with pytest.raises(CannotBackUp, match="instead of"):
        verify_backup(tmp_path / "backup")


def test_every_file_of_a_backup_is_synced_before_it_has_its_label(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SQLite syncs only what it writes itself, and not always."""
    synced: set[int] = set()
    real = os.fsync

    def fsync(descriptor: int) -> None:
        synced.add(os.fstat(descriptor).st_ino)
        real(descriptor)

    with database() as made:
        fill(made)
        monkeypatch.setattr(os, "fsync", fsync)
        made.store.back_up(tmp_path / "backup")
        data = made.settings.data_dir
        files = [file for file in (tmp_path / "backup").rglob("*") if file.is_file()]
        unsynced = [file.name for file in files if file.stat().st_ino not in synced and file.stat().st_nlink == 1]
        assert unsynced == []
        made.store.close()
        stopped = tmp_path / "stopped"
        back_up_stopped(data, stopped, 1)
        files = [file for file in stopped.rglob("*") if file.is_file() and file.stat().st_nlink == 1]
        assert [file.name for file in files if file.stat().st_ino not in synced] == []
        made.store = made.open()
