"""A verification beside a store that is in use: one at a time, told line by line, and nothing of it is left."""

from __future__ import annotations

import json
import os
import queue
import sys
from collections.abc import Iterator

import pytest
from point_batches import Point, double
from small_database import Database, database

from headrace.errors import HeadraceError, Unavailable
from headrace.store.embedded import verifying_online
from headrace.store.embedded.files.disk_space import DiskSpace
from headrace.store.embedded.verifying_online import AlreadyVerifying, Verification

WITHOUT_END = """
import json, os, sys, time
print(json.dumps({"read": os.getpid(), "of": sys.argv[1]}), flush=True)
time.sleep(100)
"""


class Told:
    def __init__(self) -> None:
        self.lines: queue.Queue[bytes | HeadraceError | None] = queue.Queue()

    def next(self) -> object:
        line = self.lines.get(timeout=60)
        return json.loads(line) if isinstance(line, bytes) else line

    def all(self) -> list[object]:
        return [*iter(self.next, None)]


@pytest.fixture
def db() -> Iterator[Database]:
    with database() as opened:
        opened.write(Point(0, 1, double(1)), Point(1, 1, double(2)))
        opened.seal()
        opened.write(Point(0, 2, double(1)))
        yield opened


def run_instead(monkeypatch: pytest.MonkeyPatch, program: str) -> None:
    monkeypatch.setattr(verifying_online, "COMMAND", (sys.executable, "-c", program))


def begin(db: Database) -> tuple[Verification, Told]:
    told = Told()
    return db.store.verify(told.lines.put), told


def left(db: Database) -> list[str]:
    return [path.name for path in db.settings.data_dir.glob("verifying*")]


def test_one_at_a_time_with_the_lowest_priority_and_an_end(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    run_instead(monkeypatch, WITHOUT_END)
    running, told = begin(db)
    said = told.next()
    assert isinstance(said, dict)
    assert os.getpriority(os.PRIO_PROCESS, said["read"]) == 19
    # Its lines speak of the database, not of the copy.
    assert said["of"] == str(db.settings.data_dir)
    assert left(db) == ["verifying"]
    with pytest.raises(AlreadyVerifying):
        begin(db)
    running.end()
    assert told.next() == {"sound": None, "reason": told_of_end(-9)}
    assert told.next() is None
    running.join()
    assert left(db) == []
    with pytest.raises(ProcessLookupError):
        os.kill(said["read"], 0)


def told_of_end(code: int) -> str:
    return f"the process that reads it has ended (exit code {code}): it was ended"


def test_a_store_that_closes_ends_it(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    run_instead(monkeypatch, WITHOUT_END)
    _, told = begin(db)
    told.next()
    db.store.end_verifying()
    assert told.next() == {"sound": None, "reason": told_of_end(-9)}
    with pytest.raises(Unavailable, match="stopping"):
        begin(db)
    db.store._verifier.close()
    assert left(db) == []


def test_a_process_that_fails_is_no_verdict(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    run_instead(monkeypatch, 'import sys; print(\'{"sou\', end=""); sys.exit("out of memory")')
    running, told = begin(db)
    assert told.all() == [{"sound": None, "reason": "the process that reads it has ended (exit code 1): out of memory"}]
    running.join()
    assert left(db) == []


def test_a_copy_leaves_the_room_that_sealing_needs(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(DiskSpace, "free_bytes", lambda _: db.settings.disk_reserve_bytes // 2)
    running, told = begin(db)
    failure, end = told.next(), told.next()
    assert isinstance(failure, Unavailable)
    assert "room" in str(failure)
    assert end is None
    running.join()
    assert left(db) == []


def test_what_a_crash_left_goes_with_the_next_start_and_is_taken_for_nothing(db: Database) -> None:
    copy = db.settings.data_dir / "verifying" / "copy"
    (copy / "segments").mkdir(parents=True)
    (copy / "segments" / "current.json").write_text("{}")
    (copy / "documents.sqlite").write_bytes(b"half")
    os.link(next((db.settings.data_dir / "segments").glob("points-*")), copy / "segments" / "points-1-2.parquet")
    db.store.back_up(db.settings.data_dir.parent / "backup")
    assert not list((db.settings.data_dir.parent / "backup").rglob("verifying"))
    db.reopen()
    assert left(db) == []
    assert db.found() == db.right()
