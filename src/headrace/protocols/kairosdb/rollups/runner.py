"""What computes roll-ups: one step after another, each of some ranges of one query, on a thread of its own.

How far a step brings its task is committed with its points: with the last limits.ROLLUP_COMMIT_POINTS of them, where
there are more. So a crash loses no range. Between those before and the last ones it leaves points of a step that is not
noted: it is done again, and what is computed twice is the same point twice, of which a store has one.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

import msgspec
import structlog

from headrace import limits
from headrace.errors import Corrupt, HeadraceError, Refused, Unavailable
from headrace.gate import RuleSet
from headrace.model.cut_text import cut
from headrace.model.points import Admitted, Values, take_optional
from headrace.model.series import Registry
from headrace.model.time import Clock
from headrace.protocols.kairosdb.rollups.compute import Into, Step, Stretch, compute
from headrace.protocols.kairosdb.rollups.progress import Progress
from headrace.protocols.kairosdb.rollups.task import Part
from headrace.protocols.kairosdb.rollups.tasks import KeepsTasks, Live, Tasks
from headrace.query.chain.engine import GroupOf
from headrace.query.patience import Patience
from headrace.query.pool import on_thread
from headrace.store import Check, Snapshot, go_on

log = structlog.get_logger(__name__)

FIRST = "first"
"""In place of a time after which ranges are computed again: they have not been computed yet."""

BACKFILL = "backfill"
"""In its place: somebody has asked for it."""


class ComputesRollups(KeepsTasks, Protocol):
    """What running needs of a store (store.Store)."""

    @property
    def table(self) -> Registry:
        """From keys to ordinals."""
        ...

    def snapshot(self, check: Check = go_on) -> AbstractContextManager[Snapshot]:
        """See store.Store."""
        ...

    async def append(self, points: Admitted) -> int:
        """See store.Store."""
        ...


Failed = Callable[[Live], None]
"""Told of a task whose step failed."""


class Work(NamedTuple):
    """What is to be computed next of a queried metric, up to end_ms. why: FIRST, BACKFILL, or the time after which it
    is done again. backfill_id: of a BACKFILL."""

    part: Part
    why: object
    first_ms: int
    end_ms: int
    backfill_id: str = ""


@dataclass(eq=False)
class Run:
    """One run of a task. failed: digests that are left out of the rest of it.   begun_ms, points: by digest."""

    live: Live
    failed: set[str] = field(default_factory=set)
    begun_ms: dict[str, int] = field(default_factory=dict)
    points: dict[str, int] = field(default_factory=dict)
    is_noted: bool = True
    noted_s: float = 0.0


def lag_ms(live: Live, part: Part, now_ms: int, after_ms: int) -> int:
    """How far the values of a queried metric are behind what could have been computed; after_ms: the end of a range."""
    return max(live.ready_ms(part.digest, now_ms, after_ms) - live.progress.parts[part.digest].through_ms, 0)


def set_back(live: Live, now_ms: int, after_ms: int) -> dict[str, int]:
    """A clock that was set back, or ahead and back again, leaves ranges noted as computed that are not over, or as
    computed at a time that is to come. They are to be computed as if they had not been, or nothing would be for as long
    as the clock needs to get there.

    after_ms: as in lag_ms. Returns up to where ranges are over, by the digests of those that go back."""
    back = {}
    for part in live.task.parts:
        known = live.progress.parts[part.digest]
        ready_ms = live.ready_ms(part.digest, now_ms, after_ms)
        if ready_ms < known.begin_ms:
            ready_ms = live.plans[part.digest].floor(known.begin_ms)
        if known.set_back(ready_ms, now_ms) != known:
            back[part.digest] = ready_ms
    return back


def works(live: Live, now_ms: int, after_ms: Sequence[int]) -> Iterator[Work]:
    """What is to be computed, the most urgent first: what never was, what somebody asks for, what is done again."""
    progress = live.progress
    for part in live.task.parts:
        ready, known = live.ready_ms(part.digest, now_ms, after_ms[0]), progress.parts[part.digest]
        if known.through_ms < ready:
            yield Work(part, FIRST, known.through_ms, ready)
    for backfill in progress.backfills:
        for part in live.task.parts:
            if part.digest == backfill.digest:
                yield Work(part, BACKFILL, backfill.first_ms, backfill.end_ms, backfill.id)
    for part in live.task.parts:
        known = progress.parts[part.digest]
        for again in known.again:
            due = min(again.due_ms(now_ms), known.through_ms)
            if again.through_ms < due:
                yield Work(part, again.after_ms, again.through_ms, due)


class Runner:
    """Runs tasks when they are due, several in turn."""

    def __init__(
        self, store: ComputesRollups, tasks: Tasks, rules: RuleSet, group_of: GroupOf, clock: Clock, failed: Failed
    ) -> None:
        """failed: told of each attempt that failed."""
        self._store = store
        self._tasks = tasks
        self._into = Into(store.table, rules, group_of)
        self._clock = clock
        self._count_failure = failed
        self._stopping = False
        self._not_loaded = ""
        """Why the tasks could not be read, as the log has it."""
        self._runs: deque[Run] = deque()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Runs within; at the end the step at hand is given up."""
        self._stopping = False
        await self._load()
        with ThreadPoolExecutor(1, "headrace-rollups") as thread:
            running = asyncio.ensure_future(self._run(thread))
            try:
                yield
            finally:
                self._stopping = True
                running.cancel()
                with suppress(asyncio.CancelledError):
                    await running

    async def _run(self, thread: ThreadPoolExecutor) -> None:
        while True:
            try:
                await self._take_turn(thread)
            except Exception:
                # What ended here would leave every roll-up standing still, and nobody would hear of it.
                log.exception("roll-ups meet a fault of ours and go on")
                await asyncio.sleep(limits.ROLLUP_LOAD_RETRY_S)

    async def _take_turn(self, thread: ThreadPoolExecutor) -> None:
        """One step of one run, or wait for one."""
        if not self._tasks.is_loaded and not await self._load():
            await asyncio.sleep(limits.ROLLUP_LOAD_RETRY_S)
            return
        self._begin_what_is_due()
        if not self._runs:
            await self._wait()
            return
        run = self._runs.popleft()
        begin_s = time.monotonic()
        try:
            goes_on = await self.step(run, thread)
        except Exception:
            log.exception("a roll-up task fails by a fault of ours; it is tried again", task=run.live.task.id)
            self._fail(run, None, "a fault of ours, see the log")
            goes_on = False
        if goes_on:
            self._runs.append(run)
            await asyncio.sleep(min(time.monotonic() - begin_s, limits.ROLLUP_PAUSE_S_MAX))

    async def _load(self) -> bool:
        """Whether the tasks have been read."""
        try:
            await self._tasks.load()
        except (Unavailable, Corrupt) as failure:
            if str(failure) != self._not_loaded:
                log.error("the roll-up tasks cannot be read; tried again", reason=str(failure))
            self._not_loaded = str(failure)
            return False
        return True

    def _begin_what_is_due(self) -> None:
        now_s = time.monotonic()
        under_way = {run.live for run in self._runs}
        for live in self._tasks.all():
            if live.due_s <= now_s and live not in under_way:
                live.due_s = now_s + live.interval_s
                self._runs.append(Run(live))

    async def _wait(self) -> None:
        """Until a task is due or something has changed."""
        self._tasks.changed.clear()
        due_s = min((live.due_s for live in self._tasks.all()), default=None)
        with suppress(TimeoutError):
            await asyncio.wait_for(
                self._tasks.changed.wait(), None if due_s is None else max(due_s - time.monotonic(), 0)
            )

    async def step(self, run: Run, thread: ThreadPoolExecutor) -> bool:
        """Do the most urgent step of a run. Returns whether there may be more."""
        live = run.live
        if not self._tasks.is_in_force(live):
            return False
        now_ms = self._clock()
        after_ms = self._tasks.after_ms
        # On the thread, as calendars take their time.
        await self._set_back(run, await on_thread(thread, set_back, live, now_ms, after_ms[0]), now_ms)
        work = await on_thread(thread, _next_work, run, now_ms, after_ms)
        if work is None:
            await self._end(run, now_ms)
            return False
        run.begun_ms.setdefault(work.part.digest, now_ms)
        size = live.sizes.get((work.part.digest, work.why), 1)
        try:
            stretch = await on_thread(thread, _stretch_of, live, work, size)
            step = await on_thread(thread, self._compute, live, work, stretch, now_ms)
            if step is None:
                live.sizes[work.part.digest, work.why] = max(size // 4, 1)
                return True
            await self._commit(run, work, stretch, step, now_ms)
        except HeadraceError as failure:
            if isinstance(failure, Refused) and failure.rule in ("query-points", "query-time") and size > 1:
                live.sizes[work.part.digest, work.why] = max(size // 4, 1)
                return True
            self._fail(run, work.part, str(failure))
            return True
        live.errors.pop(work.part.digest, None)
        live.sizes[work.part.digest, work.why] = _next_size(size, step.read, live.plans[work.part.digest].ranges_max)
        return True

    async def _set_back(self, run: Run, back: dict[str, int], now_ms: int) -> None:
        live = run.live
        if not back:
            return
        log.warning("the clock was set back; a roll-up goes back too", task=live.task.id)

        def gone_back(progress: Progress) -> Progress:
            for digest, ready_ms in back.items():
                progress = progress.with_part(digest, progress.parts[digest].set_back(ready_ms, now_ms))
            return progress

        await self._tasks.advance(live, gone_back, is_durable=False)
        run.is_noted = False

    def _compute(self, live: Live, work: Work, stretch: Stretch, now_ms: int) -> Step | None:
        """On the thread."""
        patience = Patience(limits.ROLLUP_STEP_S)

        def check() -> None:
            if self._stopping or live.retired:
                raise Unavailable("the roll-up is no longer wanted")
            patience.check()

        plan = live.plans[work.part.digest]
        is_one = plan.reach(stretch.first_ms, 1, stretch.end_ms) == stretch.end_ms
        with self._store.snapshot(check) as snapshot:
            return compute(snapshot, plan, stretch, now_ms, self._into, may_refuse=not is_one)

    async def _commit(self, run: Run, work: Work, stretch: Stretch, step: Step, now_ms: int) -> None:
        """Raises Refused, Unavailable, and then the step is to be done again."""
        live, digest = run.live, work.part.digest
        if not self._tasks.is_in_force(live):
            return
        points = step.points if self._may_write(live, digest, stretch, step, now_ms) else None
        made = 0 if points is None else len(points)

        def advanced(progress: Progress) -> Progress:
            part = progress.parts[digest]
            if work.why == FIRST:
                part = part.computed(stretch.end_ms, now_ms, made)
            elif isinstance(work.why, int):
                part = part.computed_again(work.why, stretch.end_ms)
            executed = msgspec.structs.replace(
                part,
                executed_ms=now_ms,
                length_ms=max(self._clock() - run.begun_ms[digest], 0),
                points=run.points.get(digest, 0) + made,
            )
            return progress.backfilled(work.backfill_id, stretch.end_ms).with_part(digest, executed)

        last = None
        if points is not None:
            first, last = _cut(points)
            for part in first:
                await self._store.append(part)
                if not self._tasks.is_in_force(live):
                    return
        is_durable = last is not None or time.monotonic() - run.noted_s >= limits.ROLLUP_NOTE_S
        await self._tasks.advance(live, advanced, last, is_durable)
        run.is_noted = is_durable
        if is_durable:
            run.noted_s = time.monotonic()
        run.points[digest] = run.points.get(digest, 0) + made

    def _may_write(self, live: Live, digest: str, stretch: Stretch, step: Step, now_ms: int) -> bool:
        """Whether what was computed is as good as what is there. It is not when ranges were computed before and of
        their points some may have expired since: points of one range expire about as far from each other as they
        came, so none has while the first still has so long to live."""
        if stretch.end_ms > live.progress.parts[digest].highest_ms:
            return True
        plan = live.plans[digest]
        longest_ms = plan.reach(stretch.first_ms, 1, stretch.end_ms) - stretch.first_ms + plan.before_ms
        return step.first_expiry_ms > now_ms + longest_ms

    async def _end(self, run: Run, now_ms: int) -> None:
        """There is no more to do."""
        live = run.live
        idle = [part.digest for part in live.task.parts if part.digest not in run.begun_ms and not run.failed]

        def executed(progress: Progress) -> Progress:
            for digest in idle:
                part = msgspec.structs.replace(progress.parts[digest], executed_ms=now_ms, length_ms=0, points=0)
                progress = progress.with_part(digest, part)
            return progress

        try:
            await self._tasks.advance(live, executed, is_durable=not run.is_noted)
        except HeadraceError as failure:
            self._fail(run, None, str(failure))
            return
        if not run.failed:
            live.success_ms = now_ms

    def _fail(self, run: Run, part: Part | None, reason: str) -> None:
        """part: which is left out for the rest of the run; None: of no one part."""
        live = run.live
        if self._stopping or live.retired:
            return
        live.failures += 1
        self._count_failure(live)
        live.due_s = min(live.due_s, time.monotonic() + max(min(limits.ROLLUP_RETRY_S, live.interval_s), 1.0))
        digests = [part.digest] if part is not None else [one.digest for one in live.task.parts]
        for digest in digests:
            run.failed.add(digest)
            if live.errors.get(digest) != reason:
                name = cut(live.task.name, limits.ROLLUP_SHOWN_NAME_MAX)
                log.error("a roll-up fails and is tried again", task=live.task.id, name=name, reason=reason)
            live.errors[digest] = reason


def _next_work(run: Run, now_ms: int, after_ms: Sequence[int]) -> Work | None:
    """What is the most urgent of what does not fail."""
    return next((work for work in works(run.live, now_ms, after_ms) if work.part.digest not in run.failed), None)


def _stretch_of(live: Live, work: Work, size: int) -> Stretch:
    """The first `size` ranges of it. What was computed before is not judged together with what was not, see
    Runner._may_write."""
    plan, highest_ms = live.plans[work.part.digest], live.progress.parts[work.part.digest].highest_ms
    end_ms = min(work.end_ms, highest_ms) if work.first_ms < highest_ms else work.end_ms
    return Stretch(work.first_ms, plan.reach(work.first_ms, size, end_ms))


def _next_size(size: int, read: int, ranges_max: int) -> int:
    """How many ranges the next step computes."""
    if read < limits.ROLLUP_STEP_POINTS:
        size *= 2
    elif read > 4 * limits.ROLLUP_STEP_POINTS:
        size //= 2
    return max(min(size, ranges_max), 1)


def _cut(points: Admitted) -> tuple[list[Admitted], Admitted]:
    """As batches of limits.ROLLUP_COMMIT_POINTS, the last one apart."""
    batches = [
        _rows(points, slice(first, first + limits.ROLLUP_COMMIT_POINTS))
        for first in range(0, len(points), limits.ROLLUP_COMMIT_POINTS)
    ]
    return batches[:-1], batches[-1]


def _rows(points: Admitted, rows: slice) -> Admitted:
    values = Values(points.values.kinds[rows], points.values.bits[rows], points.values.heap)
    expires, arrivals = take_optional(points.expires, rows), take_optional(points.arrivals, rows)
    return Admitted(points.series[rows], points.times[rows], values, expires, arrivals)
