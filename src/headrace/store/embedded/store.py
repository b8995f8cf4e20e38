"""The embedded store: one database in one folder, one process. Puts the parts of it to work."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from headrace import limits
from headrace.config import Settings
from headrace.errors import Corrupt, Unavailable
from headrace.memory_bound import SERIES_BYTES, most
from headrace.metrics import Metrics
from headrace.model.points import Admitted
from headrace.model.time import ALL_TIME, Clock, wall_clock
from headrace.settings.quantities import parse_duration_ms
from headrace.store import RETENTION_DOCUMENT, Check, DocumentChange, Moment, go_on
from headrace.store.embedded.backups.backing_up import back_up, copy_out
from headrace.store.embedded.backups.label import Backup
from headrace.store.embedded.backups.own_copies import OwnCopies, remove_copies
from headrace.store.embedded.backups.streams import BackupStream, BackupStreams
from headrace.store.embedded.concessions import NO_CONCESSIONS, Concessions
from headrace.store.embedded.files.disk_space import DiskSpace
from headrace.store.embedded.files.durable import make_folder
from headrace.store.embedded.files.folder_lock import FolderLock
from headrace.store.embedded.housekeeping.grace import Grace
from headrace.store.embedded.housekeeping.housekeeping import Housekeeping
from headrace.store.embedded.housekeeping.merger import Merger
from headrace.store.embedded.housekeeping.retention_in_force import RetentionInForce
from headrace.store.embedded.housekeeping.sealer import Sealer
from headrace.store.embedded.housekeeping.seals import Seals
from headrace.store.embedded.housekeeping.trusted_clock import TrustedClock
from headrace.store.embedded.journal.commits import Request, request_of
from headrace.store.embedded.opening import open_parts
from headrace.store.embedded.parts import CATALOG, DOCUMENTS, JOURNAL, SEGMENTS, Parts
from headrace.store.embedded.reading.helpers import Helpers
from headrace.store.embedded.reading.snapshot import EmbeddedSnapshot
from headrace.store.embedded.recent.deletes import Delete
from headrace.store.embedded.scrubbing.counted import CountedFile
from headrace.store.embedded.scrubbing.scrub import Scrub
from headrace.store.embedded.scrubbing.scrubber import Scrubber
from headrace.store.embedded.verifying_online import Tell, Verification, Verifier
from headrace.store.embedded.writer import Writer
from headrace.store.query_memory import QueryAccount, QueryMemory


class EmbeddedStore:
    """See store.Store. Made by `open_store`; `close` it when nobody appends or queries any more."""

    def __init__(self, parts: Parts, settings: Settings, metrics: Metrics, clock: Clock, believe_clock: bool) -> None:
        self.when_broken: Callable[[], None] | None = None
        """Called, in a thread of the store's, when it cannot go on without being opened again."""
        self.table = parts.table
        self._parts = parts
        self._clock = clock
        self._retention = RetentionInForce(settings.retention, parts.index, parts.documents)
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
            when_broken=self._tell_broken,
        )
        trusted_clock = TrustedClock(clock, parts.folder.current.latest_ms, believe_clock)
        grace_ms = parse_duration_ms(settings.retention_grace)
        self._grace = Grace(parts.folder, self._disk, grace_ms, settings.retention_grace_bytes_max)
        self._disk.give_way = self._grace.give_way
        seals = Seals(parts, self._retention, trusted_clock, self._grace)
        self._housekeeping = Housekeeping(
            parts.folder, parts.visible, parts.index.metric_ids, self._disk, parts.lock, seals.forgetting, self._grace
        )
        failed, done = metrics.housekeeping_failures, metrics.housekept
        self._merger = Merger(self._housekeeping, parts.visible, done.labels("merge"), failed.labels("merge"))
        self._sealer = Sealer(
            parts.visible,
            seals,
            seals,
            self._writer,
            self._merger,
            settings.seal_age_s,
            done.labels("seal"),
            failed.labels("seal"),
        )
        self._scrub = Scrub(parts, self._housekeeping, settings.data_dir, clock)
        self._scrubber = Scrubber(
            self._scrub, parts.visible, settings.scrub_bytes_per_s, metrics.scrubbed, failed.labels("scrub")
        )
        self._query_memory = QueryMemory(settings.query_memory_bytes)
        self._helpers = Helpers(min(limits.QUERY_HELPERS_MAX, len(os.sched_getaffinity(0)) - 1))
        self._backing_up = threading.Lock()
        copies, copied = OwnCopies(parts, self._disk), partial(self._back_up_by, copy_out)
        self._verifier = Verifier(copies, copied)
        self._backup_streams = BackupStreams(copies, copied)
        self._show(metrics)
        metrics.series_max.set(settings.series_max)
        metrics.memory_max.set_function(lambda: most(settings) + SERIES_BYTES * len(parts.index))

    def start(self) -> None:
        """Let the writer, the sealer, the merger and the scrubber run, each in its thread."""
        self._writer.start()
        self._sealer.start()
        self._merger.start()
        self._scrubber.start()

    def note_tokens(self) -> None:
        """There is a file of tokens: from now on the database is not complete without it. Any thread. Raises
        Unavailable."""
        try:
            self._parts.folder.note_tokens()
        except OSError as failure:
            raise Unavailable(f"it cannot be noted that there are tokens: {failure.strerror}") from failure

    def _tell_broken(self) -> None:
        if self.when_broken is not None:
            self.when_broken()

    @property
    def refusing(self) -> str | None:
        """Why no points are taken at present, None while they are."""
        return self._writer.refusing

    @property
    def damaged(self) -> list[str]:
        """What was ever set aside or lost and is not served, and what the scrub has found damaged, a sentence each."""
        segments = [f"{SEGMENTS}/{damage.file}: {damage.reason}" for damage in self._parts.folder.current.damaged]
        lost = [loss.what for loss in self._parts.folder.current.losses]
        return segments + lost + self._parts.documents.damaged + self._scrub.damaged

    @property
    def outranked(self) -> list[str]:
        """Settings in whose place the database says something else, a sentence each."""
        told = self._retention.outranked
        return [] if told is None else [told]

    def files(self) -> list[CountedFile]:
        """Those that the scrub reads again, with what is known of each. Any thread; asks the disk for sizes."""
        return self._scrub.files()

    async def append(self, points: Admitted) -> int:
        """See store.Store."""
        return await self._writer.submit(request_of(points=points))

    async def delete(self, series: NDArray[np.uint32], start_ms: int, end_ms: int) -> int:
        """See store.Store."""
        return await self._writer.submit(request_of(Delete(np.unique(series), start_ms, end_ms)))

    async def forget(self, series: NDArray[np.uint32], unwritten_since: Moment) -> int:
        """See store.Store. Forgets nothing while points may come back: out of a segment that is damaged, or was dropped
        for its age and is still there."""
        current = self._parts.folder.current
        if current.damaged or current.losses or self._grace.bytes:
            return self._parts.journal.last_sequence
        delete = Delete(np.unique(series), *ALL_TIME)
        return await self._writer.submit(request_of(delete, unwritten_since=unwritten_since))

    def without_points(self, series: NDArray[np.uint32]) -> tuple[NDArray[np.uint32], Moment]:
        """See store.Store."""
        with self.snapshot() as snapshot:
            return snapshot.without_points(series), snapshot.moment

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
                    self._retention.now,
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
        self._retention.read_again()
        return sequence

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

    def back_up(self, place: Path) -> Backup:
        """See backing_up.back_up. Any thread; while another backup is taken, raises Unavailable."""
        return self._back_up_by(back_up, place)

    def stream_backup(self) -> BackupStream:
        """See BackupStreams.begin. Any thread."""
        return self._backup_streams.begin()

    def _back_up_by(self, taking: Callable[[Parts, Path, int], Backup], place: Path) -> Backup:
        if not self._backing_up.acquire(blocking=False):
            raise Unavailable("another backup is being taken")
        try:
            return taking(self._parts, place, self._clock())
        finally:
            self._backing_up.release()

    def verify(self, tell: Tell) -> Verification:
        """See Verifier.begin. Any thread."""
        return self._verifier.begin(tell)

    def end_verifying(self) -> None:
        """See Verifier.end. Any thread."""
        self._verifier.end()

    async def seal(self) -> int:
        """On return all that was acknowledged before is in segments and documents.sqlite. Returns the last record of
        the journal of which that is true. Raises Unavailable when it is not within limits.SEAL_ANSWER_S."""
        sequence, visible = self._parts.journal.last_sequence, self._parts.visible
        deadline = time.monotonic() + limits.SEAL_ANSWER_S
        while self._parts.folder.current.sealed_through < sequence:
            # In this order: what was frozen in between is then seen to wait.
            if visible.newest_age_s() == 0 and not visible.seal_waits:
                break
            if time.monotonic() > deadline:
                raise Unavailable("what was acknowledged could not be sealed yet; the log says why")
            if not visible.seal_waits:  # else it might be in vain, or make a segment for nothing
                self._writer.freeze()
            await asyncio.sleep(limits.SEAL_POLL_S)
        return self._parts.folder.current.sealed_through

    def close(self) -> None:
        """Commit what waits and stop. Recent points stay in the journal and are there again at the next start."""
        self._verifier.close()
        self._writer.stop()
        self._scrubber.stop()
        self._merger.stop()
        self._sealer.stop()
        self._helpers.close()
        self._parts.close()

    def _losses_in(self, where: str) -> int:
        lost = sum(loss.where == where for loss in self._parts.folder.current.losses)
        return lost + sum(sentence.startswith(where) for sentence in self._scrub.damaged)

    def _show(self, metrics: Metrics) -> None:
        """Gauges ask when they are scraped."""
        visible, folder = self._parts.visible, self._parts.folder
        metrics.queue.set_function(lambda: self._writer.queued_points)
        metrics.recent.set_function(lambda: visible.recent_points)
        metrics.sealed.set_function(lambda: sum(segment.rows for segment in folder.current.segments))
        metrics.segments.set_function(lambda: len(folder.current.segments))
        metrics.grace.set_function(lambda: self._grace.bytes)
        metrics.retention.set_function(lambda: self._retention.default_ms / 1000)
        metrics.outranked.set_function(lambda: len(self.outranked))
        metrics.series.set_function(lambda: len(self._parts.index))
        metrics.read_only.set_function(lambda: self.refusing is not None)
        metrics.query_memory.set_function(lambda: self._query_memory.in_use)
        metrics.cache.set_function(lambda: folder.cache.bytes)
        folder.cache.count_by(*(metrics.cache_lookups.labels(result).inc for result in ("hit", "miss")))
        metrics.disk_free.set_function(self._disk.free_bytes)
        metrics.damaged.labels(SEGMENTS).set_function(lambda: len(folder.current.damaged) + self._losses_in(SEGMENTS))
        metrics.scrub_oldest.set_function(self._scrub.oldest_s)
        metrics.scrub_unreadable.set_function(lambda: self._scrub.unreadable)
        for where in (JOURNAL, CATALOG):
            metrics.damaged.labels(where).set_function(partial(self._losses_in, where))
        metrics.damaged.labels(DOCUMENTS).set_function(
            lambda: len(self._parts.documents.damaged) + self._losses_in(DOCUMENTS)
        )


def open_store(
    settings: Settings, metrics: Metrics, clock: Clock = wall_clock, concessions: Concessions = NO_CONCESSIONS
) -> EmbeddedStore:
    """Open the database in settings.data_dir, or begin one. What is damaged is set aside and named in the log.

    Raises as `assemble_store`.
    """
    store = assemble_store(settings, metrics, clock, concessions)
    store.start()
    return store


def assemble_store(
    settings: Settings, metrics: Metrics, clock: Clock, concessions: Concessions = NO_CONCESSIONS
) -> EmbeddedStore:
    """As `open_store`, but nothing runs yet.

    Raises Incomplete when a part of the database is missing or an older copy, Corrupt when the catalog or current.json
    cannot be used, Unavailable when the disk or another server on the same directory is in the way.
    """
    try:
        make_folder(settings.data_dir)
    except OSError as error:
        raise Unavailable(f"cannot make the data directory {settings.data_dir}: {error.strerror}") from error
    lock = FolderLock(settings.data_dir)
    try:
        remove_copies(settings.data_dir)
        parts = open_parts(settings, lock, clock, concessions.accept_loss)
        return EmbeddedStore(parts, settings, metrics, clock, concessions.believe_clock)
    except BaseException:
        lock.release()
        raise
