"""What was dropped for its age counts again: below all that was written later, whatever was merged meanwhile."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from point_batches import Point, double
from small_database import Database

from headrace import limits
from headrace.errors import Corrupt
from headrace.store.embedded.bringing_back import NotAwaited
from headrace.store.embedded.housekeeping.merger import Merger
from headrace.store.embedded.restoring import restore_segments
from headrace.store.embedded.verifying.verify import verify

DAY_MS = 86_400_000
SEEDS = range(6)


@pytest.fixture(autouse=True)
def _seals_at_once_and_merges_when_they_are_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "CLOCK_AHEAD_MS", 2**62)
    monkeypatch.setattr(limits, "SEALER_TICK_S", 0.005)
    monkeypatch.setattr(limits, "MERGE_TICK_S", 1000.0)
    monkeypatch.setattr(limits, "MERGE_FACTOR", 2)
    monkeypatch.setattr(limits, "MERGE_INPUTS_MAX", 3)
    monkeypatch.setattr(limits, "ROW_GROUP_ROWS", 16)
    monkeypatch.setattr(limits, "APPLY_DELETES_S", 0.0)
    monkeypatch.setattr(Merger, "wake", lambda merger: None)


def dropped_files(db: Database) -> list[Path]:
    folder = db.settings.data_dir / "segments" / "dropped"
    return [folder / dropped.file for dropped in db.store._parts.folder.current.dropped]


def without_retention(db: Database) -> Database:
    db.settings = db.settings.model_copy(update={"retention": {"default": "0"}})
    return db


def merge_some(db: Database, times: int) -> None:
    for _ in range(times):
        db.store._housekeeping.merge(lambda: None)


def a_life(db: Database, chance: random.Random) -> None:
    """Some writes of any age, overwrites, times to live, deletes, seals and merges, as days go by."""
    for _ in range(12):
        db.now_ms += chance.choice([0, DAY_MS, 4 * DAY_MS])
        written = {}
        for _ in range(chance.randint(1, 30)):
            series, time = chance.randrange(6), db.now_ms - chance.randrange(12) * DAY_MS
            expires = db.now_ms + chance.choice([1, 3, 1000]) * DAY_MS
            written[series, time] = Point(series, time, double(chance.random()), expires)
        db.write(*written.values())
        if chance.random() < 0.3:
            start = db.now_ms - chance.randrange(12) * DAY_MS
            db.delete(chance.randrange(6), start_ms=start, end_ms=start + 2 * DAY_MS)
        if chance.random() < 0.7:
            db.seal()
            merge_some(db, chance.randrange(4))


@pytest.mark.parametrize("seed", SEEDS)
def test_after_whatever_was_dropped_all_is_there_that_was_written(tmp_path: Path, seed: int) -> None:
    """With the clock set back to the first day and no retention, nothing has expired and nothing is too old."""
    chance = random.Random(seed)
    db = Database(tmp_path / "data", retention={"metric.0": "5d", "metric.1": "9d", "default": "0"})
    db.now_ms = first_ms = 1000 * DAY_MS
    a_life(db, chance)
    last_ms = db.now_ms
    files = dropped_files(db)
    db.store.close()
    some = files[chance.randrange(len(files) + 1) :]  # the order in which they were dropped: these come back first
    for chosen in (some, files[: len(files) - len(some)]):
        assert len(list(restore_segments(db.settings.data_dir, chosen))) == len(chosen)
        assert verify(db.settings.data_dir).findings == ()
    without_retention(db)
    db.now_ms = first_ms
    db.store = db.open()
    assert db.found(start_ms=0, end_ms=last_ms) == db.right(start_ms=0, end_ms=last_ms)
    merge_some(db, 9)
    assert db.found(start_ms=0, end_ms=last_ms) == db.right(start_ms=0, end_ms=last_ms)
    db.store.close()


def twice_dropped(folder: Path) -> Database:
    """The same points, written again after the first ones were dropped."""
    db = Database(folder / "data", retention={"default": "1d"})
    db.now_ms = 10 * DAY_MS
    for value in (1, 2):
        db.write(Point(0, DAY_MS, double(value)))
        db.seal()
    db.store.close()
    return db


def test_what_would_bring_back_an_overwritten_value_is_refused(tmp_path: Path) -> None:
    db = twice_dropped(tmp_path)
    first, second = dropped_files(db)
    with pytest.raises(NotAwaited, match=f"{second.name} overwrote"):
        list(restore_segments(db.settings.data_dir, [first]))
    assert [name for name, _ in restore_segments(db.settings.data_dir, [first, second])] == [second.name, first.name]
    db.store = without_retention(db).open()
    assert db.found(end_ms=db.now_ms) == db.right(end_ms=db.now_ms)
    db.store.close()


def test_what_is_gone_or_damaged_or_none_of_ours_is_refused(tmp_path: Path) -> None:
    db = twice_dropped(tmp_path)
    first, second = dropped_files(db)
    with pytest.raises(NotAwaited, match="not among what was dropped"):
        list(restore_segments(db.settings.data_dir, [first.with_name("points-1.parquet")]))
    whole = second.read_bytes()
    second.write_bytes(whole[:40] + bytes(20) + whole[60:])
    with pytest.raises(Corrupt):
        list(restore_segments(db.settings.data_dir, [first, second]))
    second.unlink()
    with pytest.raises(NotAwaited, match="is gone"):
        list(restore_segments(db.settings.data_dir, [second]))
