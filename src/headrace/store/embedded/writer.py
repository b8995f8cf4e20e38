"""The writer thread. It takes all that waits, writes it into the journal as one commit with one fdatasync, makes it
visible, and only then acknowledges all of it: that order is the promise, and must not change."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from queue import Empty, SimpleQueue

import structlog

from headrace import limits
from headrace.errors import Unavailable
from headrace.model.series import SeriesTable
from headrace.model.time import Clock
from headrace.store.embedded.documents.documents import Documents
from headrace.store.embedded.files.disk_space import DiskSpace
from headrace.store.embedded.journal.commits import Request, Size, Step, Waiting, encode_step, steps_of, with_deletes_of
from headrace.store.embedded.journal.journal import Journal
from headrace.store.embedded.journal.records import RecordType, encode_new_series
from headrace.store.embedded.reading.visible import Visible
from headrace.store.embedded.recent.deletes import Delete
from headrace.store.embedded.series.index import SeriesIndex

log = structlog.get_logger(__name__)


class Freeze:
    """In the queue: recent is old enough, begin a new generation."""


class Stop:
    """In the queue: everything before it is to be committed, nothing comes after it."""


Command = Freeze | Stop

_SEALED_BY_POINTS = (RecordType.POINTS, RecordType.SERIES)
"""Records whose number says when to seal, not their bytes."""


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
        when_broken: Callable[[], None],
    ) -> None:
        """when_broken: called in the writer's thread when it ends by a fault: nothing is written any more."""
        self._when_broken = when_broken
        self._journal = journal
        self._table = table
        self._index = index
        self._visible = visible
        self._documents = documents
        self._disk = disk
        self._clock = clock
        self._observe_commit = observe_commit
        self._queue: SimpleQueue[Waiting | Command] = SimpleQueue()
        self._submitted = Size()  # counted by the loop alone, so that neither counter needs a lock
        self._in_hand = Size()  # of the batch that the writer has taken
        self._done = Size()  # counted by the writer alone
        self._refusing: str | None = None
        self._broken = False
        self._thread = threading.Thread(target=self._run, name="headrace-writer", daemon=True)

    @property
    def refusing(self) -> str | None:
        """Why no point is taken at present, or None while all is well."""
        return self._refusing

    @property
    def queued_points(self) -> int:
        """That wait, those that are being written among them."""
        return self._submitted.points - self._done.points

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

    async def submit(self, request: Request) -> int:
        """See Store.append, delete and commit."""
        if self._refusing is not None:
            raise Unavailable(self._refusing)
        if request.is_empty:
            return self._journal.last_sequence
        if request.delete is not None and self._visible.deletes.is_full:
            raise Unavailable("too many deletes wait until segments have been rewritten")
        if self.queued_points and self.queued_points + request.size.points > limits.QUEUE_POINTS_MAX:
            raise Unavailable("too many points wait for the disk")
        queued_bytes = self._submitted.point_bytes - self._done.point_bytes
        if queued_bytes and queued_bytes + request.size.point_bytes > limits.QUEUE_POINT_BYTES_MAX:
            raise Unavailable("too many bytes of points wait for the disk")
        queued_bytes = self._submitted.document_bytes - self._done.document_bytes
        if queued_bytes and queued_bytes + request.size.document_bytes > limits.QUEUE_DOCUMENT_BYTES_MAX:
            raise Unavailable("too many documents wait for the disk")
        if request.changes and self._documents.is_full:
            raise Unavailable("documents arrive faster than they can be filed")
        self._submitted = self._submitted.plus(request.size)
        future: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._queue.put(Waiting(request, future))
        return await future

    def _run(self) -> None:
        try:
            while self.take_turn():
                pass
        except Exception as bug:  # whatever it is, no client may wait for ever
            log.exception("the writer failed by a fault of ours; a restart goes on from the journal")
            self._when_broken()
            self._answer_until_stop(bug)

    def take_turn(self) -> bool:
        """Wait for something to do, and do it: a commit, then the command behind it. False when that was to stop."""
        batch, command = self._gather()
        try:
            if batch:
                self._commit(batch)
            if isinstance(command, Freeze):
                self._freeze_if_free()
        except Exception as bug:
            self._broken = True
            self._refusing = "the writer failed and needs a restart of the server"
            self._settle(batch, bug)
            raise
        return not isinstance(command, Stop)

    def _gather(self) -> tuple[list[Waiting], Command | None]:
        """Wait for something to do, then take all that waits, up to a commit's size or the first command."""
        batch: list[Waiting] = []
        size = Size()
        item = self._next()
        while isinstance(item, Waiting):
            batch.append(item)
            size = size.plus(item.request.size)
            # Nobody else takes from it, so what is there stays there.
            item = None if size.is_a_commit or self._queue.empty() else self._queue.get_nowait()
        self._in_hand = size
        return batch, item

    def _next(self) -> Waiting | Command | None:
        """The next item of the queue; None, after a probe of the disk, when none comes while we refuse writes."""
        if self._refusing is None:
            return self._queue.get()
        try:
            return self._queue.get(timeout=limits.PROBE_INTERVAL_S)
        except Empty:
            self._probe()
            return None

    def _commit(self, batch: Sequence[Waiting]) -> None:
        """Make all that the batch asks for durable with one fdatasync, then visible."""
        begin = time.perf_counter()
        requests = with_deletes_of([waiting.request for waiting in batch], self._visible.unwritten)
        steps = steps_of(requests)
        documents = [record for request in requests for record in request.documents]
        new_series = self._table.take_unjournaled()
        if not steps and not documents and new_series is None:
            self._settle(batch, self._journal.last_sequence)  # deletes of nothing
            return
        try:
            self._make_room(steps)
            # New series go first, so that no point in the journal is without its name.
            records = [] if new_series is None else encode_new_series(new_series)
            first = self._journal.last_sequence + 1 + len(records)
            now_ms = self._clock()
            records += [encode_step(step, now_ms) for step in steps] + documents
            self._disk.check(sum(record.bytes for record in records))
            sequence = self._journal.append(records)
        except Unavailable as failure:
            if new_series is not None:
                self._table.put_back(new_series)
            self._turn_red(failure)
            self._settle(batch, failure)
            return
        if new_series is not None:
            self._index.add(new_series)
        self._visible.apply(steps, first)
        self._visible.advance(sequence, sum(record.bytes for record in records if record.type not in _SEALED_BY_POINTS))
        if documents:
            self._documents.apply([change for request in requests for change in request.changes], sequence)
        self._observe_commit(time.perf_counter() - begin)
        # Last of all: the loop needs the GIL at once to answer.
        self._settle(batch, sequence)
        if self._visible.is_heavy:
            self._freeze_if_free()

    def _make_room(self, steps: Sequence[Step]) -> None:
        """For their points: those that are more than a generation wait until they are alone in memory. Raises
        Unavailable when sealing has fallen behind for longer than a sender should wait."""
        batches = [step for step in steps if not isinstance(step, Delete)]
        points, text_bytes = sum(map(len, batches)), sum(len(batch.values.heap) for batch in batches)
        if batches and not self._visible.fits(points, text_bytes):
            self._freeze()
        if self._visible.is_larger_than_a_generation(points, text_bytes):
            self._visible.wait_until_sealed(limits.SEAL_WAIT_S)

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
            if isinstance(item, Waiting):
                _settle([item], bug)

    def _settle(self, batch: Sequence[Waiting], outcome: int | Exception) -> None:
        """Answer all of what was taken; only now it waits no longer, as its memory is held until then."""
        self._done = self._done.plus(self._in_hand)
        self._in_hand = Size()
        _settle(batch, outcome)


def _settle(batch: Sequence[Waiting], outcome: int | Exception) -> None:
    """Wake every caller of the batch: one call into each event loop, however many wait."""
    futures: dict[asyncio.AbstractEventLoop, list[asyncio.Future[int]]] = {}
    for waiting in batch:
        futures.setdefault(waiting.future.get_loop(), []).append(waiting.future)
    for loop, waking in futures.items():
        loop.call_soon_threadsafe(_settle_on_loop, waking, outcome)


def _settle_on_loop(futures: list[asyncio.Future[int]], outcome: int | Exception) -> None:
    for future in futures:
        if future.done():  # cancelled, or answered before the fault that is told to all who were in its turn
            continue
        if isinstance(outcome, Exception):
            future.set_exception(outcome)
        else:
            future.set_result(outcome)
