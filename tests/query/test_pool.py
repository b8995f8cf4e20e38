"""A bounded number of questions wait; the others hear so at once."""

from __future__ import annotations

import asyncio
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from headrace import limits
from headrace.errors import Refused, Unavailable
from headrace.query.pool import QueryPool


async def stays() -> bool:
    await asyncio.Event().wait()
    return True


async def test_one_question_too_many_is_turned_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "QUERIES_WAITING_MAX", 2)
    go_on = threading.Event()
    with ThreadPoolExecutor(1) as threads:
        pool = QueryPool(threads, 60)
        waiting = [asyncio.ensure_future(pool.run(lambda check: go_on.wait(10), stays)) for _ in range(2)]
        await asyncio.sleep(0)
        with pytest.raises(Unavailable, match="too many queries"):
            await pool.run(lambda check: True, stays)
        with pytest.raises(Unavailable, match="too many queries"):
            await pool.look_up(lambda: True)
        go_on.set()
        assert await asyncio.gather(*waiting) == [True, True]
        assert await pool.look_up(lambda: "found") == "found"
        assert await pool.run(lambda check: "again", stays) == "again"


async def test_each_question_says_how_long_it_took_with_its_wait() -> None:
    took: list[float] = []

    def fail(check: object) -> None:
        raise Unavailable("the disk fails")

    with ThreadPoolExecutor(1) as threads:
        pool = QueryPool(threads, 60, took.append)
        await asyncio.gather(*(pool.run(lambda check: time.sleep(0.05), stays) for _ in range(2)))
        with pytest.raises(Unavailable):
            await pool.run(fail, stays)
    assert len(took) == 3
    assert took[0] >= 0.05
    assert took[1] >= 0.1


async def test_chunks_come_one_by_one_and_then_nothing() -> None:
    with ThreadPoolExecutor(1) as threads:
        pool, chunks = QueryPool(threads, 60), iter([b"a", b"b"])
        assert [await pool.next_of(chunks) for _ in range(3)] == [b"a", b"b", b""]


@pytest.mark.parametrize(("size", "on_loop"), [(0, True), (4096, True), (4097, False), (1 << 21, False)])
async def test_a_long_question_is_read_on_a_thread(size: int, on_loop: bool) -> None:
    with ThreadPoolExecutor(1) as threads:
        reader = await QueryPool(threads, 60).read(size, threading.current_thread)
    assert (reader is threading.current_thread()) == on_loop


@pytest.mark.parametrize("size", [10, 1 << 21])
async def test_what_reading_refuses_is_raised(size: int) -> None:
    def refusing() -> None:
        raise Refused("json", "detail")

    with ThreadPoolExecutor(1) as threads, pytest.raises(Refused, match="detail"):
        await QueryPool(threads, 60).read(size, refusing)
