"""How far a request may go: said for what is done within, in its threads and tasks, and nowhere else."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor

import pytest

from headrace.access.bounded.bounds import UNBOUNDED, Bounds, bounds_now, within
from headrace.access.bounded.patterns import Patterns
from headrace.query.pool import QueryPool, on_thread


def test_whoever_has_not_been_told_finds_out() -> None:
    with pytest.raises(LookupError):
        bounds_now()
    with within(UNBOUNDED):
        assert bounds_now() is UNBOUNDED
    with pytest.raises(LookupError):
        bounds_now()


def test_they_are_there_when_any_deed_has_some() -> None:
    assert not UNBOUNDED
    none = Patterns([])
    for bounds in (Bounds("a", sees=none), Bounds("a", writes=none), Bounds("a", deletes=none)):
        assert bounds


async def test_tasks_and_threads_keep_to_them() -> None:
    mine, other = Bounds("mine"), Bounds("other")
    with ThreadPoolExecutor(1) as threads:
        pool = QueryPool(threads, 10)

        async def seen(bounds: Bounds) -> list[Bounds]:
            with within(bounds):
                await asyncio.sleep(0)
                task = asyncio.create_task(_now())
                await asyncio.sleep(0)
                return [
                    bounds_now(),
                    await task,
                    await on_thread(threads, bounds_now),
                    await pool.look_up(bounds_now),
                    await pool.run(lambda check: bounds_now(), asyncio.Event().wait),
                    (await asyncio.to_thread(bounds_now)),
                ]

        assert [*await asyncio.gather(seen(mine), seen(other))] == [[mine] * 6, [other] * 6]
        # A thread that is not told goes without, whatever it was told before.
        with within(mine), pytest.raises(LookupError):
            await asyncio.get_running_loop().run_in_executor(threads, bounds_now)


async def _now() -> Bounds:
    return bounds_now()
