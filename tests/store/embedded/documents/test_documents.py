"""Documents against a plain dict, in memory and in their file, through damage, loss and an older catalog."""

from __future__ import annotations

import errno
import os
import sqlite3
import threading
import zlib
from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import count
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headrace import limits
from headrace.errors import Corrupt, Incomplete, Unavailable
from headrace.store import Document, DocumentChange, DocumentRange
from headrace.store.embedded.documents import file
from headrace.store.embedded.documents.catalog import FORMAT_WITH_DOCUMENTS, Catalog
from headrace.store.embedded.documents.documents import Documents, open_documents
from headrace.store.embedded.documents.file import DocumentFile
from headrace.store.embedded.files.sqlite_files import complaints, transaction
from headrace.store.embedded.gaps import Gaps

DATABASE = bytes(range(16))

KINDS = st.sampled_from("ab")
NAMES = st.text("abc\0\U0001f6b0\uffff", max_size=2)
DOCUMENTS = st.builds(Document, KINDS, NAMES, st.one_of(st.none(), st.binary(max_size=5)))
CHANGES = st.lists(
    st.one_of(DOCUMENTS, DOCUMENTS, DOCUMENTS, st.builds(DocumentRange, KINDS, NAMES, NAMES)), max_size=6
)
STEPS = st.lists(st.one_of(CHANGES, CHANGES, st.sampled_from(["file", "sweep", "reopen"])), max_size=8)


class Held(dict[tuple[str, str], bytes]):
    """What the changes leave, by the words of the contract."""

    def apply(self, changes: list[DocumentChange]) -> None:
        for change in changes:
            match change:
                case DocumentRange(kind, first, end):
                    for name in [name for name in self if name[0] == kind and first <= name[1] < end]:
                        del self[name]
                case Document(kind, key, None):
                    self.pop((kind, key), None)
                case Document(kind, key, bytes(body)):
                    self[kind, key] = body


class Database:
    """Documents in a folder, and the journal that they would be read back from."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "documents.sqlite"
        self.journal: list[tuple[int, list[DocumentChange]]] = []
        self.documents = Documents(DocumentFile(self.path, DATABASE))

    def apply(self, changes: list[DocumentChange]) -> None:
        self.journal.append((len(self.journal) + 1, changes))
        self.documents.apply(changes, len(self.journal))

    def reopen(self) -> None:
        self.documents.close()
        self.documents = Documents(DocumentFile(self.path, DATABASE))
        for sequence, changes in self.journal:
            self.documents.apply(changes, sequence)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    database = Database(tmp_path_factory.mktemp("documents"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(limits, "DOCUMENTS_SWEPT", 1)  # a range of two is a large one
        yield database
    database.documents.close()


EXAMPLES = count()


@settings(max_examples=80)
@given(STEPS, NAMES, NAMES, st.one_of(st.none(), st.integers(0, 3)), st.booleans())
def test_they_are_a_dict_in_the_order_of_its_keys(
    shared: Database, steps: list[list[DocumentChange] | str], first: str, end: str, limit: int | None, backwards: bool
) -> None:
    held, example = Held(), f"{next(EXAMPLES)}."  # kinds of its own, so that the file need not be made each time
    for step in steps:
        if step == "file":
            shared.documents.file_recent()
        elif step == "sweep":
            shared.documents.sweep()
        elif step == "reopen":
            shared.reopen()
        elif isinstance(step, list):
            changes = [change._replace(kind=example + change.kind) for change in step]
            shared.apply(changes)
            held.apply(changes)
        for kind in (example + "a", example + "b"):
            wanted = sorted((key, body) for (of, key), body in held.items() if of == kind and first <= key < end)
            found = shared.documents.between(kind, first, end, limit, backwards)
            assert found == (wanted[::-1] if backwards else wanted)[:limit]
            assert shared.documents.keys(kind, first, end) == [key for key, _ in wanted]
            for key in (first, end, "a"):
                assert shared.documents.get(kind, key) == held.get((kind, key))


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = Database(tmp_path)
    yield opened
    opened.documents.close()


def test_memory_is_counted_and_bounded(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "RECENT_DOCUMENT_BYTES_MAX", 10_000)
    database.apply([Document("k", "a", bytes(9000))])
    full = [database.documents.is_full]
    database.apply([Document("k", "a", bytes(8000)), Document("k", "b", bytes(2000))])
    assert [*full, database.documents.is_full] == [False, True]
    database.apply([DocumentRange("k", "a", "b")])
    assert 2000 < database.documents.recent_bytes < 4000
    database.documents.file_recent()
    assert database.documents.recent_bytes == 0
    assert database.documents.between("k", "", "~") == [("b", bytes(2000))]


def test_what_changes_while_it_is_filed_stays(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between the file's commit and the end of the filing other changes come, and readers see one state."""
    database.apply([Document("k", key, b"old") for key in "abc"])
    write = DocumentFile.write

    def slow(file: DocumentFile, ranges: object, documents: object, applied: int) -> None:
        write(file, ranges, documents, applied)  # type: ignore[arg-type]
        assert database.documents.between("k", "", "~") == [("a", b"old"), ("b", b"old"), ("c", b"old")]
        database.apply([Document("k", "a", b"new"), DocumentRange("k", "b", "c")])

    monkeypatch.setattr(DocumentFile, "write", slow)
    database.documents.file_recent()
    assert database.documents.between("k", "", "~") == [("a", b"new"), ("c", b"old")]
    monkeypatch.undo()
    database.documents.file_recent()
    database.reopen()
    assert database.documents.between("k", "", "~") == [("a", b"new"), ("c", b"old")]


def test_a_reader_sees_one_state_while_another_thread_files(database: Database) -> None:
    """Two documents are always changed together, and must always be seen so."""
    stop = threading.Event()

    def change() -> None:
        for number in range(150):
            body = b"%d" % number
            database.apply([Document("k", "a", body), DocumentRange("k", "m", "n"), Document("k", "z", body)])
            database.documents.file_recent()
        stop.set()

    database.apply([Document("k", "a", b""), Document("k", "z", b"")])
    writer = threading.Thread(target=change)
    writer.start()
    while not stop.is_set():
        [(_, one), (_, other)] = database.documents.between("k", "", "~")
        assert one == other
    writer.join()


def test_a_filing_that_fails_moves_nothing(database: Database) -> None:
    database.apply([Document("k", "a", b"1")])
    [pages] = database.documents._file._connection.execute("PRAGMA page_count").fetchone()
    database.documents._file._connection.execute(f"PRAGMA max_page_count = {pages}")
    database.apply([Document("k", "b", bytes(1_000_000))])
    with pytest.raises(Unavailable, match="full"):
        database.documents.file_recent()
    assert [key for key, _ in database.documents.between("k", "", "~")] == ["a", "b"]
    database.documents._file._connection.execute("PRAGMA max_page_count = 1000000")
    database.documents.file_recent()
    assert database.documents._file.applied == 2


def test_a_large_range_is_out_of_sight_at_once_and_deleted_in_pieces(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "DOCUMENTS_SWEPT", 10)
    database.apply([Document("k", f"{number:03}", bytes(5000)) for number in range(100)])
    database.documents.file_recent()
    database.apply([DocumentRange("k", "02", "09"), Document("k", "050", b"new")])
    database.documents.file_recent()
    left = [f"{number:03}" for number in (*range(20), 50, *range(90, 100))]
    with closing(sqlite3.connect(database.path)) as stranger:
        on_disk = [stranger.execute("SELECT count(*) FROM documents").fetchone()[0]]
        while database.documents.sweep():
            assert [key for key, _ in database.documents.between("k", "", "~")] == left
            assert database.documents.get("k", "050") == b"new"
            assert database.documents.keys("k", "", "~") == left
            assert database.documents.get("k", "051") is None
            on_disk += stranger.execute("SELECT count(*) FROM documents").fetchone()
        assert on_disk == [90, 80, 70, 60, 50, 40, 31]
        assert stranger.execute("SELECT * FROM gone").fetchall() == []
        assert stranger.execute("PRAGMA freelist_count").fetchone() == (0,), "room has come back"
        assert stranger.execute("PRAGMA page_count").fetchone()[0] < 31 * 2 + 20


def test_a_piece_is_bounded_in_bytes_too(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "DOCUMENTS_SWEPT", 100)
    monkeypatch.setattr(limits, "DOCUMENT_BYTES_SWEPT", 25_000)
    database.apply([Document("k", f"{number:03}", bytes(10_000)) for number in range(10)])
    database.documents.file_recent()
    database.apply([DocumentRange("k", "", "~")])
    database.documents.file_recent()
    assert [database.documents.sweep() for _ in range(4)] == [True, True, True, False]


def spoil(path: Path, how: str) -> None:
    with path.open("r+b") as file:
        if how == "emptied":
            file.truncate(0)
        else:
            begin = 0 if how == "overwritten" else 8 * 4096
            file.seek(begin)
            file.write(b"somebody's notes" * ((path.stat().st_size - begin) // 16))


@pytest.mark.parametrize("how", ["overwritten", "overwritten from the middle", "emptied"])
def test_a_file_that_is_spoilt_while_it_is_open_is_set_aside_and_filing_goes_on(
    database: Database, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    documents = database.documents
    documents._file.note(["lost long ago"])
    database.apply([Document("k", f"{number:04}", bytes(5000)) for number in range(1000)])
    documents.file_recent()
    assert len(documents.between("k", "", "~")) == 1000  # there is an idle connection
    documents._file._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    spoil(database.path, how)
    spoilt = database.path.read_bytes()
    database.apply([Document("k", "new", b"1"), DocumentRange("k", "0", "05"), Document("k", "0999", b"2")])
    with monkeypatch.context() as disk:
        disk.setattr(DocumentFile, "_begin_or_read", failing(Unavailable("disk full")))
        with pytest.raises(Unavailable):
            documents.file_recent()
        assert documents.get("k", "new") == b"1"
        with pytest.raises(Unavailable):
            documents.get("k", "0998")
    for _ in range(2):
        documents.file_recent()
        assert documents.recent_bytes == 0
        assert documents.between("k", "", "~") == [("0999", b"2"), ("new", b"1")]
        earlier, lost = documents.damaged
        assert earlier == "lost long ago"
        assert "it is kept as documents.sqlite.0.damaged" in lost
        database.reopen()
        documents = database.documents
    assert database.path.with_name("documents.sqlite.0.damaged").read_bytes() == spoilt


@pytest.mark.parametrize("gives", [True, False], ids=["the disk works again", "the disk still fails"])
def test_a_sound_file_that_sqlite_calls_malformed_is_not_set_aside(
    database: Database, monkeypatch: pytest.MonkeyPatch, gives: bool
) -> None:
    """SQLite says so, too, of a file whose reads fail: here for one filing, as a disk that fails for some seconds."""
    documents, before = database.documents, database.path
    database.apply([Document("k", f"{number:04}", bytes(500)) for number in range(100)])
    documents.file_recent()
    database.apply([Document("k", "new", b"1")])
    with monkeypatch.context() as disk:
        disk.setattr(DocumentFile, "_put", failing(sqlite3.DatabaseError("database disk image is malformed")))
        if not gives:
            disk.setattr(os, "pread", failing(OSError(errno.EIO, os.strerror(errno.EIO))))
            monkeypatch.setattr(limits, "SQLITE_JUDGED_S", 0.0)
        with pytest.raises(Unavailable, match="is sound, and yet" if gives else r"Input/output error \(errno 5\)"):
            documents.file_recent()
    assert before.exists()
    assert not list(before.parent.glob("*.damaged"))
    documents.file_recent()
    assert documents.recent_bytes == 0
    assert documents.damaged == []
    database.reopen()
    assert len(database.documents.between("k", "", "~")) == 101


def test_a_sound_file_that_sqlite_calls_malformed_to_a_reader_is_tried_again(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A read of one page that failed once."""
    database.apply([Document("k", "a", b"1")])
    database.documents.file_recent()
    with monkeypatch.context() as disk:
        disk.setattr(
            DocumentFile, "_connect_to_read", failing(sqlite3.DatabaseError("database disk image is malformed"))
        )
        with pytest.raises(Unavailable, match="is sound, and yet cannot be used"):
            database.documents.get("k", "a")
    assert database.documents.get("k", "a") == b"1"
    assert database.documents.damaged == []


@pytest.mark.parametrize(
    ("complaint", "says"),
    [("Page 8: unable to get the page. error code=8458", "a read failed"), ("Failed to read ptrmap key=9", "is sound")],
)
def test_a_read_that_fails_while_the_file_is_checked_is_no_damage(
    database: Database, monkeypatch: pytest.MonkeyPatch, complaint: str, says: str
) -> None:
    """SQLite lists it beside what is wrong, and raises nothing."""
    database.apply([Document("k", "a", b"1")])
    database.documents.file_recent()

    class Failing:
        def execute(self, check: str) -> list[tuple[str]]:
            return [(f"*** in database main ***\n{complaint}",)]

    with monkeypatch.context() as disk:
        disk.setattr(file, "complaints", lambda _, path, check: complaints(Failing(), path, check))  # type: ignore[arg-type]
        with pytest.raises(Unavailable, match=says):
            database.reopen()
    assert not list(database.path.parent.glob("*.damaged"))
    database.reopen()
    assert database.documents.get("k", "a") == b"1"


def test_a_disk_that_fails_in_the_middle_of_a_reading_is_no_damage(database: Database) -> None:
    """SQLite ends the transaction by itself then."""
    documents = database.documents
    database.apply([Document("k", "a", b"1")])
    documents.file_recent()
    failure = sqlite3.OperationalError("disk I/O error")
    failure.sqlite_errorcode = sqlite3.SQLITE_IOERR

    def read() -> None:
        with documents._file._one_state() as connection:
            connection.execute("ROLLBACK")
            raise failure

    with pytest.raises(Unavailable, match="disk I/O error"):
        read()
    assert documents.between("k", "", "~") == [("a", b"1")]
    assert documents.damaged == []


def failing(failure: Exception) -> Callable[..., None]:
    def fail(*_: object, **__: object) -> None:
        raise failure

    return fail


def flip(path: Path, column: str, key: str) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as stranger:
        [value] = stranger.execute(f"SELECT CAST({column} AS BLOB) FROM documents WHERE key = ?", (key,)).fetchone()
        flipped = bytes([value[0] ^ 1]) + value[1:]
        cast = "?" if column == "body" else "CAST(? AS TEXT)"
        stranger.execute(f"UPDATE documents SET {column} = {cast} WHERE key = ?", (flipped, key))


def test_a_flipped_bit_is_named_and_the_rest_is_served(database: Database) -> None:
    database.apply([Document("k", key, key.encode() * 50) for key in "abcd"])
    database.documents.file_recent()
    flip(database.path, "body", "b")
    flip(database.path, "key", "d")  # it says "e" then
    for _ in range(2):
        with pytest.raises(Corrupt, match="k 'b' is damaged"):
            database.documents.get("k", "b")
    with pytest.raises(Corrupt, match="k 'e' is damaged"):
        database.documents.between("k", "", "~")
    assert [key for key, _ in database.documents.between("k", "", "~")] == ["a", "c"]
    assert database.documents.get("k", "a") == b"a" * 50
    assert len(database.documents.damaged) == 2
    database.apply([Document("k", "b", b"mended")])
    database.documents.file_recent()
    assert database.documents.get("k", "b") == b"mended"


def test_the_tables_are_the_documented_ones(database: Database) -> None:
    database.apply([Document("k", "\u00fc", b"body"), Document("k", "gone", b""), DocumentRange("k", "g", "h")])
    database.documents.file_recent()
    connection = database.documents._file._connection
    assert connection.execute("PRAGMA synchronous").fetchone() == (2,)
    assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    with closing(sqlite3.connect(database.path)) as stranger:
        assert stranger.execute("SELECT format, database, applied FROM state").fetchall() == [(2, DATABASE, 1)]
        [row] = stranger.execute("SELECT kind, key, body, crc FROM documents").fetchall()
        assert row == ("k", "\u00fc", b"body", zlib.crc32("k\u00fcbody".encode()))
        assert stranger.execute("SELECT what FROM damage").fetchall() == []


# opening ---------------------------------------------------------------------------------------------------------


def with_one_document(folder: Path) -> tuple[Catalog, Path]:
    catalog, path = Catalog(folder / "catalog.sqlite"), folder / "documents.sqlite"
    documents = open_documents(path, catalog)
    documents.apply([Document("k", "a", b"1")], 1)
    documents.file_recent()
    documents.close()
    return catalog, path


def test_what_was_filed_is_there_after_an_opening(tmp_path: Path) -> None:
    catalog, path = with_one_document(tmp_path)
    documents = open_documents(path, catalog)
    assert documents.get("k", "a") == b"1"
    assert documents.damaged == []
    documents.close()


@pytest.mark.parametrize("is_there", [True, False])
def test_a_file_that_is_missing_or_empty_ends_the_opening_unless_it_is_given_up(tmp_path: Path, is_there: bool) -> None:
    catalog, path = with_one_document(tmp_path)
    path.write_bytes(b"") if is_there else path.unlink()
    with pytest.raises(Incomplete, match=r"documents\.sqlite is missing"):
        open_documents(path, catalog)
    assert path.exists() == is_there
    gaps = Gaps(accept_loss=True)
    documents = open_documents(path, catalog, gaps)
    assert documents.get("k", "a") is None
    documents.close()
    assert gaps.accepted == [("documents.sqlite", "documents.sqlite is missing, and with it all documents")]


def test_a_file_that_is_damaged_is_remembered(tmp_path: Path) -> None:
    content = b"somebody's notes" * 1000
    catalog, path = with_one_document(tmp_path)
    path.write_bytes(content)
    for _ in range(2):
        documents = open_documents(path, catalog)
        [lost] = documents.damaged
        assert "documents.sqlite" in lost
        assert documents.get("k", "a") is None
        documents.close()
    kept = [file.read_bytes() for file in tmp_path.glob("*.damaged")]
    assert kept == [content]


def test_a_file_of_another_database_or_format_is_left_alone(tmp_path: Path) -> None:
    _, path = with_one_document(tmp_path)
    other = Catalog(tmp_path / "other.sqlite")
    with pytest.raises(Corrupt, match="another database"):
        open_documents(path, other)
    catalog = Catalog(tmp_path / "catalog.sqlite")
    with closing(sqlite3.connect(path, isolation_level=None)) as stranger:
        stranger.execute("UPDATE state SET format = 3")
    with pytest.raises(Corrupt, match="format 3"):
        open_documents(path, catalog)
    assert not list(tmp_path.glob("*.damaged"))


def test_documents_of_an_older_catalog_are_taken_over(tmp_path: Path) -> None:
    catalog = Catalog(tmp_path / "catalog.sqlite")
    assert catalog.format == FORMAT_WITH_DOCUMENTS
    with transaction(catalog._connection):
        catalog._connection.execute(
            "CREATE TABLE documents (kind TEXT NOT NULL, key TEXT NOT NULL, body BLOB NOT NULL, crc INTEGER NOT NULL,"
            " PRIMARY KEY (kind, key)) WITHOUT ROWID"
        )
        rows = [("k", "a", b"1", zlib.crc32(b"1")), ("k", "b", b"2", 7), ("l", "c", b"", zlib.crc32(b""))]
        catalog._connection.executemany("INSERT INTO documents VALUES (?, ?, ?, ?)", rows)
    path = tmp_path / "documents.sqlite"
    file = DocumentFile(path, catalog.database_id)  # as a crash between the two left it
    file.write((), [Document("k", "a", b"1")], 0)
    file.close()
    for _ in range(2):
        documents = open_documents(path, catalog)
        assert documents.between("k", "", "~") == [("a", b"1")]
        assert documents.get("l", "c") == b""
        assert documents.damaged == ["catalog.sqlite: the document k b is damaged"]
        documents.close()
        catalog.close()
        catalog = Catalog(tmp_path / "catalog.sqlite")
    assert not catalog._connection.execute("SELECT 1 FROM sqlite_schema WHERE name = 'documents'").fetchall()
