"""Is everything there that was acknowledged? Reads all of a database that no server uses, and changes nothing.

The parts are read by the code by which a server opens them, and judged by what they say of each other: the catalog has
the id of all others, current.json the files that count, the journal what came later. Beyond what an opening looks at,
every page of every segment is decoded, and every row and every document looked at.
"""

from __future__ import annotations

import tempfile
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from headrace.errors import Corrupt, HeadraceError, Incomplete
from headrace.store.embedded.completeness import check_catalog_is_there
from headrace.store.embedded.documents.catalog import Catalog
from headrace.store.embedded.files.disk_file import forget_cached
from headrace.store.embedded.files.listing import matching
from headrace.store.embedded.files.names import CURRENT, DROPPED, POINTS_PATTERN
from headrace.store.embedded.journal.format import JOURNAL_PATTERN, first_sequence_of
from headrace.store.embedded.parts import CATALOG, DOCUMENTS, JOURNAL, SEGMENTS
from headrace.store.embedded.segments.current import Current, read_current
from headrace.store.embedded.segments.unlisted import judge, last_sequence_in
from headrace.store.embedded.verifying.copies import check_integrity, copied
from headrace.store.embedded.verifying.documents import DocumentsRead, check_documents
from headrace.store.embedded.verifying.findings import Finding, FindingKind, Findings, GapsAsFindings
from headrace.store.embedded.verifying.journal import JournalRead, check_journal, journal_bytes
from headrace.store.embedded.verifying.names import check_catalog, check_series_files
from headrace.store.embedded.verifying.no_server import without_server
from headrace.store.embedded.verifying.segments import Progress, check_deletes, check_dropped, check_segments
from headrace.store.embedded.verifying.tokens import check_tokens


@dataclass(frozen=True, slots=True)
class Verified:
    """What a verification has found.

    findings: in the order in which they were met.   series, documents: named and read.   segments: files listed.
    sealed_points: rows read of them.   journal_points: of records that are not sealed yet.   torn_bytes: at the
    journal's end, of a write that nobody was told had succeeded: a power cut leaves it, and nothing is lost with it.
    last_sequence: of the last record of the journal that is in its files or in segments.
    """

    findings: tuple[Finding, ...]
    series: int = 0
    segments: int = 0
    sealed_points: int = 0
    journal_points: int = 0
    documents: int = 0
    torn_bytes: int = 0
    last_sequence: int = 0

    @property
    def is_sound(self) -> bool:
        """Whether all that was acknowledged is there."""
        return not self.findings

    @property
    def is_judged(self) -> bool:
        """Whether something is certain: all is sound, or something is damaged or missing."""
        return not self.findings or any(found.kind != FindingKind.UNREADABLE for found in self.findings)


class NoDatabase(HeadraceError):  # noqa: N818
    """There is nothing to verify."""


def bytes_to_read(folder: Path) -> int:
    """About how many bytes `verify` tells its progress of, in all."""
    segments = folder / SEGMENTS
    sizes = [path.stat().st_size for place in (segments, segments / DROPPED) for path in matching(place, "*.parquet")]
    documents = folder / DOCUMENTS
    return sum(sizes) + journal_bytes(folder / JOURNAL) + (documents.stat().st_size if documents.exists() else 0)


def verify(folder: Path, progress: Progress = lambda _: None) -> Verified:
    """Read the whole database in `folder`.

    While it is read no server can start on it. SQLite's files are copied into the folder for temporary files (TMPDIR)
    and read there. Takes the memory that a server takes for the names of series, and that of one row group.
    Raises NoDatabase when there is none, Unavailable when a server uses it.
    """
    if not folder.is_dir():
        raise NoDatabase(f"{folder} is no directory")
    with without_server(folder), tempfile.TemporaryDirectory(prefix="headrace-verify-") as copies:
        return _Verification(folder, Path(copies), progress).run()


def _forget_cached(folder: Path) -> None:
    """What is read next comes from the disk: what the kernel remembers may long have rotted there."""
    for place in (folder, folder / JOURNAL, folder / SEGMENTS):
        for path in place.glob("*.*"):
            try:
                with path.open("rb", buffering=0) as file:
                    forget_cached(file.fileno())
            except OSError:  # the reading itself names it
                continue


class _Verification:
    def __init__(self, folder: Path, copies: Path, progress: Progress) -> None:
        self._folder = folder
        self._copies = copies
        self._progress = progress
        self._findings = Findings(folder, copies)

    def run(self) -> Verified:
        _forget_cached(self._folder)
        path = self._folder / CATALOG
        try:
            check_catalog_is_there(self._folder)
        except Incomplete as gap:
            self._findings.add(FindingKind.GAP, path, gap.what)
            return Verified(tuple(self._findings.all))
        if not path.exists():
            raise NoDatabase(f"{self._folder} holds no database: it has no {CATALOG}")
        if not path.stat().st_size:
            # A first start was killed before anything could be acknowledged.
            return Verified(())
        with self._findings.judging(path):
            copy = copied(path, self._copies)
            with self._findings.judging(path):
                check_integrity(copy)
            with closing(Catalog(copy)) as catalog:
                return self._run(catalog)
        return Verified(tuple(self._findings.all))

    def _run(self, catalog: Catalog) -> Verified:
        """All but the file of the catalog itself."""
        findings, segments = self._findings, self._folder / SEGMENTS
        current = self._read_current(catalog)
        if current is None:
            return Verified(tuple(findings.all))
        self._tell_remembered(current)
        check_tokens(self._folder, self._copies, current, findings)
        names = check_catalog(catalog, self._folder / CATALOG, current, findings)
        gaps = GapsAsFindings(findings, {(loss.where, loss.what) for loss in current.losses})
        read = check_journal(self._folder / JOURNAL, catalog.database_id, current, gaps, names, findings)
        self._progress(journal_bytes(self._folder / JOURNAL))
        last_sealed = self._judge_unlisted(current, catalog)
        check_series_files(segments, current, names, findings, self._progress)
        check_deletes(segments, current, names, findings)
        points = check_segments(segments, current, names, findings, self._progress)
        check_dropped(segments, current, names, findings, self._progress)
        documents = check_documents(self._folder / DOCUMENTS, self._copies, catalog, current, findings, self._progress)
        if read is not None and catalog.is_whole:
            self._check_reach(read, documents, last_sealed)
        return Verified(
            tuple(findings.all),
            len(names.table),
            len(current.segments),
            points,
            read.points if read else 0,
            documents.rows,
            read.torn_bytes if read else 0,
            max(current.sealed_through, read.reached if read else 0),
        )

    def _read_current(self, catalog: Catalog) -> Current | None:
        """None when nobody can say which files count."""
        path = self._folder / SEGMENTS / CURRENT
        database = catalog.database_id.hex()
        with self._findings.judging(path):
            current = read_current(path.parent)
            if current is None:
                if not catalog.is_whole and not matching(path.parent, POINTS_PATTERN):
                    return Current(database)
                self._findings.add(FindingKind.GAP, path, "is missing; without it nobody knows which segments count")
            elif current.database != database:
                raise Corrupt(path, "belongs to another database")
            return current
        return None

    def _tell_remembered(self, current: Current) -> None:
        for damaged in current.damaged:
            self._findings.add(FindingKind.REMEMBERED, f"{SEGMENTS}/{damaged.file}", damaged.reason)
        for loss in current.losses:
            self._findings.add(FindingKind.REMEMBERED, loss.where, loss.what)

    def _judge_unlisted(self, current: Current, catalog: Catalog) -> int:
        """Files that current.json does not list. Returns the last record from which anything in the folder came."""
        folder, journal = self._folder / SEGMENTS, self._folder / JOURNAL
        with self._findings.judging(folder):
            firsts = [first_sequence_of(path) for path in matching(journal, JOURNAL_PATTERN)]
            if not firsts and catalog.is_whole:
                self._findings.add(FindingKind.GAP, journal, "has no file")
            judgement = judge(folder, current, min(firsts, default=None))
            if judgement.current is not current:
                forgotten = {meta.file for meta in judgement.current.segments} - {
                    meta.file for meta in current.segments
                }
                what = f"it is an older copy: it does not list {', '.join(sorted(forgotten))}"
                self._findings.add(FindingKind.GAP, folder / CURRENT, what)
            return last_sequence_in(judgement)
        return current.sealed_through

    def _check_reach(self, read: JournalRead, documents: DocumentsRead, last_sealed: int) -> None:
        """The journal's files reach as far as what was made of them."""
        known = max(last_sealed, documents.applied)
        if read.reached < known and not read.damaged:
            what = f"ends with record {read.reached}, but record {known} was acknowledged and sealed"
            self._findings.add(FindingKind.GAP, JOURNAL, what)
