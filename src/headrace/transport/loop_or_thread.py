"""Small work on the event loop, large work on a thread, so that no connection waits long for another's body."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor
from contextvars import copy_context
from typing import TypeVar

from headrace import limits

T = TypeVar("T")


class LoopOrThread:
    """Where a room does what takes the longer, the larger a body is."""

    def __init__(
        self,
        loop_bytes_max: int,
        executor: Executor | None = None,
        *,
        at_once: int = limits.LARGE_BODIES_AT_ONCE,
    ) -> None:
        """loop_bytes_max: what is larger goes to a thread of `executor`; None: the loop's own threads.
        at_once: so much large work goes on together, more waits for its turn: its memory is many times its size."""
        self._loop_bytes_max = loop_bytes_max
        self._executor = executor
        self._turns = asyncio.Semaphore(at_once)

    async def run(self, size: int, work: Callable[[], T]) -> T:
        """What `work` returns; what it raises is raised.   size: bytes of what it is about."""
        if size <= self._loop_bytes_max:
            return work()
        async with self._turns:
            # The context goes along, as the log's words of a request are in it.
            return await asyncio.get_running_loop().run_in_executor(self._executor, copy_context().run, work)
