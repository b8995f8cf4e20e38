"""The tasks of a server: documents of the store, and in memory what runs by them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine, Sequence
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

    @cached_property
    def plans(self) -> dict[str, Plan]:
        """By digest."""
        parts = self.progress.parts
        return {part.digest: plan_of(part, parts[part.digest].begin_ms) for part in self.task.parts}

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
        self._changing = asyncio.Lock()

    def all(self) -> list[Live]:
        """Those in force."""
        return list((self._live or {}).values())

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
        """Read what there is. Raises Unavailable, Corrupt. A task that cannot be read any more is in the log; its
        documents stay."""
        if self._live is not None:
            return
        live = await asyncio.to_thread(self._read_all)
        self._live = live
        for one in live.values():
            self.watch(one)
        self.changed.set()

    def _read_all(self) -> dict[str, Live]:
        documents = self._store.documents(TASK_KIND, "", "\U0010ffff")
        live: dict[str, Live] = {}
        for task_id, body in documents:
            try:
                live[task_id] = self._read(task_id, body)
            except (HeadraceError, InvalidTask, msgspec.DecodeError) as fault:
                if isinstance(fault, (Unavailable, Corrupt)):
                    raise
                log.error("a roll-up task cannot be read and does not run", task=task_id, reason=str(fault))
        return live

    def _read(self, task_id: str, body: bytes) -> Live:
        noted = self._store.document(PROGRESS_KIND, task_id)
        before = progress_of.from_bytes(noted) if noted is not None else None
        now_ms = self._clock() if before is None else before.created_ms
        task = parse_task(body, task_id, now_ms)
        live = Live(task, progress_of.begun(task, before, self.after_ms[1:], now_ms), time.monotonic())
        for plan in live.plans.values():
            plan.floor(self._clock())  # looks up its calendar, which would take the event loop too long
        return live

    async def create(self, task: Task, now_ms: int) -> None:
        """Durable on return. Raises Refused (rule "rollups-too-many"), Unavailable."""

        async def create() -> None:
            live = self._loaded()
            if len(live) >= limits.ROLLUP_TASKS_MAX:
                raise Refused("rollups-too-many", f"there are {len(live)} roll-up tasks already; delete some of them")
            await self._put(task, None, now_ms)

        await self._one_by_one(create)

    async def change(self, task: Task, now_ms: int) -> bool:
        """Durable on return. Whether there is a task with its id. Raises Unavailable."""

        async def change() -> bool:
            before = self._loaded().get(task.id)
            if before is not None:
                await self._put(task, before, now_ms)
            return before is not None

        return await self._one_by_one(change)

    async def delete(self, task_id: str) -> bool:
        """Durable on return. Whether there was a task with this id. Raises Unavailable. What it made stays."""

        async def delete() -> bool:
            before = self._loaded().get(task_id)
            if before is None:
                return False
            await self._retire(before, [Document(kind, task_id, None) for kind in (TASK_KIND, PROGRESS_KIND)])
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
        new = Live(task, progress_of.begun(task, known, self.after_ms[1:], now_ms), time.monotonic())
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
