"""Where questions run: on threads of a pool, a bounded number at a time, each for a bounded time and only while
somebody waits for its answer."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import Executor
from contextlib import AbstractContextManager, contextmanager
from contextvars import copy_context
from functools import partial
from typing import Any, Protocol, TypeVar

from headrace import limits
from headrace.errors import Refused, Unavailable
from headrace.model.series import Registry
from headrace.query.patience import Patience
from headrace.store import Check, Snapshot, go_on

T = TypeVar("T")


class Reads(Protocol):
    """What reading needs of a store (store.Store)."""

    @property
    def table(self) -> Registry:
        """From keys to ordinals."""
        ...

    def snapshot(self, check: Check = go_on) -> AbstractContextManager[Snapshot]:
        """Pin what is visible now. check: called between segments."""
        ...

    def suggest(self, role: str, prefix: str, limit: int) -> list[str]:
        """At most `limit` names that start with `prefix`, sorted."""
        ...


async def on_thread(threads: Executor, work: Callable[..., T], *arguments: Any) -> T:
    """What `work` returns of these arguments. The context goes along: how far the request may go is in it, and the
    log's words about it."""
    return await asyncio.get_running_loop().run_in_executor(threads, partial(copy_context().run, work, *arguments))


class QueryPool:
    """Runs the questions of all rooms on `pool`, whose threads it may have to itself."""

    def __init__(
        self, pool: Executor, timeout_s: float, observe: Callable[[float], None] = lambda seconds: None
    ) -> None:
        """observe: told of each question how long it took, waiting for a thread included."""
        self._pool = pool
        self._observe = observe
        self._timeout_s = timeout_s
        self._waiting = 0

    async def run(self, work: Callable[[Check], T], client_leaves: Callable[[], Awaitable[bool]]) -> T:
        """Do `work`, which asks now and then whether it may go on.

        client_leaves: waits until the client has gone. Raises Unavailable when limits.QUERIES_WAITING_MAX already run
        or wait, or the client has gone; Refused (rule "query-time") when the work takes longer than the timeout.
        """
        begin = time.perf_counter()
        with self._place():
            patience = Patience(self._timeout_s)
            leaving = asyncio.ensure_future(client_leaves())
            leaving.add_done_callback(lambda left: None if left.cancelled() or not left.result() else patience.lose())
            try:
                return await on_thread(self._pool, work, patience.check)
            except Refused as refused:
                if refused.rule == "query-time":
                    raise self._timed_out(refused) from refused
                raise
            finally:
                leaving.cancel()
                self._observe(time.perf_counter() - begin)

    async def look_up(self, work: Callable[[], T]) -> T:
        """Do `work` that is soon done, such as finding names. Raises Unavailable as `run` does."""
        with self._place():
            return await on_thread(self._pool, work)

    async def read(self, size: int, work: Callable[[], T]) -> T:
        """Read a question of so many bytes: a short one at once, a long one on a thread. Raises what `work` raises, and
        Unavailable as `run` does."""
        return work() if size <= limits.QUESTION_ON_LOOP_BYTES_MAX else await self.look_up(work)

    async def next_of(self, chunks: Iterator[bytes]) -> bytes:
        """The next chunk of an answer that is under way, b"" after the last."""
        return await on_thread(self._pool, next, chunks, b"")

    @contextmanager
    def _place(self) -> Iterator[None]:
        """One of limits.QUERIES_WAITING_MAX places."""
        if self._waiting >= limits.QUERIES_WAITING_MAX:
            raise Unavailable("too many queries are waiting")
        self._waiting += 1
        try:
            yield
        finally:
            self._waiting -= 1

    def _timed_out(self, refused: Refused) -> Refused:
        """OpenTSDB: SaltScanner, of a scan that takes too long."""
        limit_ms = round(self._timeout_s * 1000)
        return Refused(
            refused.rule,
            f"Sorry, your query timed out. Time limit: {limit_ms} ms. "
            "Please try filtering using more tags or decrease your time range.",
        )
