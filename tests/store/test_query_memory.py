"""What queries hold together is bounded: one that needs too much is refused, one that comes at a bad time waits."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from test_embedded_store import opened, points

from headrace.errors import Refused, Unavailable
from headrace.store.query_memory import QueryAccount, QueryMemory


def test_one_query_may_hold_what_is_there_and_no_more() -> None:
    memory = QueryMemory(100_000_000)
    account = QueryAccount(memory)
    account.hold(60_000_000)
    account.hold(40_000_000)
    with pytest.raises(Refused, match=r"more than 100 MB of memory \(query_memory_bytes\)") as refused:
        account.hold(1)
    assert refused.value.rule == "query-points"
    assert memory.in_use == 100_000_000


def test_what_others_hold_makes_it_unavailable_and_only_for_now() -> None:
    memory = QueryMemory(100)
    one, other = QueryAccount(memory), QueryAccount(memory)
    other.hold(20)
    with one.scratch():
        one.hold(90 - 20)
        with pytest.raises(Unavailable, match="queries already hold 90 of 100 bytes"):
            other.hold(11)
        other.hold(10)
    other.hold(70)
    assert memory.in_use == 100


def test_scratch_within_scratch_lets_go_of_its_own_and_so_does_a_failure() -> None:
    memory = QueryMemory(100)
    account = QueryAccount(memory)
    account.hold(1)
    with account.scratch():
        account.hold(10)
        with account.scratch():
            account.hold(20)
            assert memory.in_use == 31
        assert memory.in_use == 11
        with pytest.raises(Refused), account.scratch():
            account.hold(100)
        assert memory.in_use == 11
    assert memory.in_use == 1


def test_what_is_kept_for_an_answer_is_held_until_that_has_gone() -> None:
    memory = QueryMemory(100)
    account, other = QueryAccount(memory), QueryAccount(memory)
    answer = (chunk for chunk in (b"first", b"second"))
    with account.scratch():
        account.hold(60)
        account.keep_for(answer)
    assert next(answer) == b"first"
    assert memory.in_use == 60
    with pytest.raises(Unavailable, match="queries already hold 60 of 100 bytes"):
        other.hold(41)
    del answer
    other.hold(100)
    assert memory.in_use == 100


def test_parts_of_a_query_count_together_and_after_a_failure_no_more() -> None:
    memory = QueryMemory(100)
    account, other = QueryAccount(memory), QueryAccount(memory)
    with account.scratch():
        account.hold(10)
        with account.parts(2) as (one, two):
            one.hold(30)
            two.hold(20)
            with two.scratch():
                two.hold(40)
                with pytest.raises(Refused, match="query_memory_bytes"):
                    one.hold(1)
            other.hold(1)
            with pytest.raises(Unavailable), one.scratch():
                one.hold(40)
        assert memory.in_use == 10 + 30 + 20 + 1
        with pytest.raises(Refused), account.parts(1) as (one,):
            one.hold(100)
        assert memory.in_use == 61
        with pytest.raises(Refused, match="query_memory_bytes"):
            account.hold(41)
    assert memory.in_use == 1


def test_threads_never_hold_more_together_than_they_may() -> None:
    memory = QueryMemory(1000)
    most: list[int] = []

    def work() -> None:
        account = QueryAccount(memory)
        for _ in range(500):
            with account.scratch():
                try:
                    account.hold(400)
                    most.append(memory.in_use)
                except Unavailable:
                    continue

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most
    assert max(most) <= 1000
    assert memory.in_use == 0


async def test_a_select_counts_what_it_holds_until_its_snapshot_ends(tmp_path: Path) -> None:
    async with opened(tmp_path, query_memory_bytes=100_000) as store:
        for begin in range(0, 3000, 100):
            await store.append(points(store, "a", range(begin, begin + 100)))
        with store.snapshot() as snapshot:
            series = snapshot.find("m", {})
            few = snapshot.select(series, 0, 1499)
            assert store._query_memory.in_use == few.nbytes == 17 * 1500 + 4 + 2 * 8
            with pytest.raises(Refused, match="query_memory_bytes"):
                snapshot.select(series, 0, 10**9)
            assert store._query_memory.in_use == few.nbytes
            with store.snapshot() as other, pytest.raises(Unavailable, match="queries already hold"):
                other.select(series, 0, 2199)
            last = snapshot.last(series, 10**9)
            assert store._query_memory.in_use == few.nbytes + last.nbytes
        assert store._query_memory.in_use == 0
