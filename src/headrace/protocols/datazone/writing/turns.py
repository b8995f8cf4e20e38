"""Which request waits for which: those of one key have turns, many together or one alone, in the order of arrival."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Turns:
    """On one event loop. A key costs memory only while somebody holds or awaits its turn."""

    def __init__(self) -> None:
        self._queues: dict[str, _Queue] = {}

    @asynccontextmanager
    async def turn(self, key: str, alone: bool) -> AsyncIterator[None]:
        """Wait for a turn and hold it. alone: no other holds one of this key meanwhile; else others that are not alone
        may."""
        queue = self._queues.setdefault(key, _Queue())
        queue.users += 1
        try:
            await queue.enter(alone)
            try:
                yield
            finally:
                queue.leave()
        finally:
            queue.users -= 1
            if not queue.users:
                del self._queues[key]


class _Queue:
    def __init__(self) -> None:
        self.users = 0
        self._inside = 0
        self._alone = False
        self._waiting: deque[tuple[bool, asyncio.Future[None]]] = deque()

    async def enter(self, alone: bool) -> None:
        if not self._waiting and self._may_enter(alone):
            self._take(alone)
            return
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((alone, future))
        try:
            await future
        except asyncio.CancelledError:
            if not future.cancelled():
                self.leave()  # the turn came and the cancellation with it
            else:
                self._admit()
            raise

    def leave(self) -> None:
        self._inside -= 1
        self._alone = False
        self._admit()

    def _may_enter(self, alone: bool) -> bool:
        return not self._inside if alone else not self._alone

    def _take(self, alone: bool) -> None:
        self._inside += 1
        self._alone = alone

    def _admit(self) -> None:
        while self._waiting:
            alone, future = self._waiting[0]
            if future.cancelled():
                self._waiting.popleft()
            elif self._may_enter(alone):
                self._waiting.popleft()
                self._take(alone)
                future.set_result(None)
            else:
                return
