"""One step: which of the points that were read belong to it, and what it says of them. What values it gives is tried in
test_rollups_runner.py."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from rollup_lab import HOUR, NOON, Lab, lab, sampled, task

from headrace import limits
from headrace.model.points import NEVER
from headrace.protocols.kairosdb.names import KAIROSDB_RULES
from headrace.protocols.kairosdb.rollups.compute import Into, Step, Stretch, compute
from headrace.protocols.kairosdb.rollups.task import parse_task, plan_of

MINUTE = 60_000


def step_of(one: Lab, said: dict[str, Any], hours: int = 1, may_refuse: bool = False) -> Step | None:
    [part] = parse_task(json.dumps(said).encode(), "1", NOON).parts
    into = Into(one.kairos.store.table, KAIROSDB_RULES, lambda name: name)
    with one.kairos.store.snapshot() as snapshot:
        stretch = Stretch(NOON, NOON + hours * HOUR)
        return compute(snapshot, plan_of(part, NOON), stretch, one.clock(), into, may_refuse)


async def test_only_what_belongs_to_the_stretch_is_written_though_more_is_read(tmp_path: Path) -> None:
    with lab(tmp_path / "data") as one:
        await one.put({NOON + at * HOUR // 2: at for at in range(-10, 10)})
        step = step_of(one, task(sampled("last"), {"name": "diff"}))
        assert step is not None
        assert step.points is not None
        assert (step.points.times.tolist(), step.points.values.bits.view("f8").tolist()) == ([NOON], [2.0])
        assert step.read == 2 * 2 + 2


async def test_when_the_first_point_expires(tmp_path: Path) -> None:
    with lab(tmp_path / "data") as one:
        assert step_of(one, task(sampled("sum"))) == Step(None, 0)
        await one.put({NOON: 1})
        step = step_of(one, task(sampled("sum")))
        assert step is not None
        assert step.first_expiry_ms == NEVER
        await one.put({NOON + 1: 1}, ttl=100)
        await one.put({NOON + 2: 1}, host="b", ttl=50)
        step = step_of(one, task(sampled("sum"), limit=5))
        assert step is not None
        assert step.first_expiry_ms == NOON + 50_000
        one.clock.now_ms = NOON + 50_000
        step = step_of(one, task(sampled("sum")))
        assert step is not None
        assert (step.first_expiry_ms, step.read) == (NOON + 100_000, 2)


async def test_the_present_where_retention_has_begun(tmp_path: Path) -> None:
    with lab(tmp_path / "data", retention={"m": "1d", "default": "0"}) as one:
        await one.put({NOON: 1, NOON + MINUTE: 1})
        one.clock.now_ms = NOON + 24 * HOUR
        step = step_of(one, task(sampled("sum")))
        assert step is not None
        assert step.first_expiry_ms == NEVER
        one.clock.now_ms += 1
        step = step_of(one, task(sampled("sum")))
        assert step is not None
        assert (step.first_expiry_ms, step.read) == (one.clock.now_ms, 1)


async def test_more_than_a_piece_is_left_for_a_smaller_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "QUERY_PIECE_POINTS", 10)
    with lab(tmp_path / "data") as one:
        for host in "ab":
            await one.put({NOON + at: 1 for at in range(20)}, host=host)
        assert step_of(one, task(sampled("sum")), may_refuse=True) is None
        step = step_of(one, task(sampled("sum")))
        assert step is not None
        assert step.read == 40
