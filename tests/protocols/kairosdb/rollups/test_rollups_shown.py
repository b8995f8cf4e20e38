"""What the metrics say of tasks."""

from __future__ import annotations

from pathlib import Path

from kairosdb_room import kairosdb_room
from prometheus_client.parser import text_string_to_metric_families
from rollup_lab import HOUR, NOON, SetClock, sampled, soon, task


async def test_lag_success_and_failures_of_each_task_while_it_is_there(tmp_path: Path) -> None:
    clock = SetClock(NOON)
    with kairosdb_room(tmp_path / "data", clock, kairosdb_rollups_after=("15s",)) as kairos:

        def seen() -> dict[str, float]:
            families = text_string_to_metric_families(kairos.metrics.render().decode())
            return {s.name: s.value for family in families for s in family.samples if "rollup" in s.name}

        async with kairos.at_work():
            made = (await kairos.ask("rollups", task(sampled("sum")))).json["id"]

            async def has_run() -> bool:
                return seen()["headrace_rollup_last_success_seconds"] > 0

            await soon(has_run)
            clock.now_ms = NOON + 5 * HOUR + 14_999
            assert seen()["headrace_rollup_lag_seconds"] == 4 * 3600
            clock.now_ms += 1
            assert seen() == {
                "headrace_rollup_tasks": 1,
                "headrace_rollup_unreadable_tasks": 0,
                "headrace_rollup_lag_seconds": 5 * 3600,
                "headrace_rollup_last_success_seconds": NOON / 1000,
                "headrace_rollup_failures_total": 0,
            }
            await kairos.ask(f"rollups/{made}", {**task(sampled("sum")), "name": "other"}, method="PUT")
            assert 'name="r"' not in kairos.metrics.render().decode()
            await kairos.ask(f"rollups/{made}", method="DELETE")
            assert seen() == {"headrace_rollup_tasks": 0, "headrace_rollup_unreadable_tasks": 0}
