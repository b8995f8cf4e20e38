"""Roll-ups over a real store, by a clock that stands still until it is set, run when a test says so."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from kairosdb_room import KairosDB, kairosdb_room

from headrace.gate import admit
from headrace.model.points import Kind, Points, Values
from headrace.model.series import series_name
from headrace.protocols.kairosdb.names import KAIROSDB_RULES
from headrace.protocols.kairosdb.reading.save import OneName
from headrace.protocols.kairosdb.rollups.runner import Run, Runner
from headrace.protocols.kairosdb.rollups.task import parse_task
from headrace.protocols.kairosdb.rollups.tasks import Live, Tasks

HOUR = 3_600_000
NOON = 1_700_000_000_000 // (24 * HOUR) * 24 * HOUR + 12 * HOUR
"""Of a day in November 2023, UTC."""


class SetClock:
    def __init__(self, now_ms: int) -> None:
        self.now_ms = now_ms

    def __call__(self) -> int:
        return self.now_ms


def sampled(name: str, count: int = 1, unit: str = "hours", **others: Any) -> dict[str, Any]:
    return {"name": name, "sampling": {"value": count, "unit": unit}, **others}


def task(
    *aggregators: dict[str, Any], start: int | None = NOON, save_as: str = "m.hourly", **metric: Any
) -> dict[str, Any]:
    """A task of one query for the metric "m"."""
    query: dict[str, Any] = {"metrics": [{"name": "m", "aggregators": list(aggregators), **metric}]}
    if start is not None:
        query["start_absolute"] = start
    return {
        "name": "r",
        "execution_interval": {"value": 1, "unit": "hours"},
        "rollups": [{"save_as": save_as, "query": query}],
    }


class Lab:
    def __init__(self, kairos: KairosDB, clock: SetClock, after_ms: Sequence[int], thread: ThreadPoolExecutor) -> None:
        self.kairos = kairos
        self.clock = clock
        self.tasks = Tasks(kairos.store, after_ms, clock)
        self.failed: list[Live] = []
        self.runner = Runner(
            kairos.store, self.tasks, KAIROSDB_RULES, lambda name: name, clock, failed=self.failed.append
        )
        self.thread = thread

    async def create(self, said: Mapping[str, Any], task_id: str = "1") -> Live:
        await self.tasks.load()
        await self.tasks.create(parse_task(json.dumps(said).encode(), task_id, self.clock()), self.clock())
        live = self.tasks.get(task_id)
        assert live is not None
        return live

    async def due(self) -> Live:
        """A task that sums up hours, the first of which is over and has the point (NOON, 1)."""
        live = await self.create(task(sampled("sum")))
        await self.put({NOON: 1})
        self.clock.now_ms = NOON + HOUR
        return live

    async def run(self, live: Live, steps_max: int = 10_000) -> int:
        """One run of a task to its end, or so many steps of it. Returns how many it took."""
        run = Run(live)
        steps = 0
        while steps < steps_max and await self.runner.step(run, self.thread):
            steps += 1
        return steps

    async def put(self, points: Mapping[int, float], metric: str = "m", ttl: int = 0, **tags: str) -> None:
        """ttl: in seconds, by the clock of the lab; the room's own way in has the machine's."""
        name = series_name(metric, tags or {"host": "a"})
        table, count = self.kairos.store.table, len(points)
        values = np.array(list(points.values()), dtype=np.float64)
        expires = np.full(count, self.clock() + ttl * 1000) if ttl else None
        batch = Points(
            np.tile(np.array([table.key_of(name)], dtype=np.uint64), (count, 1)),
            np.array(list(points), dtype=np.int64),
            Values(np.full(count, Kind.DOUBLE, dtype=np.uint8), values.view(np.int64)),
            OneName(name),
            np.arange(count),
            expires,
        )
        admission = admit(batch, KAIROSDB_RULES, table)
        assert not admission.refused
        await self.kairos.store.append(admission.admitted)

    async def values(self, metric: str = "m.hourly", *keys: str) -> dict[tuple[str, ...], list[list[Any]]]:
        """Points by the values of these tags."""
        group_by = [{"name": "tag", "tags": list(keys)}] if keys else []
        asked = {"start_absolute": 0, "end_absolute": 2**52, "metrics": [{"name": metric, "group_by": group_by}]}
        reply = await self.kairos.ask("datapoints/query", asked)
        assert reply.status == 200, reply
        found = {}
        for result in reply.json["queries"][0]["results"]:
            groups = [group for group in result.get("group_by", ()) if group["name"] == "tag"]
            if result["values"]:
                found[tuple(groups[0]["group"].values()) if groups else ()] = result["values"]
        return found

    async def of_all(self, metric: str = "m.hourly") -> list[list[Any]]:
        """Points of a metric that is one series."""
        return (await self.values(metric)).get((), [])


async def soon(holds: Callable[[], Awaitable[bool]]) -> None:
    """Wait until it does."""
    deadline = time.monotonic() + 20
    while not await holds():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.02)


@contextmanager
def lab(folder: Path, now_ms: int = NOON, after_ms: Sequence[int] = (0,), **settings: Any) -> Iterator[Lab]:
    clock = SetClock(now_ms)
    with kairosdb_room(folder, clock, **settings) as kairos, ThreadPoolExecutor(1) as thread:
        yield Lab(kairos, clock, after_ms, thread)
