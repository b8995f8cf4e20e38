"""Series without points leave the lists of names, and nothing that came meanwhile is lost: neither before the writer's
turn, nor in it, nor what only its age hides."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from headrace.config import Settings
from headrace.metrics import Metrics
from headrace.model.points import Admitted, Kind, Values
from headrace.model.series import series_name
from headrace.store import Moment
from headrace.store.embedded.store import EmbeddedStore, assemble_store

NOW_MS = 10**12


@contextmanager
def assembled(folder: Path, **settings: Any) -> Iterator[EmbeddedStore]:
    """A store in which nothing runs, so that the writer's turns are taken one by one."""
    chosen = Settings(data_dir=folder, disk_reserve_bytes=0, **settings)
    store = assemble_store(chosen, Metrics(), lambda: NOW_MS)
    with closing(store._parts):
        yield store


def point(store: EmbeddedStore, host: str, time: int) -> Admitted:
    name = series_name("m", {"host": host})
    ordinal = store.table.register(store.table.key_of(name), name, 0)
    values = Values(np.array([Kind.INT64], dtype=np.uint8), np.array([time], dtype=np.int64))
    return Admitted(np.array([ordinal], dtype=np.uint32), np.array([time], dtype=np.int64), values)


async def in_one_turn(store: EmbeddedStore, *asked: Any) -> None:
    tasks = [asyncio.ensure_future(one) for one in asked]
    await asyncio.sleep(0)
    store._writer.take_turn()
    await asyncio.gather(*tasks)


def empty(store: EmbeddedStore) -> tuple[NDArray[np.uint32], Moment]:
    with store.snapshot() as snapshot:
        series = snapshot.find("m", {})
    return store.without_points(series)


def hosts(store: EmbeddedStore) -> list[str]:
    with store.snapshot() as snapshot:
        try:
            return sorted(dict(name.tags)["host"] for name in snapshot.names(snapshot.find("m", {})))
        except KeyError:
            return []


def times(store: EmbeddedStore) -> list[int]:
    with store.snapshot() as snapshot:
        found: list[int] = snapshot.select(snapshot.find("m", {}), 0, NOW_MS).times.tolist()
        return sorted(found)


async def emptied(store: EmbeddedStore, *asked: str) -> tuple[NDArray[np.uint32], Moment]:
    """Series a and b have a point each, and those asked for lose it."""
    await in_one_turn(store, store.append(point(store, "a", 1)), store.append(point(store, "b", 2)))
    gone = np.concatenate([point(store, host, 0).series for host in asked])
    await in_one_turn(store, store.delete(gone, 0, 5))
    return empty(store)


async def test_names_go_also_over_a_restart(tmp_path: Path) -> None:
    with assembled(tmp_path) as store:
        series, moment = await emptied(store, "a", "b")
        assert len(series) == 2
        await in_one_turn(store, store.forget(series, moment))
        assert hosts(store) == []
        assert store.suggest("metrics", "", 10) == []
    with assembled(tmp_path) as store:
        assert hosts(store) == []
        await in_one_turn(store, store.append(point(store, "b", 3)))
        assert (hosts(store), times(store)) == (["b"], [3])


async def test_a_series_with_points_is_not_without(tmp_path: Path) -> None:
    with assembled(tmp_path) as store:
        series, moment = await emptied(store, "a")
        assert series.tolist() == point(store, "a", 0).series.tolist()
        await in_one_turn(store, store.forget(series, moment))
        assert (hosts(store), times(store)) == (["b"], [2])


async def test_what_is_written_after_the_moment_stays(tmp_path: Path) -> None:
    with assembled(tmp_path) as store:
        series, moment = await emptied(store, "a", "b")
        await in_one_turn(store, store.append(point(store, "a", 7)))
        await in_one_turn(store, store.forget(series, moment))
        assert (hosts(store), times(store)) == (["a"], [7])


async def test_what_is_written_before_it_in_the_same_turn_stays(tmp_path: Path) -> None:
    with assembled(tmp_path) as store:
        series, moment = await emptied(store, "a", "b")
        await in_one_turn(store, store.append(point(store, "b", 8)), store.forget(series, moment))
        assert (hosts(store), times(store)) == (["b"], [8])


async def test_a_turn_in_which_nothing_is_left_to_forget_is_answered(tmp_path: Path) -> None:
    with assembled(tmp_path) as store:
        series, moment = await emptied(store, "a")
        await in_one_turn(store, store.append(point(store, "a", 7)))
        await in_one_turn(store, store.forget(series, moment))
        assert times(store) == [2, 7]


@pytest.mark.parametrize("frozen", [1, 2])
async def test_later_generations_are_looked_through(tmp_path: Path, frozen: int) -> None:
    with assembled(tmp_path) as store:
        series, moment = await emptied(store, "a", "b")
        for turn in range(frozen):
            store._parts.visible.freeze_unbounded()
            await in_one_turn(store, store.append(point(store, "ab"[turn], 20 + turn)))
        await in_one_turn(store, store.forget(series, moment))
        assert times(store) == [20, 21][:frozen]


async def test_nothing_is_forgotten_once_the_moment_has_been_sealed(tmp_path: Path) -> None:
    with assembled(tmp_path) as store:
        series, _ = await emptied(store, "a", "b")
        await in_one_turn(store, store.forget(series, Moment(-1, 0)))
        assert hosts(store) == ["a", "b"]


async def test_points_that_only_their_age_hides_keep_the_name(tmp_path: Path) -> None:
    with assembled(tmp_path, retention={"default": "1d"}) as store:
        series, _ = await emptied(store, "a", "b")
        assert series.tolist() == []


async def test_points_that_a_wrong_clock_takes_for_expired_keep_the_name(tmp_path: Path) -> None:
    with assembled(tmp_path) as store:
        live = point(store, "a", 1)
        expires = np.array([NOW_MS - 1], dtype=np.int64)  # for the clock as it is: it may be a year ahead
        await in_one_turn(
            store,
            store.append(Admitted(live.series, live.times, live.values, expires)),
            store.append(point(store, "b", 2)),
        )
        await in_one_turn(store, store.delete(point(store, "b", 0).series, 0, 5))
        series, _ = empty(store)
        assert series.tolist() == point(store, "b", 0).series.tolist()
