"""A segment that was set aside, and a sound copy of it: its points are back, and what was deleted meanwhile is not."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from point_batches import Point, double
from small_database import Database

from headrace import limits
from headrace.errors import Corrupt, Unavailable
from headrace.store.embedded.bringing_back import NotAwaited
from headrace.store.embedded.restoring import restore_segments


@pytest.fixture(autouse=True)
def _sealers_that_look_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "SEALER_TICK_S", 0.005)


def damaged_database(tmp_path: Path) -> tuple[Database, Path]:
    """One whose first segment was set aside, and a sound copy of that."""
    database = Database(tmp_path / "data")
    for second in range(3):
        database.write(*(Point(series, second * 10 + time, double(time)) for series in range(3) for time in range(3)))
        database.seal()
    [first, *_] = sorted((tmp_path / "data" / "segments").glob("points-*"))
    copy = Path(shutil.copy(first, tmp_path))
    spoilt = bytearray(first.read_bytes())
    spoilt[40:60] = bytes(20)
    first.write_bytes(spoilt)
    with pytest.raises(Corrupt):
        database.found()
    return database, copy


def restored(tmp_path: Path, *copies: Path) -> list[tuple[str, int]]:
    return list(restore_segments(tmp_path / "data", copies))


def test_its_points_are_back_less_what_was_deleted_meanwhile(tmp_path: Path) -> None:
    database, copy = damaged_database(tmp_path)
    database.delete(1, start_ms=1, end_ms=1)
    database.write(Point(2, 0, double(99)))
    database.seal()
    for _ in range(5):
        database.store._housekeeping.merge(lambda: None)
    with pytest.raises(Unavailable, match="another server"):
        restored(tmp_path, copy)
    database.store.close()
    assert restored(tmp_path, copy) == [(copy.name, 9)]
    database.store = database.open()
    assert database.store.damaged == []
    assert database.found() == database.right()
    database.store.close()
    with pytest.raises(NotAwaited, match="no segment that was set aside"):
        restored(tmp_path, copy)


def test_a_copy_that_is_damaged_or_another_segment_is_refused(tmp_path: Path) -> None:
    database, copy = damaged_database(tmp_path)
    database.store.close()
    damaged = tmp_path / "data" / "segments" / (copy.name + ".damaged")
    with pytest.raises(Corrupt):
        restored(tmp_path, damaged)
    other = sorted((tmp_path / "data" / "segments").glob("points-*.parquet"))[-1]
    disguised = tmp_path / "disguised" / copy.name
    disguised.parent.mkdir()
    shutil.copy(other, disguised)
    with pytest.raises(Corrupt, match="not the segment"):
        restored(tmp_path, disguised)


def test_too_many_deletes_are_not_kept_for_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "PENDING_DELETES_MAX", 4)
    database, copy = damaged_database(tmp_path)
    for time in range(2):
        database.delete(1, start_ms=time, end_ms=time)
    database.write(Point(2, 0, double(99)))
    database.seal()
    database.write(Point(2, 0, double(98)))
    database.seal()
    database.store.close()
    with pytest.raises(NotAwaited, match="deletes since then have been forgotten"):
        restored(tmp_path, copy)


def merged_by_hand(tmp_path: Path) -> Database:
    database = Database(tmp_path / "data")
    database.store._merger.stop()
    return database


def spoilt(database: Database, number: int, tmp_path: Path) -> Path:
    """Let that segment be set aside. Returns a sound copy of it."""
    segment = sorted((tmp_path / "data" / "segments").glob("points-*.parquet"))[number]
    copy = Path(shutil.copy(segment, tmp_path))
    content = bytearray(segment.read_bytes())
    content[40:60] = bytes(20)
    segment.write_bytes(content)
    with pytest.raises(Corrupt):
        database.found()
    return copy


def restored_again(database: Database, tmp_path: Path, copy: Path) -> None:
    database.store.close()
    restored(tmp_path, copy)
    database.store = database.open()
    database.store._merger.stop()


def merge_all(database: Database) -> None:
    while database.store._housekeeping.merge(lambda: None):
        pass


def test_a_merge_keeps_the_deletes_that_it_waits_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MERGE_FACTOR", 2)
    database = merged_by_hand(tmp_path)
    for number in range(3):
        database.write(Point(1, number, double(number)))
        database.seal()
    copy = spoilt(database, 0, tmp_path)
    database.delete(1, start_ms=0, end_ms=0)
    database.seal()
    merge_all(database)
    assert len(list((tmp_path / "data" / "segments").glob("points-*.parquet"))) == 1
    database.write(Point(2, 7, double(7)))
    database.seal()
    restored_again(database, tmp_path, copy)
    assert database.found() == database.right()
    database.store.close()


def test_what_lies_around_it_is_not_merged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Or an older write of the one would be the later one of both."""
    monkeypatch.setattr(limits, "MERGE_FACTOR", 2)
    database = merged_by_hand(tmp_path)
    for number in range(3):
        database.write(Point(1, 5, double(number)) if number < 2 else Point(2, 5, double(number)))
        database.seal()
    copy = spoilt(database, 1, tmp_path)
    merge_all(database)
    restored_again(database, tmp_path, copy)
    assert database.found() == database.right()
    merge_all(database)
    assert database.found() == database.right()
    database.store.close()


@pytest.mark.parametrize("how", ["seal", "merge"])
def test_what_hides_a_point_of_it_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str) -> None:
    """A point that has expired hides an older write, also one that is only there when it is restored."""
    monkeypatch.setattr(limits, "MERGE_FACTOR", 2)
    database = merged_by_hand(tmp_path)
    database.write(Point(1, 5, double(1)))
    database.seal()
    copy = spoilt(database, 0, tmp_path)
    database.write(Point(1, 5, double(2), expires=database.now_ms + 10), Point(2, 5, double(2)))
    if how == "seal":
        database.now_ms += 20
    database.seal()
    database.now_ms += 20
    database.write(Point(2, 6, double(3)))
    database.seal()
    merge_all(database)
    restored_again(database, tmp_path, copy)
    assert database.found() == database.right()
    database.store.close()
