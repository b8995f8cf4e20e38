"""The addresses of roll-ups, held beside what KairosDB 1.3.0 with roll-ups switched on answered to the same."""

from __future__ import annotations

import json
import re
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from kairosdb_room import KairosDB, Reply, kairosdb_room
from rollup_lab import HOUR, NOON, sampled, soon, task

from headrace import limits
from headrace.store import Document

GOLDEN = Path(__file__).parents[3] / "golden" / "kairosdb" / "rollups.json"
DIALOGUE: list[dict[str, Any]] = json.loads(GOLDEN.read_text())
UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@pytest.fixture
async def kairos(tmp_path: Path) -> AsyncIterator[KairosDB]:
    with kairosdb_room(tmp_path / "data", kairosdb_rollups_after=("0",)) as room:
        async with room.at_work():
            yield room


async def create(kairos: KairosDB, said: Any) -> str:
    reply = await kairos.ask("rollups", said)
    assert reply.status == 200, reply
    made: str = reply.json["id"]
    assert reply.json == {"id": made, "name": said["name"], "attributes": {"url": f"/api/v1/rollups/{made}"}}
    return made


async def test_what_kairosdb_answers(kairos: KairosDB) -> None:
    """`kairosdb` is what it answered; where we differ, `headrace` is our answer and `why` the reason."""
    made = ""
    for step in DIALOGUE:
        expected = step.get("headrace", step["kairosdb"])
        assert ("why" in step) == ("headrace" in step)
        reply = await kairos.ask(step["path"].replace("{id}", made), step.get("body", ""), method=step["method"])
        if step["name"] == "create":
            made = reply.json["id"]
        body = UUID.sub("ID", reply.body.decode())
        matches = body.startswith(expected["body"]) if step.get("begins") else body == expected["body"]
        assert matches, (step["name"], reply)
        assert reply.status == expected["status"], step["name"]
        if reply.status < 400 and reply.status != 204:
            assert reply.headers["content-type"] == "application/json;charset=utf-8"


async def test_tasks_outlive_the_server(tmp_path: Path) -> None:
    said = task(sampled("sum"))
    with kairosdb_room(tmp_path / "data") as kairos:
        async with kairos.at_work():
            made = await create(kairos, said)
            gone = await create(kairos, said)
            assert (await kairos.ask(f"rollups/{gone}", method="DELETE")).status == 204
    with kairosdb_room(tmp_path / "data") as kairos:
        async with kairos.at_work():
            assert (await kairos.get("rollups")).json == [{"id": made, **said}]
            assert (await kairos.get(f"rollups/status/{made}")).status == 200


async def test_a_task_that_cannot_be_read_is_seen_replaced_and_deleted(tmp_path: Path) -> None:
    with kairosdb_room(tmp_path / "data") as kairos:
        await kairos.store.commit([Document("kairosdb-rollup", "bad", b"no JSON")])
        async with kairos.at_work():
            [shown] = (await kairos.get("rollups")).json
            assert shown == (await kairos.get("rollups/bad")).json
            assert (shown["id"], len(shown["error_message"]) > 0) == ("bad", True)
            assert b"headrace_rollup_unreadable_tasks 1.0" in kairos.metrics.render()
            assert (await kairos.ask("rollups/bad", task(sampled("sum")), method="PUT")).status == 200
            assert b"headrace_rollup_unreadable_tasks 0.0" in kairos.metrics.render()
            [shown] = (await kairos.get("rollups")).json
            assert (shown["id"], "error_message" in shown) == ("bad", False)
            assert (await kairos.ask("rollups/bad", method="DELETE")).status == 204
            assert (await kairos.ask("rollups/bad", method="DELETE")).status == 404
            assert (await kairos.get("rollups")).json == []
            assert b"headrace_rollup_unreadable_tasks 0.0" in kairos.metrics.render()


async def test_the_status(kairos: KairosDB) -> None:
    made = await create(kairos, task(sampled("sum")))
    await kairos.ask("datapoints", [{"name": "m", "tags": {"host": "a"}, "datapoints": [[NOON, 1]]}])

    async def is_done() -> bool:
        return bool((await kairos.get(f"rollups/status/{made}")).json["statuses"][0]["lag_seconds"] == 0)

    await soon(is_done)
    status = (await kairos.get(f"rollups/status/{made}")).json
    [one] = status["statuses"]
    assert one["metric_name"] == "m"
    assert one["save_as"] == "m.hourly"
    assert re.fullmatch(r"\d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d [AP]M", one["last_executed"])
    assert abs(one["last_execution_time"] - time.time() * 1000) < 60_000
    assert one["computed_through"] % HOUR == 0
    assert "error_message" not in one
    assert status["failures"] == 0


async def test_a_stretch_is_computed_again_by_request(kairos: KairosDB) -> None:
    made = await create(kairos, task(sampled("sum"), start=None))
    await kairos.ask("datapoints", [{"name": "m", "tags": {"host": "a"}, "datapoints": [[NOON, 1], [NOON + HOUR, 2]]}])
    # From within the range, in each of the two spellings of a time, and by both methods.
    answer = await kairos.get(f"rollups/backfill/{made}?startTime=2023-11-14-12-30-00-000&endTime={NOON + HOUR}")
    assert (answer.status, answer.body) == (204, b"")
    assert await kairos.stored("m.hourly") == {"number": [[NOON, 1]]}
    answer = await kairos.ask(f"rollups/backfill/{made}?startTime={NOON}")
    assert (answer.status, answer.body) == (204, b"")
    assert await kairos.stored("m.hourly") == {"number": [[NOON, 1], [NOON + HOUR, 2]]}


async def test_a_long_one_goes_on_after_its_answer(kairos: KairosDB, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "ROLLUP_BACKFILL_ANSWER_S", 0.0)
    made = await create(kairos, task(sampled("sum"), start=None))
    answer = await kairos.get(f"rollups/backfill/{made}?startTime={NOON}")
    assert (answer.status, answer.json) == (202, {"status": f"/api/v1/rollups/status/{made}"})

    async def is_done() -> bool:
        return not (await kairos.get(f"rollups/status/{made}")).json["backfills_waiting"]

    await soon(is_done)


@pytest.mark.parametrize(
    ("change", "error"),
    [
        (
            {"aggregators": [sampled("movingWindow"), sampled("sum")]},
            "rollup[0].query.metric[0].aggregators[0] cannot be movingWindow: its windows overlap, and a roll-up "
            "computes ranges side by side",
        ),
        (
            {"aggregators": [sampled("sum"), {"name": "trim", "trim": "last"}]},
            "rollup[0].query.metric[0].aggregators[1] cannot be trim: a roll-up computes whole ranges alone, of which "
            "none is to be trimmed",
        ),
        (
            {"group_by": [{"name": "value", "range_size": 3}]},
            "rollup[0].query.metric[0].group_by[0] must be tag: other groups of a roll-up would replace one another",
        ),
        (
            {"aggregators": [sampled("sum"), {"name": "sma", "size": 1001}]},
            "rollup[0].query.metric[0].aggregators[1].size must be less than or equal to 1000 in a roll-up",
        ),
    ],
)
async def test_what_no_roll_up_can_be(kairos: KairosDB, change: dict[str, Any], error: str) -> None:
    said = task(sampled("sum"))
    said["rollups"][0]["query"]["metrics"][0] |= change
    reply = await kairos.ask("rollups", said)
    assert (reply.status, reply.errors) == (400, [error])


async def test_no_more_than_are_bounded(kairos: KairosDB, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "ROLLUP_TASKS_MAX", 2)
    monkeypatch.setattr(limits, "ROLLUP_METRICS_MAX", 2)
    said = task(sampled("sum"))
    made = await create(kairos, said)
    await create(kairos, said)
    full: Reply = await kairos.ask("rollups", said)
    assert (full.status, full.errors) == (400, ["there are 2 roll-up tasks already; delete some of them"])
    assert (await kairos.ask(f"rollups/{made}", said, method="PUT")).status == 200
    metrics = [{**said["rollups"][0]["query"]["metrics"][0], "name": str(at)} for at in range(3)]
    said["rollups"][0]["query"]["metrics"] = metrics
    many = await kairos.ask(f"rollups/{made}", said, method="PUT")
    assert (many.status, many.errors) == (400, ["rollups must query at most 2 metrics"])
    large = await kairos.ask("rollups", {**said, "name": "x" * limits.ROLLUP_TASK_BYTES_MAX})
    assert large.status == 413


async def test_hostile_bodies_are_refused(kairos: KairosDB) -> None:
    for body in (b"[" * 5000, b'{"name":' * 1000, b"\xff", b'{"name":"\\ud800","execution_interval":{}}', b"{}" * 9):
        reply = await kairos.ask("rollups", body)
        assert (reply.status, len(reply.errors) > 0) == (400, True), body[:20]
    deep: Any = "x"
    for _ in range(300):
        deep = [deep]
    for name in ("name", "execution_interval", "rollups", "id"):
        said = {**task(sampled("sum")), name: deep}
        assert (await kairos.ask("rollups", said)).status == (200 if name == "id" else 400)
    said = task(sampled("sum"))
    metric = said["rollups"][0]["query"]["metrics"][0]
    for aggregators in (deep, [deep], [{"name": deep}], 5, [5], [{"name": "sum", "sampling": deep}]):
        metric["aggregators"] = aggregators
        assert (await kairos.ask("rollups", said)).status == 400, aggregators
    # A list of one is that one, as in KairosDB.
    metric |= {
        "aggregators": [{**sampled("sum"), "name": ["sum"]}],
        "name": ["m"],
        "group_by": [{"name": ["tag"], "tags": ["host"]}],
    }
    assert (await kairos.ask("rollups", said)).status == 200
    for start in (-(2**63), 2**63 - 1, 2**80, "x"):
        said = task(sampled("sum", 1, "years"), start=start)  # type: ignore[arg-type]
        assert (await kairos.ask("rollups", said)).status in (200, 400)
        for made in (await kairos.get("rollups")).json:
            assert (await kairos.get(f"rollups/status/{made['id']}")).status == 200
    assert "headrace_rollup_lag_seconds" in kairos.metrics.render().decode()
