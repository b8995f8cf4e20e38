"""Each part of a small database spoilt in ways that no opening looks for, or that only a verification reads. What both
must agree on is tried in tests/trials."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from unittest import mock

import numpy as np
import pyarrow.parquet as pq
import pytest
from isal import isal_zlib
from point_batches import Point
from small_database import database

from headrace.config import Settings
from headrace.errors import Unavailable
from headrace.metrics import Metrics
from headrace.model.points import Kind
from headrace.store import Document
from headrace.store.embedded.files.folder_lock import FolderLock
from headrace.store.embedded.segments.current import Current, Loss, SeriesFile, read_current, write_current
from headrace.store.embedded.segments.files.footer import footer_crc
from headrace.store.embedded.store import EmbeddedStore, open_store
from headrace.store.embedded.verifying import verify as verifying
from headrace.store.embedded.verifying.findings import FindingKind
from headrace.store.embedded.verifying.no_server import without_server
from headrace.store.embedded.verifying.verify import Verified, bytes_to_read, verify


@contextmanager
def made() -> Iterator[Path]:
    """Two segments, a pending delete, documents, and points that only the journal has; closed."""
    with database() as made_database:
        made_database.write(*(point(series, time) for series in range(3) for time in range(10)))
        keep(made_database.store, "a", "b")
        made_database.seal()
        made_database.write(point(0, 5, 50), point(1, 11))
        made_database.delete(2, start_ms=1, end_ms=3)
        made_database.seal()
        made_database.write(point(1, 12))
        made_database.store.close()
        folder = made_database.settings.data_dir
        yield folder
        made_database.store = made_database.open()


def point(series: int, time: int, number: int = 7) -> Point:
    return Point(series, time, (Kind.INT64, number))


def keep(store: EmbeddedStore, *keys: str) -> None:
    asyncio.run(store.commit([Document("note", key, key.encode()) for key in keys]))


def found(verified: Verified) -> list[tuple[str, str]]:
    return [(finding.kind.value, f"{finding.file}: {finding.what}") for finding in verified.findings]


def changed(folder: Path, change: Callable[[Current], Current]) -> None:
    current = read_current(folder / "segments")
    assert current is not None
    write_current(folder / "segments", change(current))


def test_a_sound_database_is_counted() -> None:
    with made() as folder:
        read: list[int] = []
        verified = verify(folder, read.append)
        assert found(verified) == []
        assert verified.is_sound
        assert verified.is_judged
        assert (verified.segments, verified.sealed_points, verified.journal_points) == (2, 32, 1)
        assert verified.documents == 2
        assert 0 < sum(read) <= bytes_to_read(folder)


def test_the_format_samples_are_sound() -> None:
    samples = Path(__file__).parents[3] / "format"
    folders = [path.parent.parent for path in samples.rglob("current.json")]
    assert folders
    for folder in folders:
        assert found(verify(folder)) == [], folder


def test_a_segment_whose_numbers_are_not_those_that_are_listed() -> None:
    with made() as folder:
        changed(folder, lambda c: replace(c, segments=(replace(c.segments[0], max_time=10, bytes=1), *c.segments[1:])))
        kinds, told = zip(*found(verify(folder)), strict=True)
        assert set(kinds) == {"damage"}
        assert any("bytes, current.json lists 1" in what for what in told)
        assert any("max_time is 9, current.json lists 10" in what for what in told)


def test_a_segment_whose_rows_are_out_of_order() -> None:
    with made() as folder:
        current = read_current(folder / "segments")
        assert current is not None
        meta = current.segments[0]
        path = folder / "segments" / meta.file
        with pq.ParquetFile(path) as file:
            table, described = file.read(), file.metadata.metadata
        swapped = table.take(np.array([1, 0, *range(2, len(table))]))
        with pq.ParquetWriter(path, table.schema, store_schema=False) as writer:
            writer.write_table(swapped)
            writer.add_key_value_metadata(described)
        crc, size = footer_crc(path), path.stat().st_size
        meta = replace(meta, footer_crc=crc, bytes=size)
        changed(folder, lambda c: replace(c, segments=(meta, *c.segments[1:])))
        assert found(verify(folder)) == [
            ("damage", f"segments/{meta.file}: row group 0: row 1 is not behind the one before it")
        ]


def test_series_files_that_are_not_the_catalogs() -> None:
    with made() as folder:
        changed(folder, lambda c: replace(c, series=(SeriesFile(c.series[0].file, 2, c.series[0].footer_crc),)))
        told = " ".join(what for _, what in found(verify(folder)))
        assert "not what its name says" in told
        assert "rows, current.json lists 2" in told


def test_names_of_the_catalog_that_are_not_those_of_the_series_files() -> None:
    with made() as folder:
        with closing(sqlite3.connect(folder / "catalog.sqlite", isolation_level=None)) as catalog:
            [(first, keys, lengths, names)] = catalog.execute("SELECT first, keys, lengths, names FROM series")
            names = names.replace(b"metric.0", b"metric.9")

            crc = isal_zlib.crc32(names, isal_zlib.crc32(lengths, isal_zlib.crc32(keys)))
            catalog.execute("UPDATE series SET names = ?, crc = ? WHERE first = ?", (names, crc, first))
        told = [what for _, what in found(verify(folder))]
        assert any("names of series are not those of the catalog" in what for what in told)


def test_every_document_is_looked_at() -> None:
    with made() as folder:
        with closing(sqlite3.connect(folder / "documents.sqlite", isolation_level=None)) as documents:
            documents.execute("UPDATE documents SET body = x'00'")
        told = found(verify(folder))
        assert told == [("damage", f"documents.sqlite: the document note '{key}' is damaged") for key in "ab"]


def test_the_newest_file_of_the_journal_is_missed() -> None:
    with made() as folder:
        open_store(Settings(data_dir=folder), Metrics()).close()
        newest = max((folder / "journal").glob("*.journal"))
        newest.rename(folder / "away")
        assert found(verify(folder)) == [("gap", f"journal: journal/{newest.name} is missing")]
        (folder / "away").rename(newest)
        assert verify(folder).is_sound


def test_a_loss_that_is_remembered_is_no_sound_database() -> None:
    with made() as folder:
        changed(folder, lambda c: replace(c, losses=(Loss("journal", "records 3 to 4 are gone", 0),)))
        assert found(verify(folder)) == [("remembered", "journal: records 3 to 4 are gone")]


def test_what_the_disk_does_not_give_is_not_judged() -> None:
    with made() as folder:
        failure = OSError(5, "Input/output error")
        with mock.patch("headrace.store.embedded.segments.files.segment.pa.OSFile", side_effect=failure):
            verified = verify(folder)
        assert {finding.kind for finding in verified.findings} == {FindingKind.UNREADABLE}
        assert not verified.is_sound
        assert not verified.is_judged


def test_a_torn_end_is_no_finding_and_stays() -> None:
    with made() as folder:
        [*_, last] = sorted((folder / "journal").iterdir())
        size = last.stat().st_size
        with last.open("ab") as file:
            file.write(last.read_bytes()[48:80])
        verified = verify(folder)
        assert found(verified) == []
        assert verified.torn_bytes == 32
        assert last.stat().st_size == size + 32


def test_a_server_that_was_killed_left_a_sound_database(tmp_path: Path) -> None:
    """With SQLite's logs beside its files."""
    with database() as running:
        running.write(*(point(series, 1) for series in range(3)))
        keep(running.store, "a")
        running.seal()
        running.write(point(1, 2))
        copy = tmp_path / "copy"
        shutil.copytree(running.settings.data_dir, copy)
        assert (copy / "documents.sqlite-wal").stat().st_size
        before = sorted(path.name for path in copy.iterdir())
        verified = verify(copy)
        assert found(verified) == []
        assert (verified.documents, verified.journal_points) == (1, 1)
        assert sorted(path.name for path in copy.iterdir()) == before


def test_no_server_starts_meanwhile(tmp_path: Path) -> None:
    FolderLock(tmp_path).release()
    with without_server(tmp_path), pytest.raises(Unavailable):
        FolderLock(tmp_path)
    lock = FolderLock(tmp_path)
    with pytest.raises(Unavailable, match=r"a server .* uses"), without_server(tmp_path):
        raise AssertionError
    lock.release()


def test_every_file_comes_from_the_disk() -> None:
    """Not out of the kernel's memory, which may be right when the disk is not any more."""
    dropped: list[Path] = []

    def note(descriptor: int) -> None:
        dropped.append(Path(f"/proc/self/fd/{descriptor}").readlink())

    with made() as folder, mock.patch.object(verifying, "forget_cached", note):
        verify(folder)
        read = [path for path in folder.resolve().rglob("*") if path.is_file() and path.name != "lock"]
        assert sorted(dropped) == sorted(read)
