"""The writer thread. It takes all that waits, writes it into the journal as one record with one fdatasync, makes it
visible, and only then acknowledges all of it: that order is the promise, and must not change."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from queue import Empty, SimpleQueue

import structlog

from headrace import limits
from headrace.errors import Unavailable
from headrace.model.points import Admitted, concatenate
from headrace.model.series import NewSeries, SeriesTable
from headrace.store.documents import Document, Documents
from headrace.store.journal import Journal
from headrace.store.records import Record, encode_document, encode_points, encode_series
from headrace.store.series_index import SeriesIndex
from headrace.store.visible import Visible

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Waiting:
    """A batch in the queue and the future of the `append` that brought it."""

    points: Admitted
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


class Writer:
    """Owns the journal and the newest generation of recent. `submit` on the event loop, all else in its own thread."""

    def __init__(
        self,
        journal: Journal,
        table: SeriesTable,
        index: SeriesIndex,
        visible: Visible,
        documents: Documents,
        *,
        observe_commit: Callable[[float], None],
    ) -> None:
        self._journal = journal
        self._table = table
        self._index = index
        self._visible = visible
        self._documents = documents
        self._observe_commit = observe_commit
        self._queue: SimpleQueue[Waiting | WaitingDocument | Freeze | Stop] = SimpleQueue()
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

    async def submit_document(self, document: Document) -> int:
        """See Store.change_document."""
        if self._refusing is not None:
            raise Unavailable(self._refusing)
        future: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._queue.put(WaitingDocument(document, future))
        return await future

    def _run(self) -> None:
        batch: list[Waiting] = []
        in_hand: list[WaitingDocument] = []
        try:
            while True:
                batch, command = self._gather()
                if batch:
                    self._commit(batch)
                    batch = []
                if isinstance(command, WaitingDocument):
                    in_hand = [command]
                    self._commit_document(command)
                    in_hand = []
                elif isinstance(command, Freeze):
                    self._freeze()
                elif isinstance(command, Stop):
                    return
        except Exception as bug:  # whatever it is, no client may wait for ever
            log.exception("the writer failed by a fault of ours; a restart goes on from the journal")
            self._broken = True
            self._refusing = "the writer failed and needs a restart of the server"
            _settle([*batch, *in_hand], bug)
            self._answer_until_stop(bug)

    def _gather(self) -> tuple[list[Waiting], WaitingDocument | Freeze | Stop | None]:
        """Wait for something to do, then take all that waits, up to a commit's size or the first command."""
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

    def _next(self) -> Waiting | WaitingDocument | Freeze | Stop | None:
        """The next item of the queue; None, after a probe of the disk, when none comes while we refuse writes."""
        if self._refusing is None:
            return self._queue.get()
        try:
            return self._queue.get(timeout=limits.PROBE_INTERVAL_S)
        except Empty:
            self._probe()
            return None

    def _commit(self, batch: list[Waiting]) -> None:
        begin = time.perf_counter()
        points = concatenate([waiting.points for waiting in batch])
        new_series = self._table.take_unjournaled()
        try:
            self._make_room(len(points))
            sequence = self._journal.append(_records(points, new_series))
        except Unavailable as failure:
            if new_series is not None:
                self._table.put_back(new_series)
            self._turn_red(failure)
            _settle(batch, failure)
            return
        if new_series is not None:
            self._index.add(new_series)
        self._visible.append(points, sequence)
        _settle(batch, sequence)
        self._observe_commit(time.perf_counter() - begin)

    def _commit_document(self, waiting: WaitingDocument) -> None:
        try:
            sequence = self._journal.append([encode_document(waiting.document)])
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
            self._journal.probe()
        except Unavailable as failure:
            self._refusing = failure.reason
            return
        self._refusing = None
        log.info("store takes writes again")

    def _answer_until_stop(self, bug: Exception) -> None:
        while not isinstance(item := self._queue.get(), Stop):
            if isinstance(item, Waiting | WaitingDocument):
                _settle([item], bug)


def _records(points: Admitted, new_series: NewSeries | None) -> list[Record]:
    """New series go first, so that no point in the journal is without its name."""
    points_record = encode_points(points, ingested_ms=time.time_ns() // 1_000_000)
    return [points_record] if new_series is None else [encode_series(new_series), points_record]


def _settle(batch: Sequence[Waiting | WaitingDocument], outcome: int | Exception) -> None:
    """Wake every `append` of the batch: one call into each event loop, however many wait."""
    loops = {waiting.future.get_loop() for waiting in batch}
    for loop in loops:
        futures = [waiting.future for waiting in batch if waiting.future.get_loop() is loop]
        loop.call_soon_threadsafe(_settle_on_loop, futures, outcome)


def _settle_on_loop(futures: list[asyncio.Future[int]], outcome: int | Exception) -> None:
    for future in futures:
        if future.cancelled():
            continue
        if isinstance(outcome, Exception):
            future.set_exception(outcome)
        else:
            future.set_result(outcome)
