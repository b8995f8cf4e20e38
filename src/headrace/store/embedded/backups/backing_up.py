"""Taking a backup: of a store in use, or of a folder that no server uses.

The order is the point of it (docs/decisions/backup.md): from now on no journal file goes; then the list of segments and
what it lists; then documents and catalog, which may be further than the list but never behind; the journal last,
through the last durable record. So it is a state that a power cut could have left.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

from headrace.errors import Unavailable
from headrace.store.embedded.backups.label import Backup, CannotBackUp
from headrace.store.embedded.backups.target import Target, check_place
from headrace.store.embedded.files.durable import sync_file
from headrace.store.embedded.files.listing import matching
from headrace.store.embedded.files.names import CURRENT
from headrace.store.embedded.files.sqlite_files import failures_as_ours
from headrace.store.embedded.journal.format import JOURNAL_PATTERN, first_sequence_of
from headrace.store.embedded.journal.reader import JournalFile
from headrace.store.embedded.parts import ACCESS, CATALOG, DOCUMENTS, JOURNAL, SEGMENTS, Parts
from headrace.store.embedded.segments.current import Current, read_current, write_current
from headrace.store.embedded.segments.files.empty import keep_empty_files
from headrace.store.embedded.tokens.file import MODE, is_there
from headrace.store.embedded.verifying.no_server import without_server


def back_up(parts: Parts, place: Path, now_ms: int) -> Backup:
    """Of a store in use, into the folder `place`, which holds an earlier backup or nothing. Any thread, one at a time.

    All that was acknowledged before the call is in it. Seals wait for as long as it takes to link what current.json
    lists, writes and queries for nothing. Raises CannotBackUp when something is in the way, Unavailable when a disk is,
    Corrupt; and then an earlier backup is as it was.
    """
    with _failures_of(place):
        check_place(place, parts.folder.folder.parent)
    return copy_out(parts, place, now_ms)


def copy_out(parts: Parts, place: Path, now_ms: int) -> Backup:
    """As `back_up`, into a folder of ours, which may lie beside the database's own files."""
    data_dir = parts.folder.folder.parent
    parts.lock.check()
    with _filled(place) as target, parts.journal.keeping_files():
        with parts.folder.standing_still() as current:
            unlinked = _link_listed(target, parts.folder.folder, current)
        _copy_unlinked(target, unlinked)
        _write_list(target, current)
        for name in (DOCUMENTS, CATALOG):
            _copy_sqlite(data_dir / name, target.folder / name)
        _copy_tokens(data_dir, target, current)
        last_sequence = parts.journal.last_sequence  # before its files are listed: they hold it
        _take_journal(target, parts.journal.files())
        parts.lock.check()  # everything was found by its path
        backup = Backup(current.database, now_ms, last_sequence, target.linked, target.copied)
        target.finish(backup)
        return backup


def back_up_stopped(data_dir: Path, place: Path, now_ms: int) -> Backup:
    """As `back_up`, of a folder that no server uses, and none starts on meanwhile. Changes nothing of it."""
    with _failures_of(place):
        check_place(place, data_dir)
    with without_server(data_dir), _filled(place) as target:
        current = read_current(data_dir / SEGMENTS)
        if current is None:
            raise CannotBackUp(f"{data_dir} holds no database: it has no {SEGMENTS}/{CURRENT}")
        _copy_unlinked(target, _link_listed(target, data_dir / SEGMENTS, current))
        _write_list(target, current)
        for path in matching(data_dir, "*.sqlite*"):
            if path.name.endswith((".sqlite", "-wal")) and path.name != ACCESS:
                shutil.copyfile(path, target.folder / path.name)
                _sync(target.folder / path.name)
        _copy_tokens(data_dir, target, current)
        paths = matching(data_dir / JOURNAL, JOURNAL_PATTERN)
        _take_journal(target, [JournalFile(first_sequence_of(path), path, path.stat().st_size) for path in paths])
        backup = Backup(current.database, now_ms, current.sealed_through, target.linked, target.copied)
        target.finish(backup)
        return backup


@contextmanager
def _filled(place: Path) -> Iterator[Target]:
    """A target to fill and finish. A failure leaves what was at the place. Raises Unavailable."""
    with _failures_of(place):
        target = Target(place)
        try:
            yield target
        except BaseException:
            target.give_up()
            raise


@contextmanager
def _failures_of(place: Path) -> Iterator[None]:
    """Raises Unavailable where the block raises OSError."""
    try:
        yield
    except OSError as failure:
        raise Unavailable(f"the backup {place} cannot be written: {failure.strerror}") from failure


def _link_listed(target: Target, folder: Path, current: Current) -> list[tuple[str, int]]:
    """The files that count. Returns those that could not be linked, name and open descriptor: they may be unlinked
    at any time now."""
    listed = [*(meta.file for meta in current.segments), *(series.file for series in current.series)]
    listed += [current.deletes] if current.deletes else []
    unlinked = []
    for file in listed:
        name = f"{SEGMENTS}/{file}"
        if not target.link(folder / file, name):
            unlinked.append((name, os.open(folder / file, os.O_RDONLY | os.O_CLOEXEC)))
    return unlinked


def _write_list(target: Target, current: Current) -> None:
    """What was dropped for its age is not in a backup."""
    write_current(target.folder / SEGMENTS, replace(current, dropped=()))
    keep_empty_files(target.folder / SEGMENTS)


def _copy_unlinked(target: Target, unlinked: Sequence[tuple[str, int]]) -> None:
    try:
        for name, descriptor in unlinked:
            target.link_or_copy(name, descriptor, os.fstat(descriptor).st_size)
    finally:
        for _, descriptor in unlinked:
            os.close(descriptor)


def _copy_sqlite(source: Path, copy: Path, mode: str = "ro") -> None:
    """As the file is at this moment, in one read transaction: whoever writes it goes on. Raises Corrupt or
    Unavailable."""
    uri = f"{source.absolute().as_uri()}?mode={mode}"
    with (
        failures_as_ours(source),
        closing(sqlite3.connect(uri, uri=True)) as connection,
        closing(sqlite3.connect(copy)) as to,
    ):
        connection.backup(to)
    _sync(copy)


def _copy_tokens(data_dir: Path, target: Target, current: Current) -> None:
    """`headrace token` may change them at any time, also where no server runs. Raises Corrupt or Unavailable."""
    source = data_dir / ACCESS
    if current.has_tokens or is_there(source):
        copy = target.folder / ACCESS
        os.close(os.open(copy, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, MODE))
        # "rw", to undo a change that was cut off.
        _copy_sqlite(source, copy, "rw")


def _sync(path: Path) -> None:
    with path.open("rb") as file:
        sync_file(file.fileno())


def _take_journal(target: Target, files: Sequence[JournalFile]) -> None:
    """The last file may be one that is written, and an opening cuts the last one: so it is always copied."""
    for number, file in enumerate(files):
        name = f"{JOURNAL}/{file.path.name}"
        if number < len(files) - 1 and target.link(file.path, name):
            continue
        descriptor = os.open(file.path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            target.copy(name, descriptor, file.bytes)
        finally:
            os.close(descriptor)
