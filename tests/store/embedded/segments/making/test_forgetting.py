"""Expiry and retention by a fake clock, through seal, restart and merge; what may be forgotten and what may not."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pytest
from point_batches import NOW_MS, Point, double
from small_database import Database, database

from headrace import limits
from headrace.store.embedded.recent.deletes import NO_DELETES, Delete
from headrace.store.embedded.recent.hidden import NONE_HIDDEN
from headrace.store.embedded.segments.files import delete_files
from headrace.store.embedded.segments.files.delete_files import read_deletes, write_deletes
from headrace.store.embedded.segments.making import retention
from headrace.store.embedded.segments.making.forgetting import Forgetting
from headrace.store.embedded.segments.making.retention import NO_RETENTION, Retention

DAY_MS = 86_400_000


@pytest.fixture(autouse=True)
def _clocks_that_nobody_doubts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Here years pass in a moment."""
    monkeypatch.setattr(limits, "CLOCK_AHEAD_MS", 2**62)


def times(db: Database, series: int) -> list[int]:
    found = db.found([series], -(10**15), 10**15)
    assert isinstance(found, dict)
    return [time for time, _ in found.get(series, [])]


@pytest.mark.parametrize("steps", [[], ["seal"], ["reopen"], ["seal", "reopen"]])
def test_an_expired_winner_hides_what_it_overwrote(steps: list[str]) -> None:
    with database() as db:
        db.write(Point(1, 5, double(1)))
        db.do("seal")
        db.write(Point(1, 5, double(2), NOW_MS + 10), Point(1, 6, double(3), NOW_MS + 20))
        for step in steps:
            db.do(step)
        assert times(db, 1) == [5, 6]
        db.now_ms += 10
        assert times(db, 1) == [6]
        db.do("seal")
        db.now_ms += 10
        assert times(db, 1) == []


def test_an_expired_winner_is_sealed_only_where_it_may_hide_something() -> None:
    with database() as db:
        db.write(Point(1, 50, double(1)), Point(1, 60, double(1)))
        db.seal()
        db.write(Point(1, 55, double(2), NOW_MS), Point(1, 70, double(2), NOW_MS), Point(1, 80, double(2)))
        db.seal()
        assert [meta.rows for meta in db.store._parts.folder.current.segments] == [2, 2]
        assert db.found() == db.right()


def test_retention_hides_by_metric_at_once_and_a_longer_one_shows_again() -> None:
    now = 100 * DAY_MS
    with database(retention={"metric.1": "10d", "metric.2": "0", "default": "30d"}) as db:
        db.now_ms = now
        for age in (5, 20, 40):
            db.write(*(Point(series, now - age * DAY_MS, double(age)) for series in (0, 1, 2)))
        for step in ("", "reopen"):
            db.do(step)
            assert [len(times(db, series)) for series in (0, 1, 2)] == [2, 1, 3]
            both = db.found([2, 1, 0], 0, now)
            assert isinstance(both, dict)
            assert {series: len(found) for series, found in both.items()} == {0: 2, 1: 1, 2: 3}
        db.now_ms += 6 * DAY_MS
        assert [len(times(db, series)) for series in (0, 1, 2)] == [2, 0, 3]
        db.settings = db.settings.model_copy(update={"retention": {"default": "1y"}})
        db.do("reopen")
        assert [len(times(db, series)) for series in (0, 1, 2)] == [3, 3, 3]


def test_a_seal_leaves_out_what_is_too_old_unless_it_hides_something() -> None:
    now = 100 * DAY_MS
    with database(retention={"default": "10d"}) as db:
        db.now_ms = now - 15 * DAY_MS
        db.write(*(Point(0, now - age * DAY_MS, double(1)) for age in (20, 16, 1)))
        db.seal()
        db.now_ms = now
        db.write(*(Point(0, now - age * DAY_MS, double(2)) for age in (30, 20, 5)))
        db.seal()
        assert [meta.rows for meta in db.store._parts.folder.current.segments] == [3, 2]
        db.settings = db.settings.model_copy(update={"retention": {"default": "0"}})
        db.do("reopen")
        found = db.found([0], 0, now)
        assert isinstance(found, dict)
        # What was dropped is gone for good; what came back is the last write.
        assert [(now - time) // DAY_MS for time, _ in found[0]] == [20, 16, 5, 1]
        assert found[0][0][1] == double(2)


def wait_for_merger(db: Database) -> None:
    for _ in range(1000):
        db.store._merger.wake()
        threading.Event().wait(0.005)
        if not db.store._parts.folder.current.segments:
            return
    raise AssertionError("nothing was dropped")


def test_a_segment_of_which_every_point_is_too_old_is_dropped_whole() -> None:
    now = 100 * DAY_MS
    with database(retention={"default": "10d"}) as db:
        db.now_ms = now
        db.write(*(Point(series, now - DAY_MS, double(1)) for series in (0, 1, 2)))
        db.seal()
        assert len(db.store._parts.folder.current.segments) == 1
        [segment] = list((db.store._parts.folder.folder).glob("points-*"))
        db.now_ms = now + 20 * DAY_MS
        wait_for_merger(db)
        db.do("reopen")
        assert not segment.exists()


def test_a_segment_is_rewritten_when_only_deletes_wait_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "APPLY_DELETES_S", 0.0)
    with database() as db:
        db.write(*(Point(series, time, double(time)) for series in (0, 1, 2) for time in range(10)))
        db.seal()
        db.delete(1, start_ms=3, end_ms=5)
        for _ in range(1000):
            db.store._merger.wake()
            threading.Event().wait(0.005)
            if not len(db.store._parts.visible.deletes):
                break
        [meta] = db.store._parts.folder.current.segments
        assert (meta.rows, meta.deletes_through > meta.max_sequence) == (27, True)
        assert db.found() == db.right()
        db.do("reopen")
        assert db.found() == db.right()


def test_patterns_hold_from_top_to_bottom() -> None:
    names = ["sys.cpu", "sys.debug.a", "other", "sysxcpu"]

    def metric_names(ids: np.ndarray[tuple[int], np.dtype[np.int64]]) -> np.ndarray[tuple[int], np.dtype[np.object_]]:
        return np.array([names[at] for at in ids.tolist()], dtype=object)

    rules = Retention({"sys.debug.*": "1s", "default": "4s", "sys.*": "2s"}, lambda series: series, metric_names)
    assert rules.oldest_ms(np.array([3, 0, 1, 2, 0], dtype=np.uint32), 10_000).tolist() == [
        6000,
        8000,
        9000,
        6000,
        8000,
    ]
    assert rules.latest_cut_ms(10_000) == 9000
    assert NO_RETENTION.latest_cut_ms(10_000) == NO_RETENTION.oldest_ms(np.zeros(1, np.uint32), 5)[0]


def test_deletes_come_back_from_their_file(tmp_path: Path) -> None:
    deletes = NO_DELETES
    for sequence, series in enumerate(([1, 2], [0xFFFFFFFE], [2, 3]), start=7):
        deletes = deletes.with_delete(Delete(np.array(series, dtype=np.uint32), -5, sequence), sequence)
    for written in (deletes, NO_DELETES):
        back = read_deletes(tmp_path / write_deletes(tmp_path, 9, written, "d"), "d")
        assert [(d.series.tolist(), d.start_ms, d.end_ms, s) for d, s in back] == [
            (d.series.tolist(), d.start_ms, d.end_ms, s) for d, s in written
        ]
    assert delete_files.SCHEMA.names == ["sequence", "series", "start", "end"]


def test_hidden_series_show_again_one_by_one() -> None:
    hidden = NONE_HIDDEN.hiding(np.array([5, 1], dtype=np.uint32))
    asked = np.array([0, 1, 5, 900], dtype=np.uint32)
    assert hidden.visible(asked).tolist() == [0, 900]
    shown = hidden.showing(np.array([5, 5, 7], dtype=np.uint32))
    assert (shown.series.tolist(), bool(shown)) == ([1], True)
    assert not shown.showing(asked)


def test_nothing_is_forgettable_where_nothing_is_gone() -> None:
    keep = Forgetting(NO_DELETES, retention.NO_RETENTION, 0)
    one = np.ones(1, dtype=np.int64)
    assert keep.forgettable(np.ones(1, dtype=np.uint32), one, None, []) is None
    assert keep.forgettable(np.ones(1, dtype=np.uint32), one, one, []) is None


def rows_on_disk(db: Database) -> list[int]:
    return [meta.rows for meta in db.store._parts.folder.current.segments]


def merge_all(db: Database) -> int:
    """Rows that were read until nothing was left to do. From then on nobody else merges."""
    db.store._merger.stop()
    read = 0
    for _ in range(50):
        rows = db.store._housekeeping.merge(lambda: None)
        if not rows:
            return read
        read += rows
    pytest.fail("it never ends")


def test_a_segment_that_has_mostly_expired_is_rewritten_and_goes_when_all_has(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "ROW_GROUP_ROWS", 4)
    with database() as db:
        of_series_1 = [Point(1, time, double(1), NOW_MS + 10) for time in range(8)]
        of_series_2 = [Point(2, time, double(2), NOW_MS + 20) for time in range(4)]
        db.write(*of_series_1, *of_series_2, Point(2, 100, double(3), NOW_MS + 30))
        db.seal()
        [file] = (db.store._parts.folder.folder).glob("points-*")
        assert merge_all(db) == 0
        db.now_ms += 10
        assert merge_all(db) == 13
        assert rows_on_disk(db) == [5]
        assert not file.exists()
        db.now_ms += 10
        assert merge_all(db) == 5
        assert rows_on_disk(db) == [1]
        assert db.found() == db.right()
        db.do("reopen")
        assert merge_all(db) == 0
        assert times(db, 2) == [100]
        db.now_ms += 10
        assert merge_all(db) == 1
        assert rows_on_disk(db) == []
        assert not list(db.store._parts.folder.folder.glob("points-*"))


def test_points_of_one_metric_leave_the_disk_by_its_retention(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "ROW_GROUP_ROWS", 5)
    with database(retention={"metric.1": "10d", "default": "0"}) as db:
        db.now_ms = 100 * DAY_MS
        kept = [Point(0, time, double(1)) for time in range(4)]
        db.write(*kept, *(Point(1, db.now_ms - 5 * DAY_MS + time, double(1)) for time in range(16)))
        db.seal()
        assert merge_all(db) == 0
        db.now_ms += 6 * DAY_MS
        merge_all(db)
        assert sum(rows_on_disk(db)) <= 5
        assert times(db, 0) == [0, 1, 2, 3]


def test_what_hides_older_points_stays_and_is_not_rewritten_for_ever() -> None:
    with database() as db:
        assert merge_all(db) == 0
        db.write(*(Point(1, time, double(1)) for time in (0, 1, 2)))
        db.seal()
        db.write(*(Point(1, time, double(1)) for time in (8, 9, 10)))
        db.seal()
        # Between the two lie most of its times, at their ends all of its rows.
        db.write(*(Point(1, time, double(2), NOW_MS + 10) for time in (1, 2, 8, 9)))
        db.seal()
        db.now_ms += 10
        assert merge_all(db) <= 4
        assert rows_on_disk(db) == [3, 3, 4]
        assert times(db, 1) == [0, 10]
