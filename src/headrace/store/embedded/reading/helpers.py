"""Threads that help with large queries: whoever asks works through the parts of a query one by one, and a helper that
is free takes some of them."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from typing import Generic

from headrace.errors import Unavailable
from headrace.store import Check, Done, Item


class Helpers:
    """At most `count` threads, each at one query at a time. Any thread may ask; a helper itself may not."""

    def __init__(self, count: int) -> None:
        self._threads = ThreadPoolExecutor(count, "headrace-helper") if count else None

    def each(self, items: Sequence[Item], work: Callable[[Item, Check], Done], check: Check) -> list[Done]:
        """`work` of each item, in their order. It calls the Check that it is given, which is `check` until the work of
        another item has failed. Raises what first failed, when no thread works any more."""
        parts = _Parts(items, work, check)
        if self._threads is None or len(items) < 2:
            parts.work_through()
            return parts.results()
        helping = self._threads.submit(parts.work_through)
        try:
            parts.work_through()
        finally:
            if not helping.cancel():  # not if no helper was free in all that time
                wait((helping,))
        return parts.results()

    def close(self) -> None:
        """Nobody may ask any more."""
        if self._threads is not None:
            self._threads.shutdown()


class _Parts(Generic[Item, Done]):
    """Of one query. Any thread."""

    def __init__(self, items: Sequence[Item], work: Callable[[Item, Check], Done], check: Check) -> None:
        self._items = items
        self._work = work
        self._check_query = check
        self._left = deque(range(len(items)))
        self._done: dict[int, Done] = {}
        self._failure: Exception | None = None

    def work_through(self) -> None:
        """Until no part is left, or one has failed."""
        while self._failure is None:
            try:
                number = self._left.popleft()
            except IndexError:
                return
            try:
                self._done[number] = self._work(self._items[number], self._check)
            except Exception as failure:  # noqa: BLE001 - `results` raises it, in the thread that asked
                self._failure = self._failure or failure

    def results(self) -> list[Done]:
        """Of all parts. Raises what first failed."""
        if self._failure is not None:
            raise self._failure
        return [self._done[number] for number in range(len(self._items))]

    def _check(self) -> None:
        if self._failure is not None:
            raise Unavailable("another part of the query has failed")
        self._check_query()
