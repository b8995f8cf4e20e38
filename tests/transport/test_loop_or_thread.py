"""Small work on the event loop, large work on a thread."""

from __future__ import annotations

import asyncio
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar
from functools import partial

import pytest

from headrace import limits
from headrace.errors import Refused
from headrace.transport.loop_or_thread import LoopOrThread

REQUEST: ContextVar[str] = ContextVar("REQUEST", default="")


async def test_the_size_decides_where_work_is_done() -> None:
    work = LoopOrThread(10)
    assert await work.run(10, threading.get_ident) == threading.get_ident()
    assert await work.run(11, threading.get_ident) != threading.get_ident()


async def test_threads_are_those_of_the_executor_and_know_the_context() -> None:
    REQUEST.set("mine")
    with ThreadPoolExecutor(1, "decoders") as executor:
        work = LoopOrThread(10, executor)
        name, request = await work.run(11, lambda: (threading.current_thread().name, REQUEST.get()))
    assert name.startswith("decoders")
    assert request == "mine"


@pytest.mark.parametrize("size", [10, 11])
async def test_what_work_raises_is_raised(size: int) -> None:
    def refuse() -> None:
        raise Refused("json", "no JSON")

    with pytest.raises(Refused, match="no JSON"):
        await LoopOrThread(10).run(size, refuse)


@pytest.mark.parametrize(("size", "together"), [(11, 2), (limits.LARGE_BODIES_BYTES_AT_ONCE, 1)])
async def test_large_work_of_all_rooms_takes_turns(size: int, together: int) -> None:
    running: list[int] = []
    most: list[int] = []
    all_at_once = threading.Barrier(together)

    def work() -> None:
        running.append(1)
        all_at_once.wait(10)
        most.append(len(running))
        time.sleep(0.01)
        running.pop()

    rooms = [LoopOrThread(10) for _ in range(4)]
    await asyncio.gather(*(room.run(size, work) for room in rooms))
    assert max(most) == together


async def test_large_work_is_begun_in_the_order_in_which_it_came() -> None:
    begun: list[int] = []
    sizes = [limits.LARGE_BODIES_BYTES_AT_ONCE, 2 * limits.LARGE_BODIES_BYTES_AT_ONCE, 11, 12]
    room = LoopOrThread(10)
    await asyncio.gather(*(room.run(size, partial(begun.append, size)) for size in sizes))
    assert begun[:2] == sizes[:2]
    assert len(begun) == len(sizes)


async def test_the_turn_of_large_work_that_is_given_up_is_anothers() -> None:
    goes_on = threading.Event()
    room = LoopOrThread(10)
    first = asyncio.create_task(room.run(limits.LARGE_BODIES_BYTES_AT_ONCE, lambda: goes_on.wait(10)))
    given_up = asyncio.create_task(room.run(11, lambda: True))
    await asyncio.sleep(0)
    given_up.cancel()
    goes_on.set()
    assert await first
    assert await room.run(limits.LARGE_BODIES_BYTES_AT_ONCE, lambda: True)
