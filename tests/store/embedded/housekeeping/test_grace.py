"""What was dropped for its age lies in its grace: for how long, how much of it, and by which clock."""

from __future__ import annotations

import asyncio
from pathlib import Path
from unittest import mock

import pytest
from point_batches import NOW_MS, Point, batch, double
from small_database import Database
from structlog.testing import capture_logs

from headrace import limits
from headrace.metrics import Metrics
from headrace.store.embedded.backups.backing_up import back_up_stopped
from headrace.store.embedded.concessions import Concessions
from headrace.store.embedded.files.durable import rename
from headrace.store.embedded.housekeeping.grace import Grace
from headrace.store.embedded.housekeeping.merger import Merger
from headrace.store.embedded.restoring import restore_segments
from headrace.store.embedded.segments import dropped as dropped_files
from headrace.store.embedded.segments.current import DroppedFile
from headrace.store.embedded.store import open_store
from headrace.store.embedded.verifying.verify import verify

DAY_MS = 86_400_000
GRACE_MS = 3 * DAY_MS
TWO_YEARS_MS = 730 * DAY_MS


@pytest.fixture(autouse=True)
def _seals_at_once_and_merges_when_they_are_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "SEALER_TICK_S", 0.005)
    monkeypatch.setattr(limits, "MERGE_TICK_S", 1000.0)
    monkeypatch.setattr(Merger, "wake", lambda merger: None)


def merge_all(db: Database) -> None:
    while db.store._housekeeping.merge(lambda: None):
        pass


def kept(db: Database) -> tuple[DroppedFile, ...]:
    return db.store._parts.folder.current.dropped


def dropped_folder(db: Database) -> list[Path]:
    return sorted((db.settings.data_dir / "segments" / "dropped").glob("*"))


def database_that_dropped(folder: Path, cannot_move: OSError | None = None) -> Database:
    """All of its segments are too old."""
    db = Database(folder / "data", retention={"default": "30d"})
    for number in range(3):
        db.write(*(Point(series, number, double(number)) for series in range(3)))
        db.seal()
    db.now_ms += 31 * DAY_MS
    moves = mock.patch.object(dropped_files, "rename", side_effect=cannot_move or rename)
    with mock.patch.object(limits, "CLOCK_AHEAD_MS", 2**62), moves:
        merge_all(db)
    assert not db.store._parts.folder.current.segments
    return db


def test_all_that_a_wrong_clock_dropped_comes_back_less_what_was_deleted(tmp_path: Path) -> None:
    db = Database(tmp_path / "data", retention={"default": "30d"})
    for second in range(3):
        db.write(*(Point(series, second * 5 + at, double(second)) for series in range(4) for at in range(10)))
        db.seal()
    db.write(Point(0, 3, double(99)), Point(5, 70, double(98)))
    db.store.close()
    concessions = Concessions(believe_clock=True)
    db.store = open_store(db.settings, Metrics(), lambda: NOW_MS + TWO_YEARS_MS, concessions)
    merge_all(db)
    db.seal()
    current = db.store._parts.folder.current
    assert not current.segments, "a dropped database"
    assert sum(dropped.meta.rows for dropped in current.dropped) == 3 * 40 + 2
    assert db.store._grace.bytes == sum(path.stat().st_size for path in dropped_folder(db))
    db.delete(1, start_ms=2, end_ms=12)
    db.seal()
    db.write(Point(2, 3, double(97)))
    db.store.close()
    assert verify(db.settings.data_dir).findings == ()

    files = dropped_folder(db)
    assert [name for name, _ in restore_segments(db.settings.data_dir, files)] == [f.name for f in reversed(files)]
    db.store = db.open()
    assert db.found() == db.right()
    db.seal()
    merge_all(db)
    db.reopen()
    assert db.found() == db.right()
    assert kept(db) == ()
    assert dropped_folder(db) == []
    db.store.close()
    assert verify(db.settings.data_dir).findings == ()


def test_its_time_goes_by_no_clock_that_can_be_set_and_is_noted(tmp_path: Path) -> None:
    db = database_that_dropped(tmp_path)
    folder, disk = db.store._parts.folder, db.store._disk
    now_s = 1000.0
    graces = [Grace(folder, disk, GRACE_MS, 10**9, lambda: now_s) for _ in range(2)]
    db.now_ms -= TWO_YEARS_MS
    graces[0].sweep()
    for day in range(1, 3):
        now_s += 86_400
        db.now_ms += TWO_YEARS_MS
        graces[0].sweep()
        assert [dropped.age_s for dropped in kept(db)] == [day * 86_400] * 3
    now_s = 5.0  # the machine has been started anew
    graces[1].sweep()
    now_s += 86_399
    graces[1].sweep()
    assert len(dropped_folder(db)) == 3
    now_s += 1
    with capture_logs() as logged:
        graces[1].sweep()
    assert [entry["event"] for entry in logged] == ["what was dropped is gone for good"] * 3
    assert dropped_folder(db) == []
    assert kept(db) == ()
    db.store.close()


def test_of_too_many_bytes_or_files_the_oldest_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    db = database_that_dropped(tmp_path)
    [_, second, third] = kept(db)
    size = second.meta.bytes + third.meta.bytes
    Grace(db.store._parts.folder, db.store._disk, GRACE_MS, size).sweep()
    assert kept(db) == (second, third)
    Grace(db.store._parts.folder, db.store._disk, GRACE_MS, size - 1).sweep()
    assert kept(db) == (third,)
    assert [path.name for path in dropped_folder(db)] == [third.file]
    monkeypatch.setattr(limits, "GRACE_FILES_MAX", 0)
    Grace(db.store._parts.folder, db.store._disk, GRACE_MS, size).sweep()
    assert kept(db) == ()
    db.store.close()


def test_the_disk_has_its_room_before_points_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "DISK_CHECK_INTERVAL_S", 0.0)
    db = database_that_dropped(tmp_path)
    reserve, sizes = db.store._disk.reserve_bytes, [dropped.meta.bytes for dropped in kept(db)]

    def free_bytes() -> int:
        """Enough once all has been unlinked."""
        return reserve - sum(path.stat().st_size for path in dropped_folder(db))

    with mock.patch.object(db.store._disk, "free_bytes", free_bytes):
        assert not db.store._grace.has_room_for(0), "nothing more is kept"
        asyncio.run(db.store.append(batch([Point(0, 1, double(1))])))
    assert dropped_folder(db) == []
    with mock.patch.object(db.store._disk, "free_bytes", return_value=2 * reserve - sum(sizes)):
        db.store._grace.sweep()
    assert kept(db) == ()
    db.store.close()


@pytest.mark.parametrize("setting", [{"retention_grace": "0"}, {"retention_grace_bytes_max": 0}])
def test_it_can_be_switched_off_and_then_nothing_is_kept(tmp_path: Path, setting: dict[str, object]) -> None:
    db = database_that_dropped(tmp_path)
    db.settings = db.settings.model_copy(update=setting)
    db.reopen()
    merge_all(db)
    assert dropped_folder(db) == []
    db.write(Point(0, NOW_MS - 99 * DAY_MS, double(1)))
    db.seal()
    assert kept(db) == ()
    db.store.close()


def test_what_a_crash_left_beside_the_segments_is_moved_and_counts_no_longer(tmp_path: Path) -> None:
    db = database_that_dropped(tmp_path, cannot_move=OSError(5, "the process dies"))
    segments = db.settings.data_dir / "segments"
    files = [dropped.file for dropped in kept(db)]
    assert sorted(path.name for path in segments.glob("points-*")) == sorted(one.source for one in kept(db))
    db.reopen()
    assert not db.store._parts.folder.current.segments
    assert [path.name for path in dropped_folder(db)] == files
    assert list(segments.glob("points-*")) == []
    db.store.close()


def test_who_reads_what_is_dropped_reads_on(tmp_path: Path) -> None:
    db = Database(tmp_path / "data", retention={"default": "30d"})
    db.write(Point(0, 1, double(1)))
    db.seal()
    pinned = db.store._parts.visible.pin_segments()
    db.now_ms += 31 * DAY_MS
    with mock.patch.object(limits, "CLOCK_AHEAD_MS", 2**62):
        merge_all(db)
    assert len(dropped_folder(db)) == 1
    assert [len(rows) for segment in pinned for rows in segment.row_groups()] == [1]
    db.store._parts.visible.release_segments(pinned)
    assert len(dropped_folder(db)) == 1
    db.store.close()


def test_too_many_deletes_are_not_kept_for_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "PENDING_DELETES_MAX", 4)
    db = database_that_dropped(tmp_path)
    for series in (1, 2):
        db.delete(series, start_ms=0, end_ms=0)
    for _ in range(2):
        db.write(Point(2, db.now_ms, double(1)))
        db.seal()  # it has begun to forget deletes when the one before is over
    assert len(kept(db)) == 2, "only the one that may hold what was deleted is gone"
    db.store.close()


def test_verify_reads_it_and_a_backup_lacks_it(tmp_path: Path) -> None:
    db = database_that_dropped(tmp_path)
    db.store.close()
    back_up_stopped(db.settings.data_dir, tmp_path / "backup", NOW_MS)
    assert verify(tmp_path / "backup").findings == ()
    assert not (tmp_path / "backup" / "segments" / "dropped").exists()
    spoilt = bytearray(dropped_folder(db)[0].read_bytes())
    spoilt[40:60] = bytes(20)
    dropped_folder(db)[0].write_bytes(spoilt)
    [finding] = verify(db.settings.data_dir).findings
    assert finding.file == f"segments/dropped/{dropped_folder(db)[0].name}"
    dropped_folder(db)[0].unlink()
    assert verify(db.settings.data_dir).findings == (), "who unlinks it loses nothing that is owed"
