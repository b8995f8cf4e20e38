"""The embedded store: one database in one folder, one process. Puts the parts together, and opens them after anything.

Opening: the catalog gives the database's secret and its series, current.json the segments, the journal what came later.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import structlog
from numpy.typing import NDArray

from headrace import limits
from headrace.config import Settings
from headrace.errors import Corrupt, Unavailable
from headrace.metrics import Metrics
from headrace.model.points import Admitted
from headrace.model.series import SeriesTable
from headrace.model.series_limits import SeriesLimits
from headrace.model.time import ALL_TIME, Clock, wall_clock
from headrace.store import RETENTION_DOCUMENT, Check, DocumentChange, go_on
from headrace.store.embedded.documents.catalog import Catalog
from headrace.store.embedded.documents.documents import Documents, open_documents
from headrace.store.embedded.files.disk_space import DiskSpace
from headrace.store.embedded.files.folder_lock import FolderLock
from headrace.store.embedded.housekeeping.housekeeping import Housekeeping
from headrace.store.embedded.housekeeping.merger import Merger
from headrace.store.embedded.housekeeping.sealer import Sealer
from headrace.store.embedded.journal.commits import Request, request_of
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
from headrace.store.embedded.reading.helpers import Helpers
from headrace.store.embedded.reading.snapshot import EmbeddedSnapshot
from headrace.store.embedded.reading.visible import Visible
from headrace.store.embedded.recent.deletes import Delete
from headrace.store.embedded.recent.hidden import Hidden
from headrace.store.embedded.recent.recent import RecentView
from headrace.store.embedded.segments.folder import SegmentFolder, open_folder
from headrace.store.embedded.segments.making.forgetting import Forgetting
from headrace.store.embedded.segments.making.retention import Retention
from headrace.store.embedded.segments.segment_set import SegmentSet
from headrace.store.embedded.series.index import SeriesIndex
from headrace.store.embedded.writer import Writer
from headrace.store.query_memory import QueryAccount, QueryMemory

log = structlog.get_logger(__name__)

JOURNAL = "journal"
SEGMENTS = "segments"
CATALOG = "catalog.sqlite"
DOCUMENTS = "documents.sqlite"
"""What lies in the data directory (docs/operations.md)."""


class EmbeddedStore:
    """See store.Store. Made by `open_store`; `close` it when nobody appends or queries any more."""

    def __init__(self, parts: Parts, settings: Settings, metrics: Metrics, clock: Clock) -> None:
        self.table = parts.table
        self._parts = parts
        self._clock = clock
        self._retention_rules = settings.retention
        self._retention = self._read_retention()
        self._disk = DiskSpace(settings.data_dir, settings.disk_reserve_bytes)
        self._writer = Writer(
            parts.journal,
            parts.table,
            parts.index,
            parts.visible,
            parts.documents,
            self._disk,
            clock=clock,
            observe_commit=metrics.commit.observe,
        )
        failed = metrics.housekeeping_failures
        self._sealer = Sealer(
            parts.visible,
            self._seal,
            parts.documents.sweep,
            self._writer.freeze,
            settings.seal_age_s,
            failed.labels("seal").inc,
        )
        self._housekeeping = Housekeeping(
            parts.folder, parts.visible, parts.index.metric_ids, self._disk, self._forgetting
        )
        self._merger = Merger(self._housekeeping.merge, lambda: parts.visible.seal_waits, failed.labels("merge").inc)
        self._query_memory = QueryMemory(settings.query_memory_bytes)
        self._helpers = Helpers(min(limits.QUERY_HELPERS_MAX, len(os.sched_getaffinity(0)) - 1))
        self._show(metrics)
        metrics.series_max.set(settings.series_max)

    def start(self) -> None:
        """Let the writer, the sealer and the merger run, each in its thread."""
        self._writer.start()
        self._sealer.start()
        self._merger.start()

    @property
    def refusing(self) -> str | None:
        """Why no points are taken at present, None while they are."""
        return self._writer.refusing

    @property
    def damaged(self) -> list[str]:
        """What was set aside and is not served: segments ever, what lay in the journal at the last opening."""
        segments = [f"{SEGMENTS}/{damage.file}: {damage.reason}" for damage in self._parts.folder.current.damaged]
        journal = [f"{JOURNAL}/{damage.file.name}: {damage.detail}" for damage in self._parts.journal_damage]
        catalog = [f"{damage.file.name}: {damage.detail}" for damage in self._parts.catalog.damage]
        return segments + journal + catalog + self._parts.documents.damaged

    async def append(self, points: Admitted) -> int:
        """See store.Store."""
        return await self._writer.submit(request_of(points=points))

    async def delete(self, series: NDArray[np.uint32], start_ms: int, end_ms: int) -> int:
        """See store.Store."""
        return await self._writer.submit(request_of(Delete(np.unique(series), start_ms, end_ms)))

    @contextmanager
    def snapshot(self, check: Check = go_on) -> Iterator[EmbeddedSnapshot]:
        """See store.Store."""
        account = QueryAccount(self._query_memory)
        pinned = self._parts.visible.pin()
        try:
            with account.scratch():
                yield EmbeddedSnapshot(
                    pinned,
                    self._parts.index,
                    self.table,
                    self._retention,
                    self._clock(),
                    check,
                    account,
                    self._helpers,
                )
        except Corrupt as damage:
            # Who meets the damage is told; the next snapshot is without the file.
            self._housekeeping.set_aside(damage)
            raise
        finally:
            self._parts.visible.release(pinned)

    def suggest(self, role: str, prefix: str, limit: int) -> list[str]:
        """See store.Store."""
        index, hidden = self._parts.index, self._parts.visible.hidden
        if role != "metrics" or not hidden:
            return index.suggest(role, prefix, limit)
        gone = set(index.metrics_only_of(hidden.series))
        return [name for name in index.suggest(role, prefix, limit + len(gone)) if name not in gone][:limit]

    async def commit(
        self,
        changes: Sequence[DocumentChange],
        points: Admitted | None = None,
        deleted: NDArray[np.uint32] | None = None,
    ) -> int:
        """See store.Store."""
        delete = None if deleted is None else Delete(np.unique(deleted), *ALL_TIME)
        request = request_of(delete, points, changes)
        if any(change.kind == RETENTION_DOCUMENT[0] for change in changes):
            return await asyncio.shield(self._change_retention(request))  # cancelled, it may still commit
        return await self._writer.submit(request)

    async def _change_retention(self, request: Request) -> int:
        sequence = await self._writer.submit(request)
        self._retention = self._read_retention()
        return sequence

    def _read_retention(self) -> Retention:
        body = self.document(*RETENTION_DOCUMENT)
        names = self._parts.index.metric_ids, self._parts.index.metric_names
        return Retention(self._retention_rules, *names, None if body is None else int(body))

    def document(self, kind: str, key: str) -> bytes | None:
        """See store.Store."""
        return self._parts.documents.get(kind, key)

    def documents(
        self, kind: str, first: str, end: str, limit: int | None = None, backwards: bool = False
    ) -> list[tuple[str, bytes]]:
        """See store.Store."""
        return self._parts.documents.between(kind, first, end, limit, backwards)

    def document_keys(self, kind: str, first: str, end: str) -> list[str]:
        """See store.Store."""
        return self._parts.documents.keys(kind, first, end)

    def close(self) -> None:
        """Commit what waits and stop. Recent points stay in the journal and are there again at the next start."""
        self._writer.stop()
        self._merger.stop()
        self._sealer.stop()
        self._helpers.close()
        self._parts.close()

    def _seal(self, generation: RecentView) -> None:
        """In the sealer's thread. The order makes a crash at any step harmless: names, then points, then the journal
        goes."""
        parts = self._parts
        forgetting = self._forgetting()
        try:
            parts.documents.file_recent()
            unlisted = parts.catalog_series()
            self._keep_hidden()
            segment = parts.folder.seal(
                generation, parts.index.metric_ids, unlisted, self.table.encoded_names, forgetting
            )
        except OSError as failure:
            raise Unavailable(f"a segment cannot be written: {failure.strerror}") from failure
        parts.visible.replace_oldest(segment)
        parts.journal.unlink_through(generation.last_sequence)
        parts.visible.forget_deletes(parts.index.metric_ids)
        self._merger.wake()

    def _forgetting(self) -> Forgetting:
        """What counts as gone now."""
        return Forgetting(self._parts.visible.deletes, self._retention, self._clock())

    def _keep_hidden(self) -> None:
        """Before the journal goes. What is hidden may have changed since the last record that is sealed: reading the
        later ones back comes to the same."""
        hidden = self._parts.visible.hidden
        if hidden is not self._parts.hidden_on_disk:
            self._parts.catalog.set_hidden(hidden.series)
            self._parts.hidden_on_disk = hidden

    def _show(self, metrics: Metrics) -> None:
        """Gauges ask when they are scraped."""
        visible, folder = self._parts.visible, self._parts.folder
        metrics.queue.set_function(lambda: self._writer.queued_points)
        metrics.recent.set_function(lambda: visible.recent_points)
        metrics.sealed.set_function(lambda: sum(segment.rows for segment in folder.current.segments))
        metrics.segments.set_function(lambda: len(folder.current.segments))
        metrics.series.set_function(lambda: len(self._parts.index))
        metrics.read_only.set_function(lambda: self.refusing is not None)
        metrics.query_memory.set_function(lambda: self._query_memory.in_use)
        metrics.disk_free.set_function(self._disk.free_bytes)
        metrics.damaged.labels(SEGMENTS).set_function(lambda: len(folder.current.damaged))
        metrics.damaged.labels(JOURNAL).set_function(lambda: len(self._parts.journal_damage))
        metrics.damaged.labels(CATALOG).set_function(lambda: len(self._parts.catalog.damage))
        metrics.damaged.labels(DOCUMENTS).set_function(lambda: len(self._parts.documents.damaged))


@dataclass(slots=True)
class Parts:
    """What a store is made of, each part open."""

    catalog: Catalog
    table: SeriesTable
    index: SeriesIndex
    folder: SegmentFolder
    visible: Visible
    journal: Journal
    journal_damage: list[Corrupt]
    lock: FolderLock
    documents: Documents
    hidden_on_disk: Hidden

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
        self.documents.close()
        self.catalog.close()
        self.lock.release()


def open_store(settings: Settings, metrics: Metrics, clock: Clock = wall_clock) -> EmbeddedStore:
    """Open the database in settings.data_dir, or begin one. What is damaged is set aside and named in the log.

    Raises as `assemble_store`.
    """
    store = assemble_store(settings, metrics, clock)
    store.start()
    return store


def assemble_store(settings: Settings, metrics: Metrics, clock: Clock) -> EmbeddedStore:
    """As `open_store`, but nothing runs yet.

    Raises Corrupt when the catalog or current.json cannot be used, Unavailable when the disk or another server on the
    same directory is in the way.
    """
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    lock = FolderLock(settings.data_dir)
    try:
        return EmbeddedStore(_open_parts(settings, lock), settings, metrics, clock)
    except BaseException:
        lock.release()
        raise


def _open_parts(settings: Settings, lock: FolderLock) -> Parts:
    begin = time.perf_counter()
    catalog = Catalog(settings.data_dir / CATALOG)
    allowed = SeriesLimits(settings.series_max, settings.series_per_hour_max)
    table, index = SeriesTable(catalog.secret, allowed), SeriesIndex(catalog.secret)
    for series in catalog.series():
        table.restore(series)
        index.add(table.series(len(index), len(table)))
    # Those of a damaged last row: their ordinals stay taken, or a new series would get their points.
    table.lose(catalog.series_count)
    index.add(table.series(len(index), len(table)))
    folder, segments, damaged = open_folder(settings.data_dir / SEGMENTS, catalog.database_id.hex())
    hidden = Hidden(catalog.hidden())
    visible = Visible(SegmentSet(segments), settings.seal_points, folder.deletes, hidden)
    documents = open_documents(settings.data_dir / DOCUMENTS, catalog)
    replay = Replay(settings.data_dir / JOURNAL, catalog.database_id, folder.current.sealed_through)
    for record in replay:
        if isinstance(record, StoredRun):
            _apply_points(record.points, record.last, record.last - record.first + 1, table, index, visible)
        else:
            _apply(record, table, index, visible, documents)
    for finding in (*damaged, *catalog.damage, *replay.findings):
        log.error("damage set aside; the rest is served", file=str(finding.file), damage=finding.detail)
    log.info(
        "store open",
        series=len(index),
        segments=len(segments),
        recent=visible.recent_points,
        seconds=round(time.perf_counter() - begin, 3),
    )
    return Parts(catalog, table, index, folder, visible, Journal(replay), replay.findings, lock, documents, hidden)


def _apply(
    record: StoredRecord, table: SeriesTable, index: SeriesIndex, visible: Visible, documents: Documents
) -> None:
    """Do again what the commit that wrote `record` did."""
    other_bytes = 0
    if record.type == RecordType.SERIES:
        series = decode_series(record)
        table.restore(series)
        index.add(table.series(len(index), len(table)))
    elif record.type == RecordType.POINTS:
        _apply_points(decode_points(record).points, record.sequence, 1, table, index, visible)
    elif record.type == RecordType.DELETE:
        other_bytes = len(record.payload)
        visible.delete(decode_delete(record), record.sequence)
    elif record.type in (RecordType.DOCUMENT, RecordType.DOCUMENT_RANGE):
        other_bytes = len(record.payload)
        documents.apply([decode_document_change(record)], record.sequence)
    else:
        raise Corrupt(record.file, f"record {record.sequence} has type {record.type}, which this server does not know")
    visible.reach(record.sequence, other_bytes)
    if visible.is_heavy:
        visible.freeze_unbounded()


def _apply_points(
    points: Admitted, sequence: int, records: int, table: SeriesTable, index: SeriesIndex, visible: Visible
) -> None:
    """The points of so many records that end with `sequence`."""
    highest = int(points.series.max())
    if highest >= len(table):
        # The record with their names is damaged. No new series may get their ordinals, or it would get their points.
        table.lose(highest + 1)
        index.add(table.series(len(index), len(table)))
    if not visible.fits(len(points)):
        visible.freeze_unbounded()
    visible.append(points, sequence, records)
