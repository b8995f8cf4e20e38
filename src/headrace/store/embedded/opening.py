"""Reading a database back. First what is sealed: the catalog gives the database's id, its secret and its series,
current.json the segments, documents.sqlite the documents. Then, record by record, what the journal says came later.

Whatever is damaged is set aside and named, and the rest is served.
"""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import structlog

from headrace.config import Settings
from headrace.errors import Corrupt, Incomplete, Unavailable
from headrace.model.points import Admitted
from headrace.model.series import NewSeries, SeriesTable
from headrace.model.series_limits import SeriesLimits
from headrace.model.time import Clock
from headrace.store.embedded.completeness import check_catalog_is_there, missing_file, missing_tokens
from headrace.store.embedded.documents.catalog import Catalog
from headrace.store.embedded.documents.documents import open_documents
from headrace.store.embedded.files.folder_lock import FolderLock
from headrace.store.embedded.files.listing import matching
from headrace.store.embedded.gaps import Gaps
from headrace.store.embedded.journal.format import JOURNAL_PATTERN, first_sequence_of
from headrace.store.embedded.journal.journal import Journal
from headrace.store.embedded.journal.names_journaled import names_journaled
from headrace.store.embedded.journal.reader import Replay
from headrace.store.embedded.journal.records import (
    RecordType,
    StoredRecord,
    StoredRun,
    decode_delete,
    decode_document_change,
    decode_points,
    decode_series,
)
from headrace.store.embedded.parts import ACCESS, CATALOG, DOCUMENTS, JOURNAL, SEGMENTS, Parts
from headrace.store.embedded.reading.visible import Visible
from headrace.store.embedded.recent.hidden import Hidden
from headrace.store.embedded.segments.current import Current, Loss
from headrace.store.embedded.segments.files.empty import keep_empty_files
from headrace.store.embedded.segments.folder import open_folder
from headrace.store.embedded.segments.kept.row_group_cache import RowGroupCache
from headrace.store.embedded.segments.names_listed import names_listed
from headrace.store.embedded.segments.segment_set import SegmentSet
from headrace.store.embedded.series.index import SeriesIndex

log = structlog.get_logger(__name__)


def open_parts(settings: Settings, lock: FolderLock, clock: Clock, accept_loss: bool) -> Parts:
    """Read back the database in settings.data_dir, which `lock` holds, or begin one.

    accept_loss: what is missing is given up, and remembered. Raises Incomplete when something is missing and not given
    up, Corrupt when the catalog or current.json cannot be used, Unavailable when the disk is in the way.
    """
    try:
        return _opened(settings, lock, clock, accept_loss)
    except OSError as failure:
        raise Unavailable(f"the database cannot be opened: {failure}") from failure


def _opened(settings: Settings, lock: FolderLock, clock: Clock, accept_loss: bool) -> Parts:
    begin = time.perf_counter()
    check_catalog_is_there(settings.data_dir)
    opening = _Opening(settings, clock, Gaps(accept_loss))
    opening.check_tokens()
    opening.read_series()
    replay = opening.read_journal()
    opening.check_that_all_belongs_together(replay)
    opening.remember()
    opening.sealed.settle()
    keep_empty_files(settings.data_dir / SEGMENTS)
    journal = opening.begin_journal(replay, lock)
    if not opening.catalog.is_whole:
        opening.catalog.note_whole()
    log.info(
        "store open",
        series=len(opening.index),
        segments=len(opening.sealed.segments),
        recent=opening.visible.recent_points,
        seconds=round(time.perf_counter() - begin, 3),
    )
    return Parts(
        opening.catalog,
        opening.table,
        opening.index,
        opening.sealed.folder,
        opening.visible,
        journal,
        lock,
        opening.documents,
        opening.hidden_on_disk,
    )


class _Opening:
    """The parts of a database while it is read back. What is sealed is there from the beginning, as its files say it;
    `read_series` and `read_journal` then bring it to where it was when the last commit was acknowledged."""

    def __init__(self, settings: Settings, clock: Clock, gaps: Gaps) -> None:
        folder = settings.data_dir
        self._folder = folder
        self._clock = clock
        self._gaps = gaps
        self._findings: list[tuple[str, str]] = []
        """(where, sentence) of what is lost beside segments and documents, which remember by themselves."""
        self.catalog = Catalog(folder / CATALOG)
        journal_first = self._first_in_journal()
        self.table = SeriesTable(
            self.catalog.secret,
            SeriesLimits(
                settings.series_max,
                settings.series_per_hour_max,
                bytes_max=settings.series_bytes_max,
                bytes_per_hour_max=settings.series_bytes_per_hour_max,
            ),
        )
        self.index = SeriesIndex(self.catalog.secret)
        is_new, database = not self.catalog.is_whole, self.catalog.database_id.hex()
        self.sealed = open_folder(folder / SEGMENTS, database, gaps, is_new, journal_first)
        self.sealed.folder.cache = cache = RowGroupCache(settings.cache_bytes)
        for segment in self.sealed.segments:
            segment.cache = cache
        gaps.known = {(loss.where, loss.what) for loss in self._current.losses}
        self.hidden_on_disk = Hidden(self.catalog.hidden())
        segments, deletes = SegmentSet(self.sealed.segments, self.sealed.folder.retire), self.sealed.folder.deletes
        self.visible = Visible(segments, settings.seal_points, deletes, self.hidden_on_disk)
        self.documents = open_documents(folder / DOCUMENTS, self.catalog, gaps)

    @property
    def _current(self) -> Current:
        return self.sealed.folder.current

    def check_tokens(self) -> None:
        """That they are missing is nothing that could be given up: nobody would be asked any more. Raises Incomplete,
        Unavailable."""
        if gone := missing_tokens(self._folder, self._current):
            raise Incomplete(f"{ACCESS} {gone}")

    def _first_in_journal(self) -> int | None:
        """None when it has no file."""
        firsts = [first_sequence_of(path) for path in matching(self._folder / JOURNAL, JOURNAL_PATTERN)]
        if not firsts and self.catalog.is_whole:
            self._gaps.meet(JOURNAL, f"{JOURNAL}/ has no file")
        return min(firsts, default=None)

    def read_series(self) -> None:
        """Those that the catalog holds. Names that it lacks, as a row is damaged or it is an older copy, are in the
        series files, and go back to the catalog."""
        self._check_age_of_catalog()
        put_back: list[NewSeries] = []
        for series in self.catalog.series():
            put_back += self._restore_elsewhere(series.first)
            self._restore(series, self._folder / CATALOG)
        listed = sum(file.series for file in self._current.series)
        put_back += self._restore_elsewhere(max(self.catalog.series_count, listed))
        for series in put_back:
            log.warning("names that the catalog lacked are taken from other files", series=len(series))
            self.catalog.put_back(series)
        self._reserve(max(self.catalog.series_count, listed, self._ordinals_in_segments()))
        self._find_lost_names()
        if self.table.has_nameless:
            self._forget_order()

    def _restore_elsewhere(self, end: int) -> list[NewSeries]:
        """Of the series from the table's end to `end` those whose names the series files have, or the journal, where a
        seal had come as far as the catalog. Returns them."""
        found = []
        folder, files = self.sealed.folder.folder, self._current.series
        if len(self.table) < end:
            try:
                for series in names_listed(folder, files, len(self.table), end, self.table.key_of):
                    self._restore(series, folder)
                    found.append(series)
            except Corrupt as damage:
                self._find(SEGMENTS, damage)
        if len(self.table) < end:
            for series in names_journaled(self._journal_as_it_is(), len(self.table), end):
                self._restore(series, self._folder / JOURNAL)
                found.append(series)
        return found

    def _journal_as_it_is(self) -> Replay:
        """To look into it before it is read; what is wrong with it is found then."""
        nothing_yet = Gaps(accept_loss=True)
        through = self._current.sealed_through
        return Replay(self._folder / JOURNAL, self.catalog.database_id, through, nothing_yet, mends=False)

    def _ordinals_in_segments(self) -> int:
        metas = (*self._current.segments, *self._current.may_come_back)
        return max((meta.max_series + 1 for meta in metas), default=0)

    def _find_lost_names(self) -> None:
        for row in self.catalog.damaged_rows:
            lost = np.flatnonzero(
                self.table.encoded_names(np.arange(row.start, row.stop, dtype=np.uint32)).lengths == 0
            )
            if len(lost):
                names = f"the names of series {row.start + lost[0]} to {row.start + lost[-1]} are damaged"
                self._find(CATALOG, Corrupt(self._folder / CATALOG, names))
        for damage in self.catalog.damage:
            self._find(CATALOG, damage)

    def _forget_order(self) -> None:
        """The ids of metrics come of all names (docs/decisions/segments.md), so those of the footers may be others."""
        log.warning("names are lost, so segments are read whole and not merged", segments=len(self.sealed.segments))
        for segment in self.sealed.segments:
            segment.forget_order(self.index.metric_count)

    def _check_age_of_catalog(self) -> None:
        changes = self._current.others.catalog_changes
        if self.catalog.changes < changes:
            what = "it was an older copy; deleted series may be named again in lists, without points"
            self._find(CATALOG, Corrupt(self._folder / CATALOG, what))
            self.catalog.catch_up(changes)

    def read_journal(self) -> Replay:
        """Do again what was committed after the last seal. Returns what the reading found."""
        sealed_through = self._current.sealed_through
        replay = Replay(self._folder / JOURNAL, self.catalog.database_id, sealed_through, self._gaps)
        for record in replay:
            if isinstance(record, StoredRun):
                records = record.last - record.first + 1
                self._add_points(record.points, record.last, records, record.ingested_ms)
            else:
                self._redo(record)
        for damage in replay.findings:
            self._find(JOURNAL, damage)
        return replay

    def check_that_all_belongs_together(self, replay: Replay) -> None:
        """The stores know of each other how far they were. Raises Incomplete."""
        known = max(self.sealed.last_sequence, self.documents.applied)
        if self.catalog.is_whole and replay.reached < known and not replay.findings:
            what = f"{JOURNAL}/ ends with record {replay.reached}, but record {known} was acknowledged and sealed"
            self._gaps.meet(JOURNAL, what)
        if gone := missing_file(replay.files, self._current):
            self._gaps.meet(JOURNAL, gone)
        replay.last_sequence = max(replay.last_sequence, known)
        through = self._current.others.documents_through
        if self.documents.applied < through:
            what = f"{DOCUMENTS} has the changes through record {self.documents.applied} only, it had them through"
            self._gaps.meet(DOCUMENTS, f"{what} {through}")

    def begin_journal(self, replay: Replay, lock: FolderLock) -> Journal:
        """With a file for what comes now, of which the database knows. On a full disk the last file stays, and what is
        there is served."""
        journal = Journal(replay, lock)
        try:
            journal.begin()
            self.sealed.folder.note_journal(journal.newest_first)
        except (Unavailable, OSError) as failure:
            log.warning("the journal's next file is begun by the first append", reason=str(failure))
        return journal

    def remember(self) -> None:
        """Another start must not make all look well. Raises Unavailable."""
        for damage in self.sealed.damaged:
            log.error("damage set aside; the rest is served", file=str(damage.file), damage=damage.detail)
        now_ms = self._clock()
        lost = [*self._findings, *self._gaps.accepted]
        try:
            self.sealed.folder.remember([Loss(where, what, now_ms) for where, what in lost])
        except OSError as failure:
            raise Unavailable(f"cannot note what was lost: {failure.strerror}") from failure

    def _find(self, where: str, damage: Corrupt) -> None:
        log.error("damage set aside; the rest is served", file=str(damage.file), damage=damage.detail)
        self._findings.append((where, f"{damage.file.relative_to(self._folder)}: {damage.detail}"))

    def _redo(self, record: StoredRecord) -> None:
        """What the commit that wrote `record` did."""
        other_bytes = 0
        if record.type == RecordType.SERIES:
            self._restore(decode_series(record), record.file)
        elif record.type == RecordType.POINTS:
            stored = decode_points(record)
            self._add_points(stored.points, record.sequence, 1, stored.ingested_ms)
        elif record.type == RecordType.DELETE:
            other_bytes = len(record.payload)
            self.visible.delete(decode_delete(record), record.sequence)
        elif record.type in (RecordType.DOCUMENT, RecordType.DOCUMENT_RANGE):
            other_bytes = len(record.payload)
            self.documents.apply([decode_document_change(record)], record.sequence)
        else:
            raise Corrupt(
                record.file, f"record {record.sequence} has type {record.type}, which this server does not know"
            )
        self.visible.advance(record.sequence, other_bytes)
        if self.visible.is_heavy:
            self.visible.freeze_unbounded()

    def _add_points(self, points: Admitted, sequence: int, records: int, ingested_ms: int) -> None:
        """The points of so many records that end with `sequence`, the first of which came at that moment."""
        # Of a series beyond the table the record with its name is damaged.
        self._reserve(int(points.series.max()) + 1)
        if not self.visible.fits(len(points), len(points.values.heap)):
            self.visible.freeze_unbounded()
        # A restart makes nothing younger: what has waited for its seal goes on waiting.
        age_s = max(self._clock() - ingested_ms, 0) / 1000
        self.visible.append(points, sequence, records, age_s)

    def _restore(self, series: NewSeries, file: Path) -> None:
        """file: where their names come from. Raises Corrupt."""
        try:
            self.table.restore(series)
        except ValueError as contradiction:
            raise Corrupt(file, f"{contradiction}: it is of another copy of this database") from contradiction
        self._index_new()

    def _reserve(self, end: int) -> None:
        """Give no ordinal below `end` to a new series, or it would get the points of a series whose name is lost."""
        if end > len(self.table):
            self.table.reserve(end)
            self._index_new()

    def _index_new(self) -> None:
        self.index.add(self.table.series(len(self.index), len(self.table)))
