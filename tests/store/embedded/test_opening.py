"""Opening what is left of a database: older copies, missing folders, what the disk does not give. Never a wrong or a
missing point from a server that says that all is well."""

from __future__ import annotations

import asyncio
import errno
import itertools
import os
import shutil
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from headrace import limits
from headrace.config import Settings
from headrace.errors import Corrupt, Incomplete, Unavailable
from headrace.metrics import Metrics
from headrace.model.points import Admitted, Kind, Values
from headrace.model.series import SeriesName, series_name
from headrace.model.time import ALL_TIME
from headrace.store import Document
from headrace.store.embedded.concessions import Concessions
from headrace.store.embedded.journal import journal
from headrace.store.embedded.journal.format import FILE_HEADER_BYTES
from headrace.store.embedded.segments.current import read_current
from headrace.store.embedded.store import EmbeddedStore, open_store
from headrace.store.embedded.verifying.findings import FindingKind
from headrace.store.embedded.verifying.verify import verify

SECRET, PUBLIC = series_name("m.secret.salary", {"who": "ceo"}), series_name("m.public.new", {"who": "all"})


@pytest.fixture(autouse=True)
def _sealers_that_look_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "SEALER_TICK_S", 0.005)


def opened(folder: Path, accept_loss: bool = False) -> EmbeddedStore:
    return open_store(Settings(data_dir=folder, disk_reserve_bytes=0), Metrics(), concessions=Concessions(accept_loss))


def put(store: EmbeddedStore, name: SeriesName, *numbers: int) -> None:
    ordinal = store.table.register(store.table.key_of(name), name, 0)
    values = Values(np.full(len(numbers), Kind.INT64, dtype=np.uint8), np.array(numbers, dtype=np.int64))
    ordinals = np.full(len(numbers), ordinal, dtype=np.uint32)
    asyncio.run(store.append(Admitted(ordinals, np.array(numbers, dtype=np.int64), values)))


def numbers_of(store: EmbeddedStore, name: SeriesName) -> list[int]:
    with store.snapshot() as snapshot:
        try:
            series = snapshot.find(name.metric, {})
        except KeyError:
            return []
        found: list[int] = snapshot.select(series, *ALL_TIME).values.bits.tolist()
        return found


def keep(store: EmbeddedStore, key: str) -> None:
    asyncio.run(store.commit([Document("note", key, key.encode())]))


def seal(store: EmbeddedStore) -> None:
    store._writer.freeze()
    deadline = time.monotonic() + 10
    while store._parts.visible.recent_points or store._parts.documents.recent_bytes:
        assert time.monotonic() < deadline
        time.sleep(0.005)
    while store._parts.visible.seal_waits:
        time.sleep(0.005)


def two_moments(tmp_path: Path) -> tuple[Path, Path]:
    """The folder of a database, closed, and a copy of it from before its last seal."""
    data, before = tmp_path / "data", tmp_path / "before"
    store = opened(data)
    put(store, series_name("m", {"a": "1"}), 1, 2, 3)
    keep(store, "first")
    seal(store)
    store.close()
    shutil.copytree(data, before)
    store = opened(data)
    put(store, SECRET, 4, 5)
    keep(store, "second")
    seal(store)
    put(store, SECRET, 6)
    store.close()
    return data, before


def put_back(before: Path, data: Path, what: str) -> None:
    """The older copy of a file, with what SQLite keeps beside it, or of a folder."""
    if (before / what).is_dir():
        shutil.rmtree(data / what)
        shutil.copytree(before / what, data / what)
        return
    for beside in ("", "-wal", "-shm"):
        (data / (what + beside)).unlink(missing_ok=True)
        if (before / (what + beside)).exists():
            shutil.copy(before / (what + beside), data / (what + beside))


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_an_older_catalog_takes_the_names_from_the_series_files(tmp_path: Path) -> None:
    data, before = two_moments(tmp_path)
    put_back(before, data, "catalog.sqlite")
    store = opened(data)
    put(store, PUBLIC, 9)
    assert numbers_of(store, SECRET) == [4, 5, 6]
    assert numbers_of(store, PUBLIC) == [9]
    assert ["catalog.sqlite: it was an older copy" in said for said in store.damaged] == [True]
    store.close()
    store = opened(data)
    assert numbers_of(store, SECRET) == [4, 5, 6]
    assert len(store.damaged) == 1, "it is remembered, once"
    store.close()


def sealed_as_far_as_the_catalog(tmp_path: Path) -> Path:
    """The folder of a database whose server ended within a seal: the catalog has the names, the journal too."""
    data, copy = tmp_path / "data", tmp_path / "copy"
    store = opened(data)
    put(store, series_name("m", {"a": "1"}), 1, 2, 3)
    put(store, SECRET, 4)
    shutil.copytree(data, copy)
    seal(store)
    store.close()
    put_back(data, copy, "catalog.sqlite")
    return copy


def test_names_whose_row_in_the_catalog_is_damaged_are_taken_from_the_journal(tmp_path: Path) -> None:
    data = sealed_as_far_as_the_catalog(tmp_path)
    with closing(sqlite3.connect(data / "catalog.sqlite")) as catalog, catalog:
        assert catalog.execute("UPDATE series SET crc = crc + 1").rowcount == 1
    for _ in range(2):
        store = opened(data)
        assert numbers_of(store, series_name("m", {})) == [1, 2, 3]
        assert numbers_of(store, SECRET) == [4]
        assert store.damaged == []
        store.close()


def test_a_journal_of_another_copy_of_the_database_is_refused(tmp_path: Path) -> None:
    """Both have the id of the one that they were."""
    here, there = tmp_path / "here", tmp_path / "there"
    opened(here).close()
    shutil.copytree(here, there)
    for folder, name in ((here, SECRET), (there, PUBLIC)):
        store = opened(folder)
        put(store, name, 1)
        if folder == here:
            seal(store)
        store.close()
    shutil.rmtree(here / "journal")
    shutil.copytree(there / "journal", here / "journal")
    shutil.copy(there / "segments" / "current.json", here / "segments" / "current.json")
    for segment in (here / "segments").glob("*.parquet"):
        segment.unlink()
    with pytest.raises(Corrupt, match="another copy of this database"):
        opened(here)


def test_an_older_current_json_counts_the_newer_segment_again(tmp_path: Path) -> None:
    data, before = two_moments(tmp_path)
    shutil.copy(before / "segments" / "current.json", data / "segments" / "current.json")
    store = opened(data)
    assert numbers_of(store, SECRET) == [4, 5, 6]
    assert numbers_of(store, series_name("m", {})) == [1, 2, 3]
    assert store.document("note", "second") == b"second"
    store.close()


@pytest.mark.parametrize("beside", ["documents.sqlite", "catalog.sqlite", "journal"])
def test_an_older_current_json_hides_no_other_older_copy(tmp_path: Path, beside: str) -> None:
    data, before = two_moments(tmp_path)
    shutil.copy(before / "segments" / "current.json", data / "segments" / "current.json")
    put_back(before, data, beside)
    if beside == "catalog.sqlite":
        store = opened(data)
        assert numbers_of(store, SECRET) == [4, 5, 6]
        assert len(store.damaged) == 1
        store.close()
        return
    with pytest.raises(
        Incomplete, match="the changes through record" if beside == "documents.sqlite" else "journal/ ends"
    ):
        opened(data)


@pytest.mark.parametrize(
    ("missing", "says"),
    [
        ("segments", "segments/ has no current.json"),
        ("journal", "journal/ has no file"),
        ("documents.sqlite", "documents.sqlite is missing"),
        ("catalog.sqlite", "catalog.sqlite, which has the database's id and secret, is missing"),
    ],
)
@pytest.mark.parametrize("is_mount_point", [True, False])
def test_what_is_missing_ends_the_opening_and_nothing_is_changed(
    tmp_path: Path, missing: str, says: str, is_mount_point: bool
) -> None:
    data, _ = two_moments(tmp_path)
    path = data / missing
    away = tmp_path / "away"
    path.rename(away)
    for beside in data.glob(f"{missing}-*"):
        beside.unlink()
    if is_mount_point:
        path.mkdir() if away.is_dir() else path.touch()
    before = {name for name in contents(data) if not name.endswith(("-wal", "-shm", "lock"))}
    with pytest.raises(Incomplete, match=says):
        opened(data)
    assert {name for name in contents(data) if not name.endswith(("-wal", "-shm", "lock"))} == before
    if path.is_dir():
        path.rmdir()
    away.rename(path) if not path.exists() else shutil.move(away, path)
    store = opened(data)
    assert numbers_of(store, SECRET) == [4, 5, 6]
    assert store.damaged == []
    store.close()


@pytest.mark.parametrize(
    ("older", "says"), [("documents.sqlite", "changes through record"), ("journal", "journal/ ends")]
)
def test_an_older_copy_ends_the_opening(tmp_path: Path, older: str, says: str) -> None:
    data, before = two_moments(tmp_path)
    put_back(before, data, older)
    with pytest.raises(Incomplete, match=says):
        opened(data)


def test_the_newest_file_of_the_journal_is_missed(tmp_path: Path) -> None:
    data, _ = two_moments(tmp_path)
    store = opened(data)
    put(store, SECRET, 7)
    store.close()
    newest = max((data / "journal").glob("*.journal"))
    newest.rename(tmp_path / "away")
    with pytest.raises(Incomplete, match=f"journal/{newest.name} is missing"):
        opened(data)
    given_up = tmp_path / "given up"
    shutil.copytree(data, given_up)
    (tmp_path / "away").rename(newest)
    store = opened(data)
    assert numbers_of(store, SECRET) == [4, 5, 6, 7]
    assert store.damaged == []
    store.close()
    for accept_loss in (True, False):
        store = opened(given_up, accept_loss)
        assert numbers_of(store, SECRET) == [4, 5, 6]
        assert [newest.name in each for each in store.damaged] == [True]
        store.close()


@pytest.mark.parametrize("missing", ["segments", "journal", "documents.sqlite"])
def test_what_is_given_up_is_remembered(tmp_path: Path, missing: str) -> None:
    data, _ = two_moments(tmp_path)
    shutil.rmtree(data / missing) if (data / missing).is_dir() else (data / missing).unlink()
    store = opened(data, accept_loss=True)
    assert store.damaged
    put(store, PUBLIC, 9)
    keep(store, "third")
    assert numbers_of(store, PUBLIC) == [9]
    said = store.damaged
    store.close()
    store = opened(data)
    assert store.damaged == said
    assert numbers_of(store, PUBLIC) == [9]
    assert store.document("note", "third") == b"third"
    assert numbers_of(store, SECRET) == {"segments": [6], "journal": [4, 5], "documents.sqlite": [4, 5, 6]}[missing]
    store.close()


@pytest.mark.parametrize("missing", ["segments", "journal", "documents.sqlite"])
def test_what_is_given_up_is_counted(tmp_path: Path, missing: str) -> None:
    data, _ = two_moments(tmp_path)
    shutil.rmtree(data / missing) if (data / missing).is_dir() else (data / missing).unlink()
    metrics = Metrics()
    store = open_store(Settings(data_dir=data), metrics, concessions=Concessions(accept_loss=True))
    assert f'headrace_damaged_files{{folder="{missing}"}} 0.0' not in metrics.render().decode()
    store.close()


def test_what_cannot_be_given_up_says_nothing_of_the_flag(tmp_path: Path) -> None:
    data, _ = two_moments(tmp_path)
    for file in data.glob("catalog.sqlite*"):
        file.unlink()
    with pytest.raises(Incomplete) as refused:
        opened(data, accept_loss=True)
    assert "--accept-loss" not in str(refused.value)


def fail_reads(monkeypatch: pytest.MonkeyPatch, at: int) -> None:
    """The page of the journal that holds byte `at` gives EIO."""
    real = os.preadv

    def preadv(descriptor: int, buffers: Sequence[memoryview], offset: int) -> int:
        if offset <= at < offset + len(buffers[0]):
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return real(descriptor, buffers, offset)

    monkeypatch.setattr(os, "preadv", preadv)


@pytest.mark.parametrize("at", [FILE_HEADER_BYTES + 100, 6000, 0])
def test_a_journal_that_cannot_be_read_ends_the_opening_and_is_not_cut(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: int
) -> None:
    store = opened(tmp_path)
    for number in range(200):
        put(store, SECRET, number)
    store.close()
    with monkeypatch.context() as failing:
        fail_reads(failing, at)
        with pytest.raises(Unavailable, match=r"cannot read .*journal at byte \d+: Input/output error \(errno 5\)"):
            opened(tmp_path)
    store = opened(tmp_path)
    assert numbers_of(store, SECRET) == list(range(200))
    assert store.damaged == []
    store.close()


def test_damage_of_the_journal_is_remembered_when_the_journal_is_gone(tmp_path: Path) -> None:
    store = opened(tmp_path)
    for number in range(3):
        put(store, SECRET, number)
    store.close()
    [file] = [file for file in (tmp_path / "journal").iterdir() if file.stat().st_size > FILE_HEADER_BYTES]
    content = bytearray(file.read_bytes())
    content[-30] ^= 4
    file.write_bytes(content)
    for _ in range(3):
        store = opened(tmp_path)
        [said] = store.damaged
        assert said.startswith(f"journal/{file.name}: the last commit")
        assert numbers_of(store, SECRET) == [0, 1]
        seal(store)
        store.close()


def test_files_of_another_database_end_the_opening(tmp_path: Path) -> None:
    data, _ = two_moments(tmp_path)
    other, _ = two_moments(tmp_path / "other")
    for what in ("documents.sqlite", "catalog.sqlite", "segments", "journal"):
        mixed = tmp_path / f"mixed-{what}"
        shutil.copytree(data, mixed)
        put_back(other, mixed, what)
        with pytest.raises((Corrupt, Incomplete)):
            opened(mixed)


async def test_a_restart_makes_no_point_younger(tmp_path: Path) -> None:
    """Restarted every few minutes, a server still seals points that are ten minutes old: by kernel and one by one."""
    now_ms = 1_700_000_000_000
    for name, others in ((SECRET, 0), (PUBLIC, 5)):
        folder = tmp_path / name.metric
        settings = Settings(data_dir=folder, disk_reserve_bytes=0)
        for minutes in (0, 4, 8, 12):
            clock = itertools.repeat(now_ms + 60_000 * minutes).__next__
            store = await asyncio.to_thread(open_store, settings, Metrics(), clock)
            if minutes == 0:
                for number in range(others + 1):
                    await asyncio.to_thread(put, store, name, number)
            if minutes == 12:
                await asyncio.to_thread(wait_for_segment, folder)
            await asyncio.to_thread(store.close)
            assert bool(list((folder / "segments").glob("points-*"))) == (minutes == 12)


def wait_for_segment(folder: Path) -> None:
    deadline = time.monotonic() + 10
    while not list((folder / "segments").glob("points-*")):
        assert time.monotonic() < deadline, "not sealed"
        time.sleep(0.005)


def test_a_disk_that_fails_at_any_other_step_is_unavailable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data, _ = two_moments(tmp_path)
    (data / "segments" / "points.tmp").touch()

    def fail(path: Path, missing_ok: bool = False) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO), str(path))

    with monkeypatch.context() as failing:
        failing.setattr(Path, "unlink", fail)
        with pytest.raises(Unavailable, match=r"cannot be opened: \[Errno 5\] Input/output error: '.*points\.tmp'"):
            opened(data)
    store = opened(data)
    assert numbers_of(store, SECRET) == [4, 5, 6]
    store.close()


def test_a_full_disk_is_opened_and_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data, _ = two_moments(tmp_path)

    def fail(path: Path) -> Iterator[None]:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as full:
        full.setattr(journal, "replaced_file", fail)
        store = opened(data)
        assert numbers_of(store, SECRET) == [4, 5, 6]
        with pytest.raises(Unavailable, match="No space left on device"):
            put(store, SECRET, 7)
        store.close()
    store = opened(data)
    put(store, SECRET, 8)
    assert numbers_of(store, SECRET) == [4, 5, 6, 8]
    store.close()


def test_a_data_directory_that_cannot_be_made_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(Unavailable, match="cannot make the data directory"):
        opened(tmp_path / "file" / "data")


def test_what_counts_again_is_written_down_before_anything_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data, before = two_moments(tmp_path)
    listed = read_current(data / "segments")
    shutil.copy(before / "segments" / "current.json", data / "segments" / "current.json")

    def fail(path: Path) -> Iterator[None]:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(journal, "replaced_file", fail)  # else the journal's new file is noted there, too
    opened(data).close()
    again = read_current(data / "segments")
    assert listed is not None
    assert again is not None
    assert [meta.file for meta in again.segments] == [meta.file for meta in listed.segments]


def test_a_catalog_that_was_mended_is_no_older_copy_any_more(tmp_path: Path) -> None:
    data, before = two_moments(tmp_path)
    store = opened(data)
    for ordinal in range(2):
        asyncio.run(store.delete(np.array([ordinal], dtype=np.uint32), *ALL_TIME))
        asyncio.run(store.seal())
    store.close()
    put_back(before, data, "catalog.sqlite")
    opened(data).close()
    assert {finding.kind for finding in verify(data).findings} == {FindingKind.REMEMBERED}


def test_ordinals_that_only_segments_know_are_not_given_again(tmp_path: Path) -> None:
    """The catalog and current.json are older copies, and the newest file of names is gone."""
    data, before = two_moments(tmp_path)
    store = opened(data)
    seal(store)
    store.close()
    put_back(before, data, "catalog.sqlite")
    shutil.copy(before / "segments" / "current.json", data / "segments" / "current.json")
    max((data / "segments").glob("series-*")).unlink()
    store = opened(data)
    put(store, PUBLIC, 9)
    assert numbers_of(store, PUBLIC) == [9]
    assert numbers_of(store, SECRET) == []
    store.close()


@pytest.mark.parametrize("folder", ["journal", "segments"])
@pytest.mark.parametrize("accept_loss", [False, True])
def test_a_folder_that_may_not_be_listed_is_not_empty(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, folder: str, accept_loss: bool
) -> None:
    data, _ = two_moments(tmp_path)
    with monkeypatch.context() as failing:
        for call in ("listdir", "scandir"):
            failing.setattr(os, call, partial(_fail_for, folder, getattr(os, call)))
        with pytest.raises(Unavailable, match="Permission denied"):
            opened(data, accept_loss)
    store = opened(data)
    assert numbers_of(store, SECRET) == [4, 5, 6]
    assert store.damaged == []
    store.close()


def _fail_for(folder: str, real: Callable[[Path], object], path: Path) -> object:
    if Path(path).name == folder:
        raise OSError(errno.EACCES, os.strerror(errno.EACCES), str(path))
    return real(path)
