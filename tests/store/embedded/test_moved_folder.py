"""A data directory that is moved while the server runs: nothing goes to what took its place."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from point_batches import Point, double
from small_database import Database

from headrace import limits
from headrace.errors import Unavailable


def write_until_it_is_noticed(database: Database) -> None:
    """The file that is open goes on, wherever it has moved to; the next one would begin elsewhere."""
    for number in range(1000):
        database.write(Point(0, 2, double(number)))


def test_points_wait_until_it_is_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "SEALER_TICK_S", 0.005)
    monkeypatch.setattr(limits, "PROBE_INTERVAL_S", 0.01)
    data, away = tmp_path / "data", tmp_path / "away"
    database = Database(data)
    database.write(Point(0, 1, double(1)))
    data.rename(away)
    database.store._writer.freeze()
    with pytest.raises(Unavailable, match="is not there any more"):
        write_until_it_is_noticed(database)
    (data / "segments").mkdir(parents=True)
    with pytest.raises(Unavailable, match=r"was moved away|is not there any more"):
        database.write(Point(0, 3, double(3)))
    assert [path.name for path in data.rglob("*")] == ["segments"]
    (data / "segments").rmdir()
    data.rmdir()
    away.rename(data)
    while database.store.refusing:
        pass
    database.write(Point(0, 4, double(4)))
    database.seal()
    assert database.found() == database.right()
    database.reopen()
    assert database.found() == database.right()
    database.store.close()


def test_nothing_goes_to_another_database_in_its_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "SEALER_TICK_S", 0.005)
    monkeypatch.setattr(limits, "PROBE_INTERVAL_S", 0.01)
    data, away, other = tmp_path / "data", tmp_path / "away", tmp_path / "other"
    another = Database(other)
    another.write(Point(0, 1, double(7)))
    another.store.close()
    database = Database(data)
    database.write(Point(0, 1, double(1)))
    data.rename(away)
    other.rename(data)
    before = state_of(data)
    with pytest.raises(Unavailable, match="was moved away"):
        database.store.back_up(tmp_path / "backup")
    with pytest.raises(Unavailable, match="was moved away"):
        database.store._housekeeping.merge(lambda: None)
    database.store._writer.freeze()
    with pytest.raises(Unavailable, match="was moved away"):
        write_until_it_is_noticed(database)
    time.sleep(0.2)  # the sealer and the probe try again and again
    assert state_of(data) == before
    database.store.close()


def state_of(folder: Path) -> dict[str, int]:
    """Of all in it, when it was changed: a file that comes and goes changes its folder."""
    return {str(path): path.stat().st_mtime_ns for path in folder.rglob("*")}
