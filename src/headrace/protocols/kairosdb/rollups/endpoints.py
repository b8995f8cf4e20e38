"""The addresses of roll-ups: RollUpResource of KairosDB 1.3.0, in its words."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Final
from urllib.parse import parse_qs, unquote

import msgspec
from starlette.types import Receive, Scope

from headrace import limits
from headrace.errors import Refused
from headrace.model.time import Clock
from headrace.protocols.kairosdb import faults
from headrace.protocols.kairosdb.endpoints import Endpoint
from headrace.protocols.kairosdb.faults import Answer
from headrace.protocols.kairosdb.metadata import path_below
from headrace.protocols.kairosdb.rollups.progress import Backfill
from headrace.protocols.kairosdb.rollups.shown import status
from headrace.protocols.kairosdb.rollups.task import BEGIN_MS_MIN, InvalidTask, Task, parse_task
from headrace.protocols.kairosdb.rollups.tasks import TASK_KIND, KeepsTasks, Live, Tasks
from headrace.query.pool import QueryPool
from headrace.transport.guarding.guard import demand, note
from headrace.transport.http.body import read_body

URL: Final = "/api/v1/rollups/"

ISO_LIKE: Final = "%Y-%m-%d-%H-%M-%S-%f"
"""KairosDB: yyyy-MM-dd-HH-mm-ss-SSS, here always in UTC."""


class RollupEndpoints:
    """All of /api/v1/rollups."""

    def __init__(self, store: KeepsTasks, tasks: Tasks, pool: QueryPool, clock: Clock) -> None:
        self._store = store
        self._tasks = tasks
        self._pool = pool
        self._clock = clock
        self._of_a_task = Endpoint({"GET": self.get, "PUT": self.change, "DELETE": self.delete})
        self._status = Endpoint({"GET": self.status})
        self._backfill = Endpoint({"GET": self.backfill, "POST": self.backfill})

    def by_path(self) -> dict[str, Endpoint]:
        """See SmallEndpoints.by_path."""
        below = dict.fromkeys(("GET", "POST", "PUT", "DELETE"), self.below)
        return {"rollups": Endpoint({"GET": self.list, "POST": self.create}), "rollups/": Endpoint(below)}

    async def below(self, scope: Scope, receive: Receive) -> Answer:
        """What stands behind the first slash."""
        match _names(scope):
            case [_]:
                return await self._of_a_task.answer(scope, receive)
            case ["status", _]:
                return await self._status.answer(scope, receive)
            case ["backfill", _]:
                return await self._backfill.answer(scope, receive)
        return faults.not_found(scope["path"])

    async def list(self, _scope: Scope, _receive: Receive) -> Answer:
        """All tasks, as they were sent, with their ids."""
        found = await self._pool.look_up(lambda: self._store.documents(TASK_KIND, "", "\U0010ffff"))
        unreadable = self._tasks.unreadable
        said = [body if task_id not in unreadable else _unreadable(task_id, unreadable) for task_id, body in found]
        return faults.json_answer(b"[" + b",".join(said) + b"]")

    async def get(self, scope: Scope, _receive: Receive) -> Answer:
        """One of them."""
        task_id = _names(scope)[-1]
        found = self._store.document(TASK_KIND, task_id)
        if found is None:
            return _unknown(task_id)
        unreadable = self._tasks.unreadable
        return faults.json_answer(_unreadable(task_id, unreadable) if task_id in unreadable else found)

    async def create(self, scope: Scope, receive: Receive) -> Answer:
        """A new task."""
        body = await read_body(scope, receive, limits.ROLLUP_TASK_BYTES_MAX)
        now_ms = self._clock()
        try:
            task = await self._pool.look_up(lambda: parse_task(body, str(uuid.uuid4()), now_ms))
        except InvalidTask as fault:
            return faults.errors(400, fault.texts)
        await self._tasks.create(task, now_ms)
        return _made(task)

    async def change(self, scope: Scope, receive: Receive) -> Answer:
        """Another form of a task. KairosDB looks for the task before it reads what is sent."""
        task_id = _names(scope)[-1]
        body = await read_body(scope, receive, limits.ROLLUP_TASK_BYTES_MAX)
        if self._store.document(TASK_KIND, task_id) is None:
            return _unknown(task_id)
        now_ms = self._clock()
        try:
            task = await self._pool.look_up(lambda: parse_task(body, task_id, now_ms))
        except InvalidTask as fault:
            return faults.errors(400, fault.texts)
        return _made(task) if await self._tasks.change(task, now_ms) else _unknown(task_id)

    async def delete(self, scope: Scope, _receive: Receive) -> Answer:
        """A task, not what it has made."""
        task_id = _names(scope)[-1]
        note(scope, deleted_task=faults.shown(task_id))
        is_there = self._store.document(TASK_KIND, task_id) is not None
        return faults.done() if is_there and await self._tasks.delete(task_id) else _unknown(task_id)

    async def status(self, scope: Scope, _receive: Receive) -> Answer:
        """How it goes with a task."""
        task_id = _names(scope)[-1]
        live = self._seen(task_id)
        if live is None:
            return faults.errors(404, [f"Status not found for id {faults.shown(task_id)}"])
        found = await self._pool.look_up(lambda: status(live, self._clock(), self._tasks.after_ms[0]))
        return faults.json_answer(msgspec.json.encode(found))

    def _seen(self, task_id: str) -> Live | None:
        """The task, where the store shows it to who asks: not everybody may know of it."""
        return None if self._store.document(TASK_KIND, task_id) is None else self._tasks.get(task_id)

    async def backfill(self, scope: Scope, _receive: Receive) -> Answer:
        """Compute the ranges from startTime to endTime again. 204 when it is done, 202 where that takes longer than
        limits.ROLLUP_BACKFILL_ANSWER_S: it goes on, over restarts too."""
        demand(scope, "write")
        parameters = parse_qs(scope["query_string"].decode("latin-1"), keep_blank_values=True)
        if not (said := parameters.get("startTime", [""])[-1]):
            raise Refused("query", "startTime must be specified")
        now_ms = self._clock()
        first_ms = max(_time_ms(said), BEGIN_MS_MIN)
        end_ms = min(_time_ms(parameters["endTime"][-1]), now_ms) if parameters.get("endTime") else now_ms
        task_id = _names(scope)[-1]
        live = self._seen(task_id)
        if live is None:
            return _unknown(task_id)
        stretches = await self._pool.look_up(lambda: _stretches(live, first_ms, end_ms))
        if not await self._tasks.backfill(live, stretches):
            return _unknown(task_id)
        return await self._done(live, stretches)

    async def _done(self, live: Live, stretches: Sequence[Backfill]) -> Answer:
        asked = {one.id for one in stretches}
        deadline_s = time.monotonic() + limits.ROLLUP_BACKFILL_ANSWER_S
        while time.monotonic() < deadline_s and self._tasks.is_in_force(live):
            if not any(one.id in asked for one in live.progress.backfills):
                return faults.done()
            await asyncio.sleep(limits.ROLLUP_BACKFILL_POLL_S)
        return 202, faults.json_answer(b"")[1], msgspec.json.encode({"status": f"{URL}status/{live.task.id}"})


def _names(scope: Scope) -> list[str]:
    return [unquote(name) for name in path_below(scope).split("/")]


def _stretches(live: Live, first_ms: int, end_ms: int) -> list[Backfill]:
    """The whole ranges of each queried metric that have something in the time asked for and are over."""
    found = []
    for digest, plan in live.plans.items():
        first, end = plan.floor(first_ms), plan.floor(end_ms - plan.after_ms)
        if first < end:
            found.append(Backfill(digest, first, end))
    return found


def _time_ms(said: str) -> int:
    """Also ms since 1970, which KairosDB does not take. Raises Refused."""
    if said.isascii() and said.isdigit() and len(said) < 16:
        return int(said)
    try:
        return round(datetime.strptime(said, ISO_LIKE).replace(tzinfo=UTC).timestamp() * 1000)
    except ValueError:
        raise Refused("query", f'Unparseable date: "{faults.shown(said)}"') from None


def _made(task: Task) -> Answer:
    said = {"id": task.id, "name": task.name, "attributes": {"url": URL + task.id}}
    return faults.json_answer(msgspec.json.encode(said))


def _unreadable(task_id: str, reasons: Mapping[str, str]) -> bytes:
    """What is shown of a task that is stored and cannot be read: its body may be no JSON."""
    return msgspec.json.encode({"id": task_id, "name": "", "error_message": reasons[task_id]})


def _unknown(task_id: str) -> Answer:
    return faults.errors(404, [f"Resource not found for id {faults.shown(task_id)}"])
