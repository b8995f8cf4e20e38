"""The memory of queries: a bound on what all of them hold together, counted where columns are made."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

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

    @property
    def in_use(self) -> int:
        """Bytes."""
        return self._in_use

    def take(self, count: int) -> None:
        """Count `count` bytes more. Raises Unavailable, and counts nothing, when that would exceed the bound."""
        with self._lock:
            if self._in_use + count > self.bytes_max:
                raise Unavailable(f"queries already hold {self._in_use} of {self.bytes_max} bytes of memory")
            self._in_use += count

    def give(self, count: int) -> None:
        """Return what was taken."""
        with self._lock:
            self._in_use -= count


class QueryAccount:
    """What one query holds; one thread at a time."""

    def __init__(self, memory: QueryMemory) -> None:
        self._memory = memory
        self._held = 0

    def hold(self, count: int) -> None:
        """Count `count` bytes that the query is about to hold. Raises Refused (rule "query-points") when it would hold
        more than all queries may, Unavailable when others hold the rest."""
        if self._held + count > self._memory.bytes_max:
            megabytes = self._memory.bytes_max // 1_000_000
            raise Refused(
                "query-points",
                f"the query needs more than {megabytes} MB of memory (query_memory_bytes); "
                "ask for fewer series or a shorter time, or downsample",
            )
        self._memory.take(count)
        self._held += count

    @contextmanager
    def scratch(self) -> Iterator[None]:
        """What is held within is let go at the end."""
        before = self._held
        try:
            yield
        finally:
            self._memory.give(self._held - before)
            self._held = before
