"""Tasks as documents: what is durable, and what becomes of progress when a task is changed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from rollup_lab import HOUR, NOON, lab, sampled, task

from headrace import limits
from headrace.errors import Refused, Unavailable
from headrace.protocols.kairosdb.rollups.progress import Backfill
from headrace.protocols.kairosdb.rollups.task import parse_task
from headrace.protocols.kairosdb.rollups.tasks import PROGRESS_KIND, TASK_KIND
from headrace.store import Document


async def test_another_interval_or_name_keeps_what_was_computed_and_another_query_begins_anew(tmp_path: Path) -> None:
    with lab(tmp_path / "data") as one:
        said = task(sampled("sum"))
        await one.create(said)
        await one.put({NOON: 1})
        one.clock.now_ms = NOON + 3 * HOUR
        before = one.tasks.get("1")
        assert before is not None
        await one.run(before)
        said |= {"name": "other", "execution_interval": {"value": 5, "unit": "minutes"}}
        said["rollups"].append(task(sampled("max"), start=NOON - HOUR, save_as="m.max")["rollups"][0])
        assert await one.tasks.change(parse_task(json.dumps(said).encode(), "1", NOON + 3 * HOUR), NOON + 3 * HOUR)
        after = one.tasks.get("1")
        assert after is not None
        assert after is not before
        assert after.interval_s == 300
        kept, new = [after.progress.parts[part.digest].through_ms for part in after.task.parts]
        assert (kept, new) == (NOON + 3 * HOUR, NOON - HOUR)
        await one.run(after)
        assert await one.of_all("m.max") == [[NOON, 1]]


async def test_a_change_that_is_not_durable_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with lab(tmp_path / "data") as one:
        live = await one.create(task(sampled("sum")))

        async def no_disk(*_: Any, **__: Any) -> int:
            raise Unavailable("the disk is full")

        changed = parse_task(json.dumps(task(sampled("max"))).encode(), "1", NOON)
        with monkeypatch.context() as full:
            full.setattr(one.kairos.store, "commit", no_disk)
            with pytest.raises(Unavailable):
                await one.tasks.delete("1")
            with pytest.raises(Unavailable):
                await one.tasks.change(changed, NOON)
            with pytest.raises(Unavailable):
                await one.tasks.backfill(live, [Backfill("x", NOON, NOON + HOUR)])
            with pytest.raises(Unavailable):
                await one.create(task(sampled("sum")), "2")
        assert one.tasks.all() == [live]
        assert one.tasks.is_in_force(live)
        assert live.progress.backfills == ()
        assert await one.tasks.delete("1")
        assert not await one.tasks.delete("1")
        assert not await one.tasks.change(changed, NOON)
        for kind in (TASK_KIND, PROGRESS_KIND):
            assert one.kairos.store.document_keys(kind, "", "\U0010ffff") == []


async def test_stretches_wait_over_a_restart_and_are_bounded(tmp_path: Path) -> None:
    with lab(tmp_path / "data") as one:
        live = await one.create(task(sampled("sum"), start=None))
        await one.put({NOON - at * HOUR: 1 for at in range(1, 50)})
        [digest] = live.plans
        stretches = [Backfill(digest, NOON - 20 * HOUR, NOON - 10 * HOUR) for _ in range(limits.ROLLUP_BACKFILLS_MAX)]
        for stretch in stretches:
            assert await one.tasks.backfill(live, [stretch])
        with pytest.raises(Refused, match="so many stretches"):
            await one.tasks.backfill(live, [Backfill(digest, NOON - 20 * HOUR, NOON)])
    with lab(tmp_path / "data") as one:
        await one.tasks.load()
        again = one.tasks.get("1")
        assert again is not None
        assert again.progress.backfills == tuple(stretches)
        await one.run(again)
        assert again.progress.backfills == ()
        assert await one.of_all() == [[NOON - at * HOUR, 1] for at in range(20, 10, -1)]


async def test_a_task_that_cannot_be_read_any_more_stops_no_other(tmp_path: Path) -> None:
    with lab(tmp_path / "data") as one:
        await one.create(task(sampled("sum")), "good")
        await one.kairos.store.commit([Document(TASK_KIND, "bad", b"{}"), Document(PROGRESS_KIND, "good", b"5")])
    with lab(tmp_path / "data") as one:
        await one.tasks.load()
        assert one.tasks.all() == []
        assert one.tasks.unreadable.keys() == {"bad", "good"}
        await one.kairos.store.commit([Document(PROGRESS_KIND, "good", None)])
    with lab(tmp_path / "data") as one:
        await one.tasks.load()
        assert [live.task.id for live in one.tasks.all()] == ["good"]
        assert one.kairos.store.document(TASK_KIND, "bad") == b"{}"
        with pytest.MonkeyPatch.context() as few:
            few.setattr(limits, "ROLLUP_TASKS_MAX", 2)
            with pytest.raises(Refused, match="there are 2 roll-up tasks"):
                await one.create(task(sampled("sum")), "another")
        assert await one.tasks.change(parse_task(json.dumps(task(sampled("max"))).encode(), "bad", NOON), NOON)
        assert (one.tasks.unreadable, len(one.tasks.all())) == ({}, 2)
