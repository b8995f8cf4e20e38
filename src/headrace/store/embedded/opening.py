"""Reading a database back. First what is sealed: the catalog gives the database's id, its secret and its series,
current.json the segments, documents.sqlite the documents. Then, record by record, what the journal says came later.

Whatever is damaged is set aside and named, and the rest is served.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

import structlog

from headrace.config import Settings
from headrace.errors import Corrupt, Unavailable
from headrace.model.points import Admitted
from headrace.model.series import NewSeries, SeriesTable
from headrace.model.series_limits import SeriesLimits
from headrace.model.time import Clock
from headrace.store.embedded.documents.catalog import Catalog
from headrace.store.embedded.documents.documents import open_documents
from headrace.store.embedded.files.folder_lock import FolderLock
from headrace.store.embedded.journal.journal import Journal
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
from headrace.store.embedded.parts import CATALOG, DOCUMENTS, JOURNAL, SEGMENTS, Parts
from headrace.store.embedded.reading.visible import Visible
from headrace.store.embedded.recent.hidden import Hidden
from headrace.store.embedded.segments.current import Loss
from headrace.store.embedded.segments.folder import open_folder
from headrace.store.embedded.segments.segment_set import SegmentSet
from headrace.store.embedded.series.index import SeriesIndex

log = structlog.get_logger(__name__)


def open_parts(settings: Settings, lock: FolderLock, clock: Clock) -> Parts:
    """Read back the database in settings.data_dir, which `lock` holds, or begin one.

    Raises Corrupt when the catalog or current.json cannot be used, Unavailable when the disk is in the way.
    """
    begin = time.perf_counter()
    opening = _Opening(settings, clock)
    opening.read_series()
    replay = opening.read_journal()
    for finding in (*opening.damaged_segments, *opening.catalog.damage, *replay.findings):
        log.error("damage set aside; the rest is served", file=str(finding.file), damage=finding.detail)
    opening.remember(CATALOG, opening.catalog.damage)
    opening.remember(JOURNAL, replay.findings)
    log.info(
        "store open",
        series=len(opening.index),
        segments=len(opening.folder.current.segments),
        recent=opening.visible.recent_points,
        seconds=round(time.perf_counter() - begin, 3),
    )
    return Parts(
        opening.catalog,
        opening.table,
        opening.index,
        opening.folder,
        opening.visible,
        Journal(replay),
        lock,
        opening.documents,
        opening.hidden_on_disk,
    )


class _Opening:
    """The parts of a database while it is read back. What is sealed is there from the beginning, as its files say it;
    `read_series` and `read_journal` then bring it to where it was when the last commit was acknowledged."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        folder = settings.data_dir
        self.catalog = Catalog(folder / CATALOG)
        self.table = SeriesTable(self.catalog.secret, SeriesLimits(settings.series_max, settings.series_per_hour_max))
        self.index = SeriesIndex(self.catalog.secret)
        self.folder, segments, self.damaged_segments = open_folder(folder / SEGMENTS, self.catalog.database_id.hex())
        self.hidden_on_disk = Hidden(self.catalog.hidden())
        self.visible = Visible(SegmentSet(segments), settings.seal_points, self.folder.deletes, self.hidden_on_disk)
        self.documents = open_documents(folder / DOCUMENTS, self.catalog)
        self._journal_folder = folder / JOURNAL
        self._clock = clock

    def read_series(self) -> None:
        """Those that the catalog holds."""
        for series in self.catalog.series():
            self._restore(series)
        # Names that a damaged row of the catalog held.
        self._reserve(self.catalog.series_count)

    def read_journal(self) -> Replay:
        """Do again what was committed after the last seal. Returns what the reading found."""
        replay = Replay(self._journal_folder, self.catalog.database_id, self.folder.current.sealed_through)
        for record in replay:
            if isinstance(record, StoredRun):
                self._add_points(record.points, record.last, record.last - record.first + 1)
            else:
                self._redo(record)
        return replay

    def remember(self, where: str, findings: Sequence[Corrupt]) -> None:
        """For good: another start must not make all look well. Raises Unavailable."""
        now_ms = self._clock()
        losses = [Loss(where, f"{finding.file.name}: {finding.detail}", now_ms) for finding in findings]
        try:
            self.folder.remember(losses)
        except OSError as failure:
            raise Unavailable(f"cannot note what was lost: {failure.strerror}") from failure

    def _redo(self, record: StoredRecord) -> None:
        """What the commit that wrote `record` did."""
        other_bytes = 0
        if record.type == RecordType.SERIES:
            self._restore(decode_series(record))
        elif record.type == RecordType.POINTS:
            self._add_points(decode_points(record).points, record.sequence, 1)
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

    def _add_points(self, points: Admitted, sequence: int, records: int) -> None:
        """The points of so many records that end with `sequence`."""
        # Of a series beyond the table the record with its name is damaged.
        self._reserve(int(points.series.max()) + 1)
        if not self.visible.fits(len(points)):
            self.visible.freeze_unbounded()
        self.visible.append(points, sequence, records)

    def _restore(self, series: NewSeries) -> None:
        self.table.restore(series)
        self._index_new()

    def _reserve(self, end: int) -> None:
        """Give no ordinal below `end` to a new series, or it would get the points of a series whose name is lost."""
        if end > len(self.table):
            self.table.reserve(end)
            self._index_new()

    def _index_new(self) -> None:
        self.index.add(self.table.series(len(self.index), len(self.table)))
