"""A question ends when its time is over or nobody waits for its answer."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from real_room import error, real_room

from headrace.errors import Refused, Unavailable
from headrace.query.pool import QueryPool
from headrace.store import Check


async def stays() -> bool:
    await asyncio.Event().wait()
    return True


class Endless:
    """Work that goes on until it may not."""

    def __init__(self) -> None:
        self.began = threading.Event()
        self.ended = threading.Event()

    def __call__(self, check: Check) -> None:
        self.began.set()
        try:
            while True:
                check()
                threading.Event().wait(0.001)
        finally:
            self.ended.set()


async def test_the_time_limit_ends_the_work_with_clear_words() -> None:
    with ThreadPoolExecutor(1) as threads:
        work = Endless()
        with pytest.raises(Refused, match=r"^Sorry, your query timed out\. Time limit: 50 ms") as over:
            await QueryPool(threads, 0.05).run(work, stays)
        assert over.value.rule == "query-time"
        assert work.ended.wait(5)


async def test_a_client_that_leaves_ends_the_work() -> None:
    left = asyncio.Event()

    async def leaves() -> bool:
        await left.wait()
        return True

    with ThreadPoolExecutor(1) as threads:
        work = Endless()
        running = asyncio.ensure_future(QueryPool(threads, 60).run(work, leaves))
        await asyncio.to_thread(work.began.wait, 5)
        left.set()
        with pytest.raises(Unavailable, match="the client has gone"):
            await asyncio.wait_for(running, 5)
        assert work.ended.is_set()


async def test_a_query_beyond_its_time_is_413(tmp_path: Path) -> None:
    with real_room(tmp_path, query_timeout_s=1e-6) as tsd:
        await tsd.put(("a", 1356998400, 1, {"host": "a"}))
        status, message = error(await tsd.get("query?start=1356998400&m=sum:a"))
        assert status == 413
        assert message.startswith("Sorry, your query timed out.")
