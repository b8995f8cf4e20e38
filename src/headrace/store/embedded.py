"""The embedded store: one database in one folder, one process. Puts the parts together, and opens them after anything.

Opening: the catalog gives the database's secret and its series, current.json the segments, the journal what came later.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import structlog
from numpy.typing import NDArray

from headrace.config import Settings
from headrace.errors import Corrupt, Unavailable
from headrace.metrics import Metrics
from headrace.model.points import Admitted
from headrace.model.series import SeriesTable
from headrace.store import Check, go_on
from headrace.store.catalog import Catalog
from headrace.store.documents import Document, Documents
from headrace.store.journal import Journal
from headrace.store.journal_reader import Replay
from headrace.store.recent import RecentView
from headrace.store.records import RecordType, StoredRecord, decode_document, decode_points, decode_series
from headrace.store.sealer import Sealer
from headrace.store.segment_folder import SegmentFolder, open_folder
from headrace.store.segment_set import SegmentSet
from headrace.store.series_index import SeriesIndex
from headrace.store.snapshot import EmbeddedSnapshot
from headrace.store.visible import Visible
from headrace.store.writer import Writer

log = structlog.get_logger(__name__)

JOURNAL = "journal"
SEGMENTS = "segments"
CATALOG = "catalog.sqlite"
"""What lies in the data directory (docs/operations.md)."""


class EmbeddedStore:
    """See store.Store. Made by `open_store`; `close` it when nobody appends or queries any more."""

    def __init__(self, parts: Parts, settings: Settings, metrics: Metrics) -> None:
        self.table = parts.table
        self._parts = parts
        self._writer = Writer(
            parts.journal,
            parts.table,
            parts.index,
            parts.visible,
            parts.documents,
            observe_commit=metrics.commit.observe,
        )
        self._sealer = Sealer(parts.visible, self._seal, self._writer.freeze, settings.seal_age_s)
        self._show(metrics)
        self._writer.start()
        self._sealer.start()

    @property
    def refusing(self) -> str | None:
        """Why no points are taken at present, None while they are."""
        return self._writer.refusing

    async def append(self, points: Admitted) -> int:
        """See store.Store."""
        return await self._writer.submit(points)

    @contextmanager
    def snapshot(self, check: Check = go_on) -> Iterator[EmbeddedSnapshot]:
        """See store.Store."""
        pinned = self._parts.visible.pin()
        try:
            yield EmbeddedSnapshot(pinned, self._parts.index, self.table, check)
        finally:
            self._parts.visible.release(pinned)

    def suggest(self, role: str, prefix: str, limit: int) -> list[str]:
        """See store.Store."""
        return self._parts.index.suggest(role, prefix, limit)

    async def change_document(self, kind: str, key: str, body: bytes | None) -> int:
        """See store.Store."""
        return await self._writer.submit_document(Document(kind, key, body))

    def documents(self, kind: str, first: str, end: str) -> list[tuple[str, bytes]]:
        """See store.Store."""
        return self._parts.documents.between(kind, first, end)

    def close(self) -> None:
        """Commit what waits and stop. Recent points stay in the journal and are there again at the next start."""
        self._writer.stop()
        self._sealer.stop()
        self._parts.close()

    def _seal(self, generation: RecentView) -> None:
        """In the sealer's thread. The order makes a crash at any step harmless: names, then points, then the journal
        goes."""
        parts = self._parts
        try:
            parts.catalog_documents()
            unlisted = parts.catalog_series()
            segment = parts.folder.seal(generation, parts.index.metric_ids, unlisted, self.table.names)
        except OSError as failure:
            raise Unavailable(f"a segment cannot be written: {failure.strerror}") from failure
        parts.visible.replace_oldest(segment)
        parts.journal.unlink_through(generation.last_sequence)

    def _show(self, metrics: Metrics) -> None:
        """Gauges ask when they are scraped."""
        visible, folder = self._parts.visible, self._parts.folder
        metrics.queue.set_function(lambda: self._writer.queued_points)
        metrics.recent.set_function(lambda: visible.recent_points)
        metrics.sealed.set_function(lambda: sum(segment.rows for segment in folder.current.segments))
        metrics.segments.set_function(lambda: len(folder.current.segments))
        metrics.series.set_function(lambda: len(self._parts.index))
        metrics.read_only.set_function(lambda: self.refusing is not None)


@dataclass(slots=True)
class Parts:
    """What a store is made of, each part open."""

    catalog: Catalog
    table: SeriesTable
    index: SeriesIndex
    folder: SegmentFolder
    visible: Visible
    journal: Journal
    documents: Documents

    def catalog_documents(self) -> None:
        """Let the catalog take over the documents that have changed since the last time. Raises Unavailable."""
        changes = self.documents.pending()
        if changes:
            self.catalog.change_documents(changes.values())
            self.documents.taken_over(changes)

    def catalog_series(self) -> NDArray[np.uint32]:
        """Let the catalog take over the series that the journal made durable since the last time. Returns the ordinals
        (uint32, ascending) that no series file holds yet. Raises Unavailable."""
        durable = len(self.index)
        if self.catalog.series_count < durable:
            self.catalog.add_series(self.table.series(self.catalog.series_count, durable))
        listed = sum(file.series for file in self.folder.current.series)
        return np.arange(listed, durable, dtype=np.uint32)

    def close(self) -> None:
        """Nothing may append, seal or read any more."""
        self.journal.close()
        self.visible.close()
        self.catalog.close()


def open_store(settings: Settings, metrics: Metrics) -> EmbeddedStore:
    """Open the database in settings.data_dir, or begin one. What is damaged is set aside and named in the log.

    Raises Corrupt when the catalog or current.json cannot be used, Unavailable when the disk or another server on the
    same directory is in the way.
    """
    begin = time.perf_counter()
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    catalog = Catalog(settings.data_dir / CATALOG)
    table, index = SeriesTable(catalog.secret), SeriesIndex(catalog.secret)
    for series in catalog.series():
        table.restore(series)
        index.add(series)
    folder, segments, damaged = open_folder(settings.data_dir / SEGMENTS, catalog.database_id.hex())
    visible = Visible(SegmentSet(segments), settings.seal_points)
    documents = Documents(catalog.documents())
    replay = Replay(settings.data_dir / JOURNAL, catalog.database_id, folder.current.sealed_through)
    for record in replay:
        _apply(record, table, index, visible, documents)
    for finding in (*damaged, *replay.findings):
        log.error("damage set aside; the rest is served", file=str(finding.file), damage=finding.detail)
    log.info(
        "store open",
        series=len(index),
        segments=len(segments),
        recent=visible.recent_points,
        seconds=round(time.perf_counter() - begin, 3),
    )
    parts = Parts(catalog, table, index, folder, visible, Journal(replay), documents)
    return EmbeddedStore(parts, settings, metrics)


def _apply(
    record: StoredRecord, table: SeriesTable, index: SeriesIndex, visible: Visible, documents: Documents
) -> None:
    """Do again what the commit that wrote `record` did."""
    if record.type == RecordType.SERIES:
        series = decode_series(record)
        table.restore(series)
        index.add(table.series(len(index), len(table)))
    elif record.type == RecordType.POINTS:
        points = decode_points(record).points
        highest = int(points.series.max())
        if highest >= len(table):
            # The record with their names is damaged. No new series may get their ordinals, or it would get their
            # points.
            table.lose(highest + 1)
            index.add(table.series(len(index), len(table)))
        if not visible.fits(len(points)):
            visible.freeze_unbounded()
        visible.append(points, record.sequence)
    elif record.type == RecordType.DOCUMENT:
        documents.apply(decode_document(record))
    else:
        raise Corrupt(record.file, f"record {record.sequence} has type {record.type}, which this server does not know")
