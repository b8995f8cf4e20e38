"""What the scrub reads, in which order, and what it makes of what it finds."""

from __future__ import annotations

import asyncio
import errno
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from point_batches import Point, double
from small_database import Database, database

from headrace import limits
from headrace.errors import Corrupt
from headrace.model.time import wall_clock
from headrace.store import Document
from headrace.store.embedded.files import durable
from headrace.store.embedded.scrubbing.counted import CountedFile
from headrace.store.embedded.scrubbing.record import Seen
from headrace.store.embedded.scrubbing.scrub import Scrub
from headrace.store.embedded.verifying.verify import verify

DAY_MS = 86_400_000


class Scrubbed:
    """A database with two segments, a series file, a file with a delete and a document, and a scrub of it."""

    def __init__(self, db: Database) -> None:
        self.db = db
        self.folder = db.settings.data_dir
        for time in (1, 2):
            db.write(Point(0, time, double(time)), Point(1, time, double(time)))
            asyncio.run(db.store.commit([Document("annotation", "a", b"hello" * 20)]))
            db.seal()
            db.delete(1, start_ms=1, end_ms=1)  # which waits for the first segment
        self.now_ms = wall_clock()
        self.scrub = self.opened()

    def opened(self) -> Scrub:
        return Scrub(self.db.store._parts, self.db.store._housekeeping, self.folder, lambda: self.now_ms)

    def read_all(self) -> list[str]:
        """Everything that is due. Returns the names of the files, in the order in which they were read."""
        order: list[str] = []
        while True:
            before = {one.file: one.seen for one in self.scrub.files()}
            if not self.scrub.read_next(lambda _: None):
                return order
            order += [one.file for one in self.scrub.files() if one.seen != before[one.file]]
            self.now_ms += 1

    def names(self) -> list[str]:
        return [one.file for one in self.scrub.files()]

    def seen(self, file: str) -> Seen:
        return next(one.seen for one in self.scrub.files() if one.file == file)

    def flip(self, file: str, at: int) -> None:
        content = bytearray((self.folder / file).read_bytes())
        content[at] ^= 4
        (self.folder / file).write_bytes(content)


@pytest.fixture
def scrubbed() -> Iterator[Scrubbed]:
    with database() as db:
        yield Scrubbed(db)


def test_every_file_is_seen_once_a_day(scrubbed: Scrubbed) -> None:
    names = scrubbed.names()
    assert [name.partition("-")[0] for name in names] == [
        *["segments/points"] * 2,
        "segments/series",
        "segments/deletes",
        "documents.sqlite",
    ]
    assert sorted(scrubbed.read_all()) == sorted(names)
    assert [one.points for one in scrubbed.scrub.files()] == [2, 2, None, None, None]
    assert all(one.bytes == (scrubbed.folder / one.file).stat().st_size for one in scrubbed.scrub.files())
    assert scrubbed.read_all() == []
    assert scrubbed.scrub.oldest_s() < 1
    scrubbed.now_ms += DAY_MS
    assert scrubbed.scrub.oldest_s() == pytest.approx(86_400, abs=1)
    assert sorted(scrubbed.read_all()) == sorted(names)


def test_what_was_never_seen_comes_by_its_age_before_what_was(scrubbed: Scrubbed) -> None:
    names = scrubbed.names()
    for number, name in enumerate(names):
        os.utime(scrubbed.folder / name, (1000 - number, 1000 - number))
    assert scrubbed.read_all() == names[::-1]


def test_a_restart_goes_on_where_it_was(scrubbed: Scrubbed) -> None:
    names = set(scrubbed.names())
    for _ in range(2):
        assert scrubbed.scrub.read_next(lambda _: None)
    scrubbed.scrub.write_record()
    seen = {one.file for one in scrubbed.scrub.files() if one.seen.seen}
    scrubbed.scrub = scrubbed.opened()
    assert set(scrubbed.read_all()) == names - seen


def test_a_damaged_segment_is_set_aside_and_named(scrubbed: Scrubbed) -> None:
    damaged, sound, *_ = scrubbed.names()
    scrubbed.flip(damaged, 40)
    scrubbed.read_all()
    assert (scrubbed.folder / f"{damaged}.damaged").exists()
    assert scrubbed.names()[0] == sound
    [sentence] = scrubbed.db.store.damaged
    assert sentence.startswith(damaged)
    assert len(scrubbed.db.store._parts.folder.current.damaged) == 1
    scrubbed.db.writes = [point for point in scrubbed.db.writes if point.time == 2]
    assert scrubbed.db.found() == scrubbed.db.right()


def test_a_wrong_footer_is_damage(scrubbed: Scrubbed) -> None:
    damaged = scrubbed.names()[0]
    scrubbed.flip(damaged, -60)
    scrubbed.read_all()
    assert (scrubbed.folder / f"{damaged}.damaged").exists()


@pytest.mark.parametrize("kind", ["series", "deletes"])
def test_what_memory_knows_is_written_anew(scrubbed: Scrubbed, kind: str) -> None:
    [damaged] = (name for name in scrubbed.names() if kind in name)
    sound = (scrubbed.folder / damaged).read_bytes()
    scrubbed.flip(damaged, -60)
    rotten = (scrubbed.folder / damaged).read_bytes()
    assert scrubbed.read_all().count(damaged) == 1
    assert (scrubbed.folder / damaged).read_bytes() == sound
    assert (scrubbed.folder / f"{damaged}.damaged").read_bytes() == rotten
    assert (scrubbed.scrub.damaged, scrubbed.scrub.unreadable) == ([], 0)
    assert scrubbed.seen(damaged).seen
    scrubbed.db.reopen()
    assert scrubbed.db.store.damaged == []
    assert scrubbed.db.found() == scrubbed.db.right()
    scrubbed.db.store.close()
    assert verify(scrubbed.folder).findings == ()
    scrubbed.db.store = scrubbed.db.open()


@pytest.mark.parametrize("kind", ["series", "deletes"])
@pytest.mark.parametrize("after", [1, 2, 3, 4])
def test_a_disk_that_fails_on_the_way_is_tried_again(
    scrubbed: Scrubbed, kind: str, after: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    [damaged] = (name for name in scrubbed.names() if kind in name)
    scrubbed.flip(damaged, -60)
    os.utime(scrubbed.folder / damaged, (1, 1))
    synced: list[int] = []

    def fail(descriptor: int) -> None:
        synced.append(descriptor)
        if len(synced) >= after:
            raise OSError(errno.EIO, os.strerror(errno.EIO))

    with monkeypatch.context() as patched:
        patched.setattr(durable, "sync_file", fail)
        scrubbed.scrub.read_next(lambda _: None)
    assert (len(scrubbed.scrub.damaged) == 1) == (after < 4)
    scrubbed.now_ms += int(limits.SCRUB_RETRY_S * 1000)
    scrubbed.read_all()
    assert scrubbed.scrub.damaged == []
    scrubbed.db.reopen()
    assert scrubbed.db.store.damaged == []
    assert scrubbed.db.found() == scrubbed.db.right()


def test_names_that_memory_lacks_may_be_in_the_damaged_file(scrubbed: Scrubbed) -> None:
    table = scrubbed.db.store.table
    table.reserve(len(table) + 1)
    [damaged] = (name for name in scrubbed.names() if "series" in name)
    scrubbed.flip(damaged, -60)
    rotten = (scrubbed.folder / damaged).read_bytes()
    scrubbed.read_all()
    assert (scrubbed.folder / damaged).read_bytes() == rotten
    assert scrubbed.scrub.damaged == [f"{damaged}: its footer is not what was written"]
    assert scrubbed.scrub.unreadable == 0
    scrubbed.flip(damaged, -60)
    assert scrubbed.read_all() == []
    scrubbed.now_ms += int(limits.SCRUB_RETRY_S * 1000)
    assert scrubbed.read_all() == [damaged]
    assert scrubbed.scrub.damaged == []


def test_a_damaged_document_is_named(scrubbed: Scrubbed) -> None:
    path = scrubbed.folder / "documents.sqlite"
    scrubbed.db.store._parts.documents._file._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    content = path.read_bytes()
    path.write_bytes(content.replace(b"hellohello", b"hellohellp", 1))
    scrubbed.read_all()
    assert scrubbed.db.store.damaged == ["documents.sqlite: the document annotation 'a' is damaged"]
    with pytest.raises(Corrupt):
        scrubbed.db.store.document("annotation", "a")


def test_what_the_disk_does_not_give_is_no_damage(scrubbed: Scrubbed, monkeypatch: pytest.MonkeyPatch) -> None:
    names = scrubbed.names()

    def fail(*_: object) -> int:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    with monkeypatch.context() as patched:
        patched.setattr(os, "preadv", fail)
        scrubbed.read_all()
    assert scrubbed.names() == names
    assert not list(scrubbed.folder.rglob("*.damaged"))
    assert scrubbed.db.store.damaged == []
    assert scrubbed.scrub.unreadable == 4
    assert "Input/output error" in scrubbed.seen(names[0]).reason
    assert scrubbed.db.found() == scrubbed.db.right()
    scrubbed.now_ms += int(limits.SCRUB_RETRY_S * 1000)
    assert sorted(scrubbed.read_all()) == sorted(name for name in names if name != "documents.sqlite")
    assert scrubbed.scrub.unreadable == 0


def test_a_file_that_is_not_there_is_no_damage(scrubbed: Scrubbed) -> None:
    """The folder may be a mount that is gone for a while; queries read on, as their files are open."""
    missing = scrubbed.names()[0]
    away = scrubbed.folder / "away"
    (scrubbed.folder / missing).rename(away)
    scrubbed.read_all()
    assert scrubbed.names()[0] == missing
    assert (scrubbed.scrub.unreadable, scrubbed.scrub.damaged) == (1, [])
    away.rename(scrubbed.folder / missing)


def test_a_directory_that_was_moved_is_not_judged(scrubbed: Scrubbed) -> None:
    moved = scrubbed.folder.with_name("moved")
    damaged = scrubbed.names()[0]
    scrubbed.flip(damaged, 40)
    content = (scrubbed.folder / damaged).read_bytes()
    scrubbed.folder.rename(moved)
    (scrubbed.folder / "segments").mkdir(parents=True)
    (scrubbed.folder / damaged).write_bytes(content)
    scrubbed.read_all()
    assert sorted(path.name for path in (scrubbed.folder / "segments").iterdir()) == [Path(damaged).name]
    assert scrubbed.db.store._parts.folder.current.damaged == ()
    (scrubbed.folder / damaged).unlink()
    (scrubbed.folder / "segments").rmdir()
    scrubbed.folder.rmdir()
    moved.rename(scrubbed.folder)


def test_a_segment_that_is_merged_meanwhile_is_read_to_its_end(scrubbed: Scrubbed) -> None:
    first = scrubbed.scrub.files()[0]
    os.utime(scrubbed.folder / first.file, (1, 1))
    visible = scrubbed.db.store._parts.visible
    replaced: list[int] = []

    def merge(_: int) -> None:
        if not replaced:
            replaced.append(1)
            pinned = visible.pin_segments()
            merged = scrubbed.db.store._parts.folder.merge(
                pinned,
                scrubbed.db.store._parts.index.metric_ids,
                scrubbed.db.store._housekeeping._forgetting(),
                lambda: None,
            )
            assert merged is not None
            visible.replace(pinned, merged)
            visible.release_segments(pinned)
            assert (scrubbed.folder / first.file).exists()

    assert scrubbed.scrub.read_next(merge)
    assert not (scrubbed.folder / first.file).exists()
    assert scrubbed.db.found() == scrubbed.db.right()
    assert scrubbed.db.store.damaged == []


def test_a_wrong_clock_neither_stops_the_scrub_nor_makes_files_old() -> None:
    seen_later = CountedFile("a", 1, 5_000, Seen(9_000))
    assert seen_later.is_due(8_000)
    assert seen_later.since(8_000) == 5_000
    assert CountedFile("a", 1, 5_000, Seen()).since(1_000) == 1_000
    assert CountedFile("a", 1, 5_000, Seen(1, failed=9_000)).is_due(8_000)
