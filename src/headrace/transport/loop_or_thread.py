"""Small work on the event loop, large work on a thread, so that no connection waits long for another's body."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from concurrent.futures import Executor
from contextlib import asynccontextmanager
from contextvars import copy_context
from typing import TypeVar
from weakref import WeakKeyDictionary

from headrace import limits
from headrace.model.odd_json.lenient import TooLongForTheLoop

T = TypeVar("T")


class LoopOrThread:
    """Where a room does what takes the longer, the larger a body is."""

    def __init__(self, loop_bytes_max: int, executor: Executor | None = None) -> None:
        """loop_bytes_max: what is larger goes to a thread of `executor`; None: the loop's own threads."""
        self._loop_bytes_max = loop_bytes_max
        self._executor = executor

    async def run(self, size: int, work: Callable[[], T]) -> T:
        """What `work` returns; what it raises is raised, but that TooLongForTheLoop has it done again on a thread.
        size: bytes of what it is about. Large work waits for its turn: its memory is many times its size."""
        if size <= self._loop_bytes_max:
            try:
                return work()
            except TooLongForTheLoop:
                pass
        loop = asyncio.get_running_loop()
        async with _large_work.setdefault(loop, LargeWork()).turn(size):
            # The context goes along, as the log's words of a request are in it.
            return await loop.run_in_executor(self._executor, copy_context().run, work)


class LargeWork:
    """What all rooms of a server do on threads: so much at once, in the order in which it came."""

    def __init__(self) -> None:
        self._next = asyncio.Lock()
        self._ended = asyncio.Event()
        self._running = 0
        self._bytes = 0

    @asynccontextmanager
    async def turn(self, size: int) -> AsyncIterator[None]:
        """Entered when it is this work's turn; what is larger than all that may be at once has it alone."""
        async with self._next:
            while not self._has_room_for(size):
                self._ended.clear()
                await self._ended.wait()
            self._running += 1
            self._bytes += size
        try:
            yield
        finally:
            self._running -= 1
            self._bytes -= size
            self._ended.set()

    def _has_room_for(self, size: int) -> bool:
        if not self._running:
            return True
        return self._running < limits.LARGE_BODIES_AT_ONCE and self._bytes + size <= limits.LARGE_BODIES_BYTES_AT_ONCE


_large_work: WeakKeyDictionary[asyncio.AbstractEventLoop, LargeWork] = WeakKeyDictionary()
"""Of each event loop, and so of each server."""
