"""Turns: never one alone beside another, in order of arrival, and nothing is left behind."""

from __future__ import annotations

import asyncio
import random

import pytest

from headrace.protocols.datazone.writing.turns import Turns


async def test_many_together_one_alone_in_order() -> None:
    turns, events = Turns(), []

    async def hold(name: str, alone: bool) -> None:
        async with turns.turn("key", alone):
            events.append(f"+{name}")
            await asyncio.sleep(0.01)
            events.append(f"-{name}")

    async with asyncio.TaskGroup() as group:
        for name in ("a", "b", "C", "d"):
            group.create_task(hold(name, alone=name.isupper()))
    assert events == ["+a", "+b", "-a", "-b", "+C", "-C", "+d", "-d"]


async def test_other_keys_do_not_wait() -> None:
    turns = Turns()
    async with turns.turn("one", alone=True), asyncio.timeout(1), turns.turn("two", alone=True):
        pass


async def test_a_failure_gives_the_turn_away() -> None:
    turns = Turns()
    with pytest.raises(ValueError, match="failed"):
        async with turns.turn("key", alone=True):
            raise ValueError("failed")
    async with asyncio.timeout(1), turns.turn("key", alone=True):
        pass


@pytest.mark.parametrize("seed", range(20))
async def test_whoever_gives_up_waiting_is_in_nobodys_way(seed: int) -> None:
    turns, chance = Turns(), random.Random(seed)
    inside: list[bool] = []

    async def hold(alone: bool) -> None:
        async with turns.turn("key", alone):
            assert not inside if alone else True not in inside
            inside.append(alone)
            try:
                await asyncio.sleep(chance.random() / 500)
            finally:
                inside.remove(alone)

    tasks = []
    for _ in range(60):
        tasks.append(asyncio.create_task(hold(chance.random() < 0.4)))
        await asyncio.sleep(chance.random() / 1000)
        if chance.random() < 0.4:
            chance.choice(tasks).cancel()
    async with asyncio.timeout(10):
        ended = await asyncio.gather(*tasks, return_exceptions=True)
    assert all(end is None or isinstance(end, asyncio.CancelledError) for end in ended), ended
    assert not turns._queues
