"""The writer thread. It takes all that waits, writes it into the journal as one record with one fdatasync, makes it
visible, and only then acknowledges all of it: that order is the promise, and must not change."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from queue import Empty, SimpleQueue

import structlog

from headrace import limits
from headrace.errors import Unavailable
from headrace.model.points import Admitted, concatenate
from headrace.model.series import NewSeries, SeriesTable
from headrace.model.time import Clock
from headrace.store.deletes import Delete
from headrace.store.disk_space import DiskSpace
from headrace.store.documents import Document, Documents
from headrace.store.journal import Journal
from headrace.store.records import Record, encode_delete, encode_document, encode_points, encode_series
from headrace.store.series_index import SeriesIndex
from headrace.store.visible import Visible

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Waiting:
    """A batch in the queue and the future of the `append` that brought it."""

    points: Admitted
    future: asyncio.Future[int]


@dataclass(frozen=True, slots=True)
class WaitingDelete:
    """A delete in the queue: later than every batch before it, earlier than every one behind it."""

    delete: Delete
    future: asyncio.Future[int]


@dataclass(frozen=True, slots=True)
class WaitingDocument:
    """A change of a document in the queue: a commit of its own."""

    document: Document
    future: asyncio.Future[int]


class Freeze:
    """In the queue: recent is old enough, begin a new generation."""


class Stop:
    """In the queue: everything before it is to be committed, nothing comes after it."""


AnyWaiting = Waiting | WaitingDelete | WaitingDocument
Command = WaitingDelete | WaitingDocument | Freeze | Stop


class Writer:
    """Owns the journal and the newest generation of recent. `submit` on the event loop, all else in its own thread."""

    def __init__(
        self,
        journal: Journal,
        table: SeriesTable,
        index: SeriesIndex,
        visible: Visible,
        documents: Documents,
        disk: DiskSpace,
        *,
        clock: Clock,
        observe_commit: Callable[[float], None],
    ) -> None:
        self._journal = journal
        self._table = table
        self._index = index
        self._visible = visible
        self._documents = documents
        self._disk = disk
        self._clock = clock
        self._observe_commit = observe_commit
        self._queue: SimpleQueue[Waiting | Command] = SimpleQueue()
        self._points_submitted = 0  # counted by the loop alone, so that neither counter needs a lock
        self._points_taken = 0  # counted by the writer alone
        self._refusing: str | None = None
        self._broken = False
        self._thread = threading.Thread(target=self._run, name="headrace-writer", daemon=True)

    @property
    def refusing(self) -> str | None:
        """Why no point is taken at present, or None while all is well."""
        return self._refusing

    @property
    def queued_points(self) -> int:
        return self._points_submitted - self._points_taken

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Commit what waits, then end the thread. No submit may follow."""
        self._refusing = "the server is shutting down"
        self._queue.put(Stop())
        self._thread.join()

    def freeze(self) -> None:
        """Ask for a new generation; the present one, if it holds anything, goes to the sealer. Any thread."""
        self._queue.put(Freeze())

    async def submit(self, points: Admitted) -> int:
        """See Store.append."""
        if self._refusing is not None:
            raise Unavailable(self._refusing)
        if not len(points):
            return self._journal.last_sequence
        if self.queued_points and self.queued_points + len(points) > limits.QUEUE_POINTS_MAX:
            raise Unavailable("too many points wait for the disk")
        self._points_submitted += len(points)
        future: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._queue.put(Waiting(points, future))
        return await future

    async def submit_delete(self, delete: Delete) -> int:
        """See Store.delete."""
        if self._refusing is not None:
            raise Unavailable(self._refusing)
        if self._visible.deletes.is_full:
            raise Unavailable("too many deletes wait until segments have been rewritten")
        future: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._queue.put(WaitingDelete(delete, future))
        return await future

    async def submit_document(self, document: Document) -> int:
        """See Store.change_document."""
        if self._refusing is not None:
            raise Unavailable(self._refusing)
        future: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._queue.put(WaitingDocument(document, future))
        return await future

    def _run(self) -> None:
        try:
            while self.take_turn():
                pass
        except Exception as bug:  # whatever it is, no client may wait for ever
            log.exception("the writer failed by a fault of ours; a restart goes on from the journal")
            self._answer_until_stop(bug)

    def take_turn(self) -> bool:
        """Wait for something to do, and do it: a commit, then the command behind it. False when that was to stop."""
        batch, command = self._gather()
        try:
            self._do(batch, command)
        except Exception as bug:
            self._broken = True
            self._refusing = "the writer failed and needs a restart of the server"
            _settle([item for item in (*batch, command) if isinstance(item, AnyWaiting)], bug)
            raise
        return not isinstance(command, Stop)

    def _do(self, batch: list[Waiting], command: Command | None) -> None:
        delete = command if isinstance(command, WaitingDelete) else None
        if batch or delete is not None:
            self._commit(batch, delete)
        if isinstance(command, WaitingDocument):
            self._commit_document(command)
        elif isinstance(command, Freeze):
            self._freeze_if_free()

    def _gather(self) -> tuple[list[Waiting], Command | None]:
        """Wait for something to do, then take all that waits, up to a commit's size, a delete or the first command."""
        batch: list[Waiting] = []
        points = 0
        item = self._next()
        while item is not None:
            if not isinstance(item, Waiting):
                return batch, item
            batch.append(item)
            points += len(item.points)
            self._points_taken += len(item.points)
            if points >= limits.COMMIT_POINTS:
                break
            try:
                item = self._queue.get_nowait()
            except Empty:
                break
        return batch, None

    def _next(self) -> Waiting | Command | None:
        """The next item of the queue; None, after a probe of the disk, when none comes while we refuse writes."""
        if self._refusing is None:
            return self._queue.get()
        try:
            return self._queue.get(timeout=limits.PROBE_INTERVAL_S)
        except Empty:
            self._probe()
            return None

    def _commit(self, batch: list[Waiting], delete: WaitingDelete | None) -> None:
        """Make the batches and the delete that came behind them durable with one fdatasync, then visible in that
        order."""
        begin = time.perf_counter()
        points = concatenate([waiting.points for waiting in batch]) if batch else None
        new_series = self._table.take_unjournaled()
        try:
            if points is not None:
                self._make_room(len(points))
            records = _records(points, new_series, delete, self._clock())
            self._disk.check(sum(record.bytes for record in records))
            sequence = self._journal.append(records)
        except Unavailable as failure:
            if new_series is not None:
                self._table.put_back(new_series)
            self._turn_red(failure)
            _settle(batch if delete is None else [*batch, delete], failure)
            return
        if new_series is not None:
            self._index.add(new_series)
        if points is not None:
            points_sequence = sequence if delete is None else sequence - 1
            self._visible.append(points, points_sequence)
            _settle(batch, points_sequence)
        if delete is not None:
            self._visible.delete(delete.delete, sequence)
            _settle([delete], sequence)
        self._observe_commit(time.perf_counter() - begin)

    def _commit_document(self, waiting: WaitingDocument) -> None:
        record = encode_document(waiting.document)
        try:
            self._disk.check(record.bytes)
            sequence = self._journal.append([record])
        except Unavailable as failure:
            self._turn_red(failure)
            _settle([waiting], failure)
            return
        self._documents.apply(waiting.document)
        _settle([waiting], sequence)

    def _make_room(self, points: int) -> None:
        """Raises Unavailable when sealing has fallen behind for longer than a sender should wait."""
        if not self._visible.fits(points):
            self._freeze()

    def _freeze(self) -> None:
        self._visible.freeze(limits.SEAL_WAIT_S)
        self._journal.rotate()

    def _turn_red(self, failure: Unavailable) -> None:
        self._refusing = failure.reason
        log.error("store refuses writes", reason=failure.reason)

    def _probe(self) -> None:
        if self._broken:
            return
        try:
            self._disk.check(0)
            self._journal.probe()
        except Unavailable as failure:
            self._refusing = failure.reason
            self._hand_over_recent()
            return
        self._refusing = None
        log.info("store takes writes again")

    def _hand_over_recent(self) -> None:
        """While no points are taken, all that are in memory go to the sealer: a segment takes a fraction of the journal
        that goes when it is there, which is how a full disk is worked down."""
        if self._visible.newest_age_s():
            self._freeze_if_free()

    def _freeze_if_free(self) -> None:
        """Unless the sealer has enough to do: when it has done it, we are asked again."""
        with suppress(Unavailable):
            self._visible.freeze(0)
            self._journal.rotate()

    def _answer_until_stop(self, bug: Exception) -> None:
        while not isinstance(item := self._queue.get(), Stop):
            if isinstance(item, AnyWaiting):
                _settle([item], bug)


def _records(
    points: Admitted | None, new_series: NewSeries | None, delete: WaitingDelete | None, now_ms: int
) -> list[Record]:
    """New series go first, so that no point in the journal is without its name; the delete last, as it came last."""
    records = [] if new_series is None else [encode_series(new_series)]
    if points is not None:
        records.append(encode_points(points, ingested_ms=now_ms))
    if delete is not None:
        records.append(encode_delete(delete.delete))
    return records


def _settle(batch: Sequence[AnyWaiting], outcome: int | Exception) -> None:
    """Wake every `append` of the batch: one call into each event loop, however many wait."""
    loops = {waiting.future.get_loop() for waiting in batch}
    for loop in loops:
        futures = [waiting.future for waiting in batch if waiting.future.get_loop() is loop]
        loop.call_soon_threadsafe(_settle_on_loop, futures, outcome)


def _settle_on_loop(futures: list[asyncio.Future[int]], outcome: int | Exception) -> None:
    for future in futures:
        if future.done():  # cancelled, or answered before the fault that is told to all who were in its turn
            continue
        if isinstance(outcome, Exception):
            future.set_exception(outcome)
        else:
            future.set_result(outcome)
