"""The memory of queries: a bound on what all of them hold together, counted where columns are made."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from queue import Empty, SimpleQueue

from headrace.errors import Refused, Unavailable

Hold = Callable[[int], None]
"""Counts so many bytes more before they are asked for. Raises as QueryAccount.hold."""


def uncounted(_: int) -> None:
    """The Hold of whoever is bounded by other means."""


class QueryMemory:
    """What all queries share. Any thread."""

    def __init__(self, bytes_max: int) -> None:
        self.bytes_max = bytes_max
        self._in_use = 0
        self._lock = threading.Lock()
        self._returned: SimpleQueue[int] = SimpleQueue()
        """What answers held that are gone. They may go in the midst of anything, also while the lock is held."""

    @property
    def in_use(self) -> int:
        """Bytes."""
        with self._lock:
            self._take_back()
            return self._in_use

    def take(self, count: int, query: QueryBytes) -> None:
        """Count `count` bytes more of `query`. Raises as QueryAccount.hold, and then counts nothing."""
        with self._lock:
            self._take_back()
            if query.held + count > self.bytes_max:
                raise Refused(
                    "query-points",
                    f"the query needs more than {self.bytes_max // 1_000_000} MB of memory (query_memory_bytes); "
                    "ask for fewer series or a shorter time, or downsample",
                )
            if self._in_use + count > self.bytes_max:
                raise Unavailable(f"queries already hold {self._in_use} of {self.bytes_max} bytes of memory")
            self._in_use += count
            query.held += count

    def give(self, count: int, query: QueryBytes) -> None:
        """Return what was taken."""
        with self._lock:
            self._in_use -= count
            query.held -= count

    def keep_for(self, answer: object, count: int, query: QueryBytes) -> None:
        """Count `count` of the bytes that `query` took as those of `answer`, for as long as that lives."""
        query.held -= count
        weakref.finalize(answer, self._returned.put, count)

    def _take_back(self) -> None:
        """With the lock."""
        with suppress(Empty):
            while True:
                self._in_use -= self._returned.get_nowait()


class QueryBytes:
    """What all accounts of one query hold together; only QueryMemory changes it."""

    def __init__(self) -> None:
        self.held = 0


class QueryAccount:
    """What one query holds, or one part of its work; one thread at a time."""

    def __init__(self, memory: QueryMemory, query: QueryBytes | None = None) -> None:
        """query: whose part this is; None: a query of its own."""
        self._memory = memory
        self._query = query or QueryBytes()
        self._held = 0

    @contextmanager
    def parts(self, count: int) -> Iterator[list[QueryAccount]]:
        """Accounts for parts of the query's work that other threads may do. What they hold at the end is held here;
        after a failure it is let go."""
        accounts = [QueryAccount(self._memory, self._query) for _ in range(count)]
        try:
            yield accounts
        except BaseException:
            self._memory.give(sum(account._held for account in accounts), self._query)
            raise
        self._held += sum(account._held for account in accounts)

    def hold(self, count: int) -> None:
        """Count `count` bytes that the query is about to hold. Raises Refused (rule "query-points") when it would hold
        more than all queries may, Unavailable when others hold the rest."""
        self._memory.take(count, self._query)
        self._held += count

    @contextmanager
    def scratch(self) -> Iterator[None]:
        """What is held within is let go at the end."""
        before = self._held
        try:
            yield
        finally:
            if self._held > before:
                self._memory.give(self._held - before, self._query)
                self._held = before

    def keep_for(self, answer: object) -> None:
        """What is held now is held for as long as `answer` lives, which may be long after the query: until a slow
        client has read it."""
        self._memory.keep_for(answer, self._held, self._query)
        self._held = 0
