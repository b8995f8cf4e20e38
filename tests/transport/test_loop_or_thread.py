"""Small work on the event loop, large work on a thread."""

from __future__ import annotations

import asyncio
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar

import pytest

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


@pytest.mark.parametrize("together", [1, 2])
async def test_large_work_takes_turns(together: int) -> None:
    running: list[int] = []
    most: list[int] = []
    both = threading.Barrier(together)

    def work() -> None:
        running.append(1)
        both.wait(10)
        most.append(len(running))
        time.sleep(0.01)
        running.pop()

    large = LoopOrThread(10, at_once=together)
    await asyncio.gather(*(large.run(11, work) for _ in range(4)))
    assert max(most) == together
