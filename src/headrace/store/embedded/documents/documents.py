"""Documents as rooms see them: what changed last from memory, all else from the file (docs/decisions/documents.md).

As with points, the journal makes a change durable, memory makes it visible, and a seal moves it to where it stays.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from heapq import merge
from itertools import count, islice
from pathlib import Path

import structlog

from headrace import limits
from headrace.errors import Corrupt, Unavailable
from headrace.store import Document, DocumentChange
from headrace.store.embedded.documents.catalog import FORMAT_WITH_DOCUMENTS, Catalog
from headrace.store.embedded.documents.file import FORMAT, DocumentFile
from headrace.store.embedded.documents.recent import RecentDocuments
from headrace.store.embedded.files.durable import rename, sync_folder
from headrace.store.embedded.files.names import DAMAGED_SUFFIX
from headrace.store.embedded.gaps import NO_GAPS, Gaps

log = structlog.get_logger(__name__)


class Documents:
    """`apply` is for the writer and the opening, `file_recent` and `sweep` for the sealer, all else for any thread."""

    def __init__(self, file: DocumentFile) -> None:
        self._file = file
        self._lock = threading.Lock()
        self._recent = RecentDocuments()
        self._filings = 0
        """Begun so far. A reader of memory and then the file misses nothing if none began between."""
        self._lost: dict[tuple[str, str], str] = {}
        """Documents found damaged, and what was said of each."""
        self._malformed: Corrupt | None = None
        """Why the file is closed and another must take its place, while one must."""
        self._missed = ""
        """What the other one is to remember as lost, once the malformed one has been set aside."""

    @property
    def applied(self) -> int:
        """Every change of the journal up to this sequence is in the file."""
        return self._file.applied

    @property
    def recent_bytes(self) -> int:
        """Of memory that changes take which the file does not hold."""
        return self._recent.bytes

    @property
    def is_full(self) -> bool:
        """Whether no more may be applied until the file holds what is here."""
        return self._recent.bytes >= limits.RECENT_DOCUMENT_BYTES_MAX

    @property
    def damaged(self) -> list[str]:
        """What is not served, a sentence each: documents found damaged so far, and what was ever lost with a file."""
        with self._lock:
            lost = [*self._lost.values()]
        missed = [self._missed] if self._missed else []
        return [*self._file.damage, *missed, *lost]

    def apply(self, changes: Sequence[DocumentChange], sequence: int) -> None:
        """Make changes visible, all at once, that the journal holds through `sequence`. Those that the file holds too
        are passed over."""
        if sequence > self._file.applied:
            with self._lock:
                self._recent.apply(changes, sequence)

    def get(self, kind: str, key: str) -> bytes | None:
        """See Store.document. Raises Corrupt when it is damaged, Unavailable."""
        with self._lock:
            change = self._recent.get(kind, key)
        if change is not None:
            return change.body
        try:
            return self._file.get(kind, key)
        except Corrupt as damage:
            self._remember(kind, key, damage)
            raise

    def between(
        self, kind: str, first: str, end: str, limit: int | None = None, backwards: bool = False
    ) -> list[tuple[str, bytes]]:
        """See Store.documents. Raises Corrupt when one is damaged, once: from then on it is left out; Unavailable."""
        while True:
            with self._lock:
                filings = self._filings
                changes, *here = self._recent.between(kind, first, end, limit, backwards)
                spans = self._recent.not_taken_away(kind, *here)
            with self._file.between(kind, spans, backwards) as rows:
                changed = {change.key for change in changes}
                kept = self._sound(kind, ((key, body) for key, body in rows if key not in changed))
                present = [(key, body) for _, key, body in changes if body is not None]
                if backwards:
                    present.reverse()
                found = list(islice(merge(kept, present, reverse=backwards), limit))
            if filings == self._filings:
                return found

    def keys(self, kind: str, first: str, end: str) -> list[str]:
        """See Store.document_keys: damaged bodies are not noticed. Raises Corrupt, Unavailable."""
        while True:
            with self._lock:
                filings = self._filings
                changes, *_ = self._recent.between(kind, first, end)
                spans = self._recent.not_taken_away(kind, first, end)
            there = dict.fromkeys(self._file.keys(kind, spans), True)
            there |= {key: body is not None for _, key, body in changes}
            if filings == self._filings:
                return sorted(key for key, is_there in there.items() if is_there)

    def file_recent(self) -> None:
        """Move what has changed to the file: on return it is on disk there. Raises Unavailable or Corrupt, and then
        nothing has moved.

        A file that SQLite finds malformed, also when it looks afresh, is set aside, and another one begins with what
        is here: `damaged` says so, and seals go on."""
        with self._lock:
            self._filings += 1
            sequence = self._recent.last_sequence
            ranges, documents = self._recent.all()
        if not ranges and not documents:
            return
        try:
            if self._malformed is None:
                self._file.write(ranges, documents, sequence)
        except Corrupt as damage:
            log.error("documents cannot be filed", file=str(damage.file), damage=damage.detail)
            self._malformed = damage
        except Unavailable:
            self._file.connect_again()
            raise
        if self._malformed is not None:
            self._begin_anew(self._malformed)
            self._file.write(ranges, documents, sequence)
        with self._lock:
            self._recent.forget(sequence)
            for kind, key, _ in documents:
                self._lost.pop((kind, key), None)

    def sweep(self) -> bool:
        """Delete some of the documents on disk that a range has taken away: nobody sees them any more. Returns whether
        there were any. Raises Unavailable or Corrupt."""
        return self._malformed is None and self._file.sweep()

    def forget_cached(self) -> None:
        """See DocumentFile."""
        self._file.forget_cached()

    def look(self, behind: int) -> tuple[int, int | None]:
        """At some documents of the file, those with ids behind this one; damaged ones are named. Returns the bytes of
        their bodies, some limits.SCRUB_LOOK_BYTES, and the id of the last, None when no more follow. Raises Corrupt
        when SQLite finds the file malformed, Unavailable."""
        looked = self._file.look(behind, limits.SCRUB_LOOK_BYTES)
        for kind, key, damage in looked.damaged:
            self._remember(kind, key, damage)
        return looked.bytes, looked.through

    def close(self) -> None:
        """Nobody may look up any more. What is recent is in the journal."""
        self._file.close()

    def _begin_anew(self, damage: Corrupt) -> None:
        """Each step can be done again when the next one failed. Raises Unavailable or Corrupt."""
        path, database = self._file.path, self._file.database
        if not self._missed:
            self._file.close()  # with nobody in it: SQLite goes by the names of its files
            self._missed = _set_aside(path, damage)
        self._file = DocumentFile(path, database, [*self._file.damage, self._missed])
        self._malformed, self._missed = None, ""
        with self._lock:
            self._lost.clear()
        for lost in self._file.damage:
            log.error("documents are lost; the rest is served", damage=lost)

    def _sound(self, kind: str, rows: Iterator[tuple[str, bytes | Corrupt]]) -> Iterator[tuple[str, bytes]]:
        for key, body in rows:
            if not isinstance(body, Corrupt):
                yield key, body
            elif (kind, key) not in self._lost:
                self._remember(kind, key, body)
                raise body

    def _remember(self, kind: str, key: str, damage: Corrupt) -> None:
        """Say it once."""
        with self._lock:
            known = (kind, key) in self._lost
            self._lost[kind, key] = f"{damage.file.name}: {damage.detail}"
        if not known:
            log.error("a document is damaged; the rest is served", file=str(damage.file), damage=damage.detail)


def open_documents(path: Path, catalog: Catalog, gaps: Gaps = NO_GAPS) -> Documents:
    """Open the documents of the catalog's database, or begin them. A file that is damaged is replaced by an empty one,
    which remembers it, and kept under another name. One that is missing is a gap.

    Raises Corrupt when the file is of another database or a later format, Incomplete, Unavailable when the disk fails.
    """
    known = catalog.format != FORMAT_WITH_DOCUMENTS
    if known and (not path.exists() or not path.stat().st_size):
        gaps.meet(path.name, f"{path.name} is missing, and with it all documents")
    try:
        file = DocumentFile(path, catalog.database_id)
    except Corrupt as damage:
        file = DocumentFile(path, catalog.database_id, [_set_aside(path, damage)])
    try:
        if file.format != FORMAT:
            raise Corrupt(path, f"format {file.format}; this server reads format {FORMAT}")
        if file.database != catalog.database_id:
            raise Corrupt(path, "belongs to another database")
        if not known:
            _move(catalog, file)
    except BaseException:
        file.close()
        raise
    for lost in file.damage:
        log.error("documents are lost; the rest is served", damage=lost)
    return Documents(file)


def _set_aside(path: Path, damage: Corrupt) -> str:
    """Give a file and what SQLite keeps beside it other names. Returns the sentence that says so. Raises OSError."""
    target = next(
        aside for number in count() if not (aside := path.with_name(f"{path.name}.{number}{DAMAGED_SUFFIX}")).exists()
    )
    for beside in ("", "-wal", "-shm"):
        source = path.with_name(path.name + beside)
        if source.exists():
            rename(source, target.with_name(target.name + beside))
    sync_folder(path.parent)
    return f"{path.name}: {damage.detail}; it is kept as {target.name}, and documents begin anew"


def _move(catalog: Catalog, file: DocumentFile) -> None:
    """From the catalog to their own file, the same again after a crash."""
    found = list(catalog.documents())
    file.write((), (document for document in found if isinstance(document, Document)), 0)
    file.note([f"{damage.file.name}: {damage.detail}" for damage in found if isinstance(damage, Corrupt)])
    catalog.give_up_documents()
