"""The tasks of a server: documents of the store, and in memory what runs by them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final, Protocol, TypeVar

import msgspec
import structlog

from headrace import limits
from headrace.errors import Corrupt, HeadraceError, Refused, Unavailable
from headrace.model.points import Admitted
from headrace.model.time import Clock
from headrace.protocols.kairosdb.rollups import progress as progress_of
from headrace.protocols.kairosdb.rollups.plan import Plan
from headrace.protocols.kairosdb.rollups.progress import Backfill, Progress
from headrace.protocols.kairosdb.rollups.task import InvalidTask, Task, parse_task, plan_of
from headrace.store import Document, DocumentChange

log = structlog.get_logger(__name__)

TASK_KIND: Final = "kairosdb-rollup"
PROGRESS_KIND: Final = "kairosdb-rollup-progress"
"""Of the documents; their key is the id of the task."""

T = TypeVar("T")


class KeepsTasks(Protocol):
    """What the tasks need of a store (store.Store)."""

    async def commit(self, changes: Sequence[DocumentChange], points: Admitted | None = None) -> int:
        """See store.Store."""
        ...

    def document(self, kind: str, key: str) -> bytes | None:
        """See store.Store."""
        ...

    def documents(self, kind: str, first: str, end: str) -> list[tuple[str, bytes]]:
        """See store.Store."""
        ...


@dataclass(eq=False)
class Live:
    """A task as it runs, in one form of it: a change makes another.

    due_s: when it is to be run next, by time.monotonic.   errors: why the last attempt of a queried metric failed, by
    digest.   sizes: how many ranges a step computes, by what it is a step of.   failures, success_ms: attempts that
    failed since the start, and when the last run ended well.
    """

    task: Task
    progress: Progress
    due_s: float
    errors: dict[str, str] = field(default_factory=dict)
    sizes: dict[object, int] = field(default_factory=dict)
    failures: int = 0
    success_ms: int = 0
    retired: bool = False
    """It is being changed or deleted, and commits nothing any more."""
    _held: dict[str, tuple[int, int]] = field(default_factory=dict)
    """By digest, the range in which the last time lay that ready_ms was asked for."""

    @cached_property
    def plans(self) -> dict[str, Plan]:
        """By digest."""
        parts = self.progress.parts
        return {part.digest: plan_of(part, parts[part.digest].begin_ms) for part in self.task.parts}

    def ready_ms(self, digest: str, now_ms: int, after_ms: int) -> int:
        """Up to where the ranges of a queried metric are over, after_ms after their end. Looks ranges up by a calendar
        only when the last one it was asked for has gone by."""
        plan = self.plans[digest]
        time_ms = now_ms - after_ms - plan.after_ms
        held = self._held.get(digest)
        if held is None or not held[0] <= time_ms < held[1]:
            held = self._held[digest] = plan.range_of(time_ms)
        return held[0]

    def about_ready_ms(self, digest: str, now_ms: int, after_ms: int) -> int:
        """As ready_ms, without a calendar: days and longer that went by since it was last asked for are taken as long
        as they usually are."""
        plan, held = self.plans[digest], self._held[digest]
        beyond_ms = now_ms - after_ms - plan.after_ms - held[1]
        return held[0] if beyond_ms < 0 else held[1] + beyond_ms // plan.step_ms * plan.step_ms

    @property
    def interval_s(self) -> float:
        """Between two runs."""
        return max(self.task.interval_ms, limits.ROLLUP_INTERVAL_MS_MIN) / 1000


class Tasks:
    """All of them. On the event loop.

    What is durable is in force: a change is committed first, and what runs by the old form of a task meanwhile finds
    itself replaced before it writes. All that becomes of tasks and of their progress becomes here, one change at a
    time, each made of what the one before it left: none loses another.
    """

    def __init__(self, store: KeepsTasks, after_ms: Sequence[int], clock: Clock) -> None:
        """after_ms: how long after its end a range is computed, and computed again; ascending, at least one."""
        self.after_ms = tuple(after_ms)
        self.changed = asyncio.Event()
        """Set when there may be more to run."""
        self.watch: Callable[[Live], None] = lambda live: None
        self.forget: Callable[[Live], None] = lambda live: None
        """Called for each task that begins and ends to be in force."""
        self._store = store
        self._clock = clock
        self._live: dict[str, Live] | None = None
        self._unreadable: dict[str, str] = {}
        self._changing = asyncio.Lock()

    def all(self) -> list[Live]:
        """Those in force."""
        return list((self._live or {}).values())

    @property
    def unreadable(self) -> Mapping[str, str]:
        """Why each task that is stored and cannot be read does not run, by its id. They count as tasks, and can be
        changed and deleted."""
        return self._unreadable

    @property
    def is_loaded(self) -> bool:
        """Whether the tasks of the database have been read."""
        return self._live is not None

    def get(self, task_id: str) -> Live | None:
        """The one with this id."""
        return self._loaded().get(task_id)

    def is_in_force(self, live: Live) -> bool:
        """Whether it has not been changed or deleted."""
        return self._live is not None and self._live.get(live.task.id) is live and not live.retired

    async def load(self) -> None:
        """Read what there is. Raises Unavailable, Corrupt. A task that cannot be read any more is in the log and in
        `unreadable`; its documents stay."""
        if self._live is not None:
            return
        live, self._unreadable = await asyncio.to_thread(self._read_all)
        self._live = live
        for one in live.values():
            self.watch(one)
        self.changed.set()

    def _read_all(self) -> tuple[dict[str, Live], dict[str, str]]:
        documents = self._store.documents(TASK_KIND, "", "\U0010ffff")
        live: dict[str, Live] = {}
        unreadable: dict[str, str] = {}
        for task_id, body in documents:
            try:
                live[task_id] = self._read(task_id, body)
            except (HeadraceError, InvalidTask, msgspec.DecodeError) as fault:
                if isinstance(fault, (Unavailable, Corrupt)):
                    raise
                log.error("a roll-up task cannot be read and does not run", task=task_id, reason=str(fault))
                unreadable[task_id] = str(fault)
        return live, unreadable

    def _read(self, task_id: str, body: bytes) -> Live:
        noted = self._store.document(PROGRESS_KIND, task_id)
        before = progress_of.from_bytes(noted) if noted is not None else None
        now_ms = self._clock() if before is None else before.created_ms
        task = parse_task(body, task_id, now_ms)
        return self._begun(task, before, now_ms)

    def _begun(self, task: Task, before: Progress | None, now_ms: int) -> Live:
        """With its plans, and the calendars they need, which would take the event loop too long."""
        live = Live(task, progress_of.begun(task, before, self.after_ms[1:], now_ms), time.monotonic())
        for digest in live.plans:
            live.ready_ms(digest, self._clock(), self.after_ms[0])
        return live

    async def create(self, task: Task, now_ms: int) -> None:
        """Durable on return. Raises Refused (rule "rollups-too-many"), Unavailable."""

        async def create() -> None:
            count = len(self._loaded()) + len(self._unreadable)
            if count >= limits.ROLLUP_TASKS_MAX:
                raise Refused("rollups-too-many", f"there are {count} roll-up tasks already; delete some of them")
            await self._put(task, None, now_ms)

        await self._one_by_one(create)

    async def change(self, task: Task, now_ms: int) -> bool:
        """Durable on return. Whether there is a task with its id. Raises Unavailable."""

        async def change() -> bool:
            before = self._loaded().get(task.id)
            if before is None and task.id not in self._unreadable:
                return False
            await self._put(task, before, now_ms)
            self._unreadable.pop(task.id, None)
            return True

        return await self._one_by_one(change)

    async def delete(self, task_id: str) -> bool:
        """Durable on return. Whether there was a task with this id. Raises Unavailable. What it made stays."""

        async def delete() -> bool:
            before = self._loaded().get(task_id)
            gone = [Document(kind, task_id, None) for kind in (TASK_KIND, PROGRESS_KIND)]
            if before is None:
                if task_id not in self._unreadable:
                    return False
                await self._store.commit(gone)
                del self._unreadable[task_id]
                return True
            await self._retire(before, gone)
            del self._loaded()[task_id]
            self.forget(before)
            return True

        return await self._one_by_one(delete)

    async def backfill(self, live: Live, stretches: Sequence[Backfill]) -> bool:
        """Have stretches computed again. Durable on return. Whether the task is still in force. Raises Refused (rule
        "rollups-too-many"), Unavailable."""

        async def note() -> bool:
            if not self.is_in_force(live):
                return False
            held = live.progress
            if len(held.backfills) >= limits.ROLLUP_BACKFILLS_MAX:
                raise Refused("rollups-too-many", "so many stretches of this roll-up wait to be computed again already")
            await self._write(live, msgspec.structs.replace(held, backfills=(*held.backfills, *stretches)), None)
            live.due_s = time.monotonic()
            self.changed.set()
            return True

        return await self._one_by_one(note)

    async def advance(
        self, live: Live, by: Callable[[Progress], Progress], points: Admitted | None = None, is_durable: bool = True
    ) -> bool:
        """Have the progress of a task be what `by` makes of it, in one commit with points; not is_durable: until a
        later one is committed, in memory only. Whether the task is still in force; if not, nothing is written. Raises
        Refused, Unavailable."""

        async def note() -> bool:
            if not self.is_in_force(live):
                return False
            progress = by(live.progress)
            if is_durable:
                await self._write(live, progress, points)
            else:
                live.progress = progress
            return True

        return await self._one_by_one(note)

    async def _write(self, live: Live, progress: Progress, points: Admitted | None) -> None:
        document = Document(PROGRESS_KIND, live.task.id, progress_of.to_bytes(progress))
        await self._store.commit([document], points=points)
        live.progress = progress

    async def _put(self, task: Task, before: Live | None, now_ms: int) -> None:
        known = before.progress if before is not None else None
        new = await asyncio.to_thread(self._begun, task, known, now_ms)
        documents = [
            Document(TASK_KIND, task.id, task.body),
            Document(PROGRESS_KIND, task.id, progress_of.to_bytes(new.progress)),
        ]
        if before is None:
            await self._store.commit(documents)
        else:
            await self._retire(before, documents)
            self.forget(before)
        self._loaded()[task.id] = new
        self.watch(new)
        self.changed.set()

    async def _retire(self, live: Live, changes: Sequence[DocumentChange]) -> None:
        """Commit what ends this form of a task: no step of it is committed after that."""
        live.retired = True
        try:
            await self._store.commit(changes)
        except BaseException:
            live.retired = False
            raise

    def _loaded(self) -> dict[str, Live]:
        if self._live is None:
            raise Unavailable("the roll-up tasks have not been read yet")
        return self._live

    async def _one_by_one(self, change: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """A change goes on to its end when whoever asked for it has gone: half of it may be durable."""

        async def alone() -> T:
            async with self._changing:
                return await change()

        return await asyncio.shield(asyncio.ensure_future(alone()))
