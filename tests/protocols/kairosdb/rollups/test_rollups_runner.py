"""What a roll-up makes, when, and what becomes of it when a server ends, a clock jumps or points come late."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from rollup_lab import HOUR, NOON, Lab, lab, sampled, soon, task

from headrace import limits
from headrace.errors import Unavailable
from headrace.protocols.kairosdb.rollups.progress import Backfill, from_bytes
from headrace.protocols.kairosdb.rollups.runner import Run, works
from headrace.protocols.kairosdb.rollups.tasks import PROGRESS_KIND, Tasks

MINUTE = 60_000


async def test_only_ranges_that_are_over_are_computed_and_each_by_its_beginning(tmp_path: Path) -> None:
    with lab(tmp_path / "data") as one:
        live = await one.create(task(sampled("sum")))
        await one.put({NOON + 10 * MINUTE: 1, NOON + 20 * MINUTE: 2, NOON + HOUR + MINUTE: 4})
        one.clock.now_ms = NOON + HOUR - 1
        await one.run(live)
        assert await one.of_all() == []
        one.clock.now_ms = NOON + HOUR + 2 * MINUTE
        await one.run(live)
        assert await one.of_all() == [[NOON, 3]]
        one.clock.now_ms = NOON + 2 * HOUR
        await one.run(live)
        assert await one.of_all() == [[NOON, 3], [NOON + HOUR, 4]]


async def test_what_is_saved_has_the_tags_of_its_group_and_its_origin(tmp_path: Path) -> None:
    # KairosDB 1.3.0: {host=a, saved_from=m}; without group_by {saved_from=m}.
    with lab(tmp_path / "data") as one:
        live = await one.create(task(sampled("max"), group_by=[{"name": "tag", "tags": ["host"]}]))
        for host in ("a", "b"):
            await one.put({NOON: 1, NOON + 1: 2 if host == "a" else 3}, host=host, dc="x")
        one.clock.now_ms = NOON + HOUR
        await one.run(live)
        found = await one.values("m.hourly", "host", "saved_from", "dc")
        assert found == {("a", "m", ""): [[NOON, 2]], ("b", "m", ""): [[NOON, 3]]}


async def test_histograms_are_merged(tmp_path: Path) -> None:
    with lab(tmp_path / "data") as one:
        live = await one.create(task(sampled("merge", precision=4)))
        known = {"min": 995, "max": 2000, "mean": 1500, "sum": 3000}
        points = [[NOON + at * MINUTE, {"bins": {"2000": at, "1000": 1}, **known}] for at in (1, 2, 60)]
        posted = await one.kairos.ask(
            "datapoints", [{"name": "m", "type": "histogram", "datapoints": points, "tags": {"host": "a"}}]
        )
        assert posted.status == 204
        one.clock.now_ms = NOON + HOUR
        await one.run(live)
        [[time, merged]] = await one.of_all()
        assert (time, merged["bins"], merged["sum"]) == (NOON, {"992.0": 2, "1984.0": 3}, 6000)


async def test_the_ends_of_ranges_where_the_query_says_so(tmp_path: Path) -> None:
    with lab(tmp_path / "data") as one:
        live = await one.create(task(sampled("count", align_end_time=True)))
        await one.put({NOON: 1, NOON + HOUR - 1: 1, NOON + HOUR: 1})
        one.clock.now_ms = NOON + HOUR
        await one.run(live)
        assert await one.of_all() == [[NOON + HOUR, 2]]
        one.clock.now_ms = NOON + 2 * HOUR
        await one.run(live)
        assert await one.of_all() == [[NOON + HOUR, 2], [NOON + 2 * HOUR, 1]]


CHAINS: list[list[dict[str, Any]]] = [
    [sampled("sum")],
    [sampled("avg", 90, "minutes")],
    [sampled("count", 7)],
    [sampled("max", 1, "days", time_zone="America/New_York")],
    [sampled("sum", 10, "minutes"), sampled("avg")],
    [sampled("sum", 10, "minutes", align_end_time=True), sampled("max")],
    [sampled("sum", 7, "minutes"), sampled("max", 10, "minutes")],
    [sampled("sum"), sampled("max", 10, "minutes")],
    [{"name": "diff"}, sampled("sum")],
    [sampled("last", align_sampling=False), {"name": "diff"}],
    [{"name": "rate", "unit": "hours"}, sampled("avg", 2)],
    [sampled("sum"), {"name": "sma", "size": 3}],
    [sampled("percentile", percentile=0.7), {"name": "scale", "factor": 2}],
    [sampled("dev"), {"name": "filter", "filter_op": "lt", "threshold": 2}],
    [sampled("sum"), sampled("gaps")],
    [sampled("min", 1, "months")],
    [sampled("sum", 2, align_end_time=True)],
]


@settings(
    max_examples=30,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.data())
async def test_every_value_is_what_the_query_gives_when_it_is_asked_of_all_time_at_once(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    chain = data.draw(st.sampled_from(CHAINS))
    grouped = data.draw(st.booleans())
    seed = data.draw(st.integers(0, 2**32))
    random = np.random.default_rng(seed)
    # A point in every ten minutes or so: what looks back finds something within its two ranges.
    spans = range(30 * 24 * 6) if chain[0].get("sampling", {}).get("unit") == "months" else range(30 * 6)
    with lab(tmp_path_factory.mktemp("lab") / "data") as one:
        group_by = [{"name": "tag", "tags": ["host"]}] if grouped else []
        live = await one.create(task(*chain, group_by=group_by))
        for host in "ab":
            times = [NOON + at * 10 * MINUTE + int(random.integers(0, 10 * MINUTE)) for at in spans]
            await one.put({time: int(random.integers(-100, 100)) for time in times}, host=host)
        last_ms = NOON + len(spans) * 10 * MINUTE
        # In runs as they come, in steps of any size.
        while one.clock.now_ms < last_ms:
            one.clock.now_ms += data.draw(st.integers(1, 12)) * len(spans) * MINUTE
            for digest in live.plans:
                live.sizes[digest, "first"] = data.draw(st.integers(1, 20))
            await one.run(live)
        assert not live.errors
        [known] = live.progress.parts.values()
        stamped = [{**link} for link in chain]
        ranged = [link for link in stamped if "sampling" in link]
        if not ranged[-1].get("align_end_time"):
            ranged[-1]["align_start_time"] = True
        asked = {
            "start_absolute": NOON,
            "end_absolute": last_ms + 24 * HOUR,
            "metrics": [{"name": "m", "aggregators": stamped, "group_by": group_by}],
        }
        reply = await one.kairos.ask("datapoints/query", asked)
        [answer] = reply.json["queries"]
        found = await one.values("m.hourly", *(["host"] if grouped else []))
        keys = [tuple(group["group"].values()) for result in answer["results"] for group in result["group_by"][:-1]]
        for key, result in zip(keys or [()], answer["results"], strict=True):
            expected = [
                (time, value)
                for time, value in result["values"]
                if value is not None and time < known.through_ms + bool(ranged[-1].get("align_end_time"))
            ]
            got = found[key]
            assert [time for time, _ in got] == [time for time, _ in expected]
            assert [value for _, value in got] == pytest.approx([value for _, value in expected], rel=1e-12)


async def test_after_months_without_a_server_all_of_them_are_computed_in_few_steps(tmp_path: Path) -> None:
    minutes = 120 * 24 * 60
    with lab(tmp_path / "data") as one:
        live = await one.create(task(sampled("sum", 1, "minutes")))
        times = NOON + MINUTE * np.arange(minutes)
        for first in range(0, minutes, 40_000):
            await one.put({int(time): 1 for time in times[first : first + 40_000]})
        one.clock.now_ms = NOON + MINUTE * (1 + minutes)
        steps = await one.run(live)
        assert steps < 60
        found = await one.of_all()
        assert len(found) == minutes
        assert {value for _, value in found} == {1}


async def test_emptiness_is_gone_over_in_few_steps(tmp_path: Path) -> None:
    with lab(tmp_path / "data") as one:
        live = await one.create(task(sampled("sum", 1, "minutes"), start=0))
        await one.put({NOON: 5})
        one.clock.now_ms = NOON + MINUTE
        assert await one.run(live) < 500
        assert await one.of_all() == [[NOON, 5]]


async def test_no_step_of_several_ranges_reads_more_than_a_piece(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "QUERY_PIECE_POINTS", 100)
    with lab(tmp_path / "data") as one:
        live = await one.create(task(sampled("count")))
        for host in map(str, range(10)):
            await one.put({NOON + at * MINUTE: 1 for at in range(48 * 60)}, host=host)
        [digest] = live.plans
        live.sizes[digest, "first"] = 48
        one.clock.now_ms = NOON + 48 * HOUR
        await one.run(live)
        assert [value for _, value in await one.of_all()] == [600] * 48


async def test_a_server_that_starts_again_goes_on_where_the_last_one_was(tmp_path: Path) -> None:
    with lab(tmp_path / "data") as one:
        live = await one.create(task(sampled("sum")))
        await one.put({NOON + at * HOUR: at for at in range(48)})
        one.clock.now_ms = NOON + 24 * HOUR
        [digest] = live.plans
        live.sizes[digest, "first"] = 1
        await one.run(live, steps_max=2)
        before = await one.of_all()
        assert before
    with lab(tmp_path / "data", NOON + 48 * HOUR) as one:
        await one.tasks.load()
        again = one.tasks.get("1")
        assert again is not None
        [known] = again.progress.parts.values()
        assert known.through_ms == before[-1][0] + HOUR
        await one.run(again)
        assert await one.of_all() == [[NOON + at * HOUR, at] for at in range(48)]


async def test_a_step_that_is_not_committed_is_done_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with lab(tmp_path / "data") as one:
        live = await one.due()

        async def no_disk(*_: Any, **__: Any) -> int:
            raise Unavailable("the disk is full")

        with monkeypatch.context() as full:
            full.setattr(one.kairos.store, "commit", no_disk)
            await one.run(live)
        assert (await one.of_all(), list(live.errors.values()), live.failures) == ([], ["the disk is full"], 1)
        assert one.failed == [live]
        [known] = live.progress.parts.values()
        assert known.through_ms == NOON
        await one.run(live)
        assert (await one.of_all(), live.errors) == ([[NOON, 1]], {})


async def test_what_comes_late_is_taken_in(tmp_path: Path) -> None:
    with lab(tmp_path / "data", after_ms=(0, 10 * MINUTE, 24 * HOUR)) as one:
        live = await one.create(task(sampled("sum")))
        await one.put({NOON + MINUTE: 1})
        one.clock.now_ms = NOON + HOUR
        await one.run(live)
        # Before the first point of the range: KairosDB would now have two values of it.
        await one.put({NOON: 2})
        one.clock.now_ms += 9 * MINUTE
        await one.run(live)
        assert await one.of_all() == [[NOON, 1]]
        one.clock.now_ms += 1 * MINUTE
        await one.run(live)
        assert await one.of_all() == [[NOON, 3]]
        await one.put({NOON + 5: 4})
        one.clock.now_ms = NOON + HOUR + 24 * HOUR
        await one.run(live)
        assert await one.of_all() == [[NOON, 7]]
        await one.put({NOON + 6: 8})
        one.clock.now_ms += 48 * HOUR
        await one.run(live)
        assert await one.of_all() == [[NOON, 7]], "later than that it has to be asked for"


async def test_what_agents_kept_while_no_server_ran_is_taken_in(tmp_path: Path) -> None:
    after = (0, 10 * MINUTE)
    with lab(tmp_path / "data", after_ms=after) as one:
        await one.create(task(sampled("sum")))
    with lab(tmp_path / "data", NOON + 100 * HOUR, after_ms=after) as one:
        await one.tasks.load()
        live = one.tasks.get("1")
        assert live is not None
        await one.run(live)
        await one.put({NOON + at * HOUR: 1 for at in range(100)})
        one.clock.now_ms += 10 * MINUTE
        await one.run(live)
        assert await one.of_all() == [[NOON + at * HOUR, 1] for at in range(100)]


@pytest.mark.parametrize("ttl_s", [20 * 60, 60 * 60, 65 * 60])
async def test_what_has_expired_meanwhile_spoils_no_value(ttl_s: int, tmp_path: Path) -> None:
    # With ttl_s of an hour, when the range is computed again some of its points have expired and some have not.
    with lab(tmp_path / "data", after_ms=(0, 30 * MINUTE)) as one:
        live = await one.create(task(sampled("count")))
        for at in range(60):
            one.clock.now_ms = NOON + at * MINUTE
            await one.put({one.clock.now_ms: 1}, ttl=ttl_s + 3600)
        one.clock.now_ms = NOON + HOUR
        await one.run(live)
        assert await one.of_all() == [[NOON, 60]]
        for minutes in range(0, 180, 10):
            one.clock.now_ms = NOON + HOUR + minutes * MINUTE
            await one.run(live)
        assert await one.of_all() == [[NOON, 60]]


async def test_retention_spoils_no_value(tmp_path: Path) -> None:
    with lab(tmp_path / "data", after_ms=(0, 23 * HOUR), retention={"m": "1d", "default": "0"}) as one:
        live = await one.create(task(sampled("count", 2)))
        await one.put({NOON + at * MINUTE: 1 for at in range(120)})
        one.clock.now_ms = NOON + 2 * HOUR
        await one.run(live)
        # Half of the range is gone.
        one.clock.now_ms = NOON + 25 * HOUR
        await one.run(live)
        assert await one.of_all() == [[NOON, 120]]


async def test_a_clock_that_jumps_ahead_and_back_stops_nothing(tmp_path: Path) -> None:
    with lab(tmp_path / "data", after_ms=(0, 10 * MINUTE)) as one:
        live = await one.due()
        await one.run(live)
        one.clock.now_ms = NOON + 1000 * HOUR
        await one.run(live)
        one.clock.now_ms = NOON + 2 * HOUR
        await one.put({NOON + HOUR: 2, NOON + 2 * HOUR: 3})
        await one.run(live)
        assert await one.of_all() == [[NOON, 1], [NOON + HOUR, 2]]
        one.clock.now_ms = NOON + 3 * HOUR
        await one.run(live)
        assert await one.of_all() == [[NOON, 1], [NOON + HOUR, 2], [NOON + 2 * HOUR, 3]]


async def test_what_comes_late_is_taken_in_after_a_clock_that_was_ahead(tmp_path: Path) -> None:
    with lab(tmp_path / "data", after_ms=(0, 10 * MINUTE)) as one:
        live = await one.create(task(sampled("sum")))
        await one.put({NOON: 1})
        for ahead_ms in (1000 * HOUR, 1000 * HOUR + 10 * MINUTE):
            one.clock.now_ms = NOON + ahead_ms
            await one.run(live)
        one.clock.now_ms = NOON + 2 * HOUR
        await one.run(live)
        await one.put({NOON + 2 * HOUR: 2})
        one.clock.now_ms = NOON + 3 * HOUR
        await one.run(live)
        await one.put({NOON + 2 * HOUR + 1: 4})
        one.clock.now_ms += 10 * MINUTE
        await one.run(live)
        assert await one.of_all() == [[NOON, 1], [NOON + 2 * HOUR, 6]]


async def test_after_a_clock_that_was_ahead_points_of_a_short_life_are_computed(tmp_path: Path) -> None:
    with lab(tmp_path / "data") as one:
        live = await one.create(task(sampled("count")))
        one.clock.now_ms = NOON + 1000 * HOUR
        await one.run(live)
        one.clock.now_ms = NOON
        await one.run(live)
        await one.put({NOON: 1}, ttl=65 * 60)
        one.clock.now_ms = NOON + HOUR
        await one.run(live)
        assert await one.of_all() == [[NOON, 1]]


async def test_a_step_over_what_was_computed_and_what_was_not_spoils_no_value(tmp_path: Path) -> None:
    with lab(tmp_path / "data") as one:
        live = await one.create(task(sampled("count")))
        await one.put({NOON: 1}, ttl=3 * 3600)
        one.clock.now_ms = NOON + HOUR - MINUTE
        await one.put({one.clock.now_ms: 1}, ttl=4 * 3600 - 50 * 60)
        one.clock.now_ms = NOON + HOUR
        await one.run(live)
        assert await one.of_all() == [[NOON, 2]]
        one.clock.now_ms = NOON
        await one.run(live)
        one.clock.now_ms = NOON + 4 * HOUR
        await one.put({NOON + 3 * HOUR: 1})
        [digest] = live.plans
        live.sizes[digest, "first"] = 100
        await one.run(live)
        assert await one.of_all() == [[NOON, 2], [NOON + 3 * HOUR, 1]]


async def test_of_two_equal_requests_each_is_done_by_itself(tmp_path: Path) -> None:
    with lab(tmp_path / "data") as one:
        live = await one.create(task(sampled("sum"), start=None))
        await one.put({NOON - HOUR: 1})
        [digest] = live.plans
        asked = [Backfill(digest, NOON - HOUR, NOON) for _ in range(2)]
        snapshot, loop = one.kairos.store.snapshot, asyncio.get_running_loop()
        await one.tasks.backfill(live, asked[:1])
        with pytest.MonkeyPatch.context() as meanwhile:

            @contextmanager
            def with_another(*of: Any) -> Iterator[Any]:
                """On the thread that computes: points come and are asked for when it can no longer see them."""
                meanwhile.undo()
                with snapshot(*of) as found:
                    asyncio.run_coroutine_threadsafe(one.put({NOON - HOUR + 1: 2}), loop).result(10)
                    asyncio.run_coroutine_threadsafe(one.tasks.backfill(live, asked[1:]), loop).result(10)
                    yield found

            meanwhile.setattr(one.kairos.store, "snapshot", with_another)
            await one.run(live, steps_max=1)
        assert [left.id for left in live.progress.backfills] == [asked[1].id]
        await one.run(live)
        assert await one.of_all() == [[NOON - HOUR, 3]]


@pytest.mark.parametrize("is_changed", [False, True])
async def test_durable_progress_does_not_go_back_when_something_is_asked_while_a_step_is_committed(
    is_changed: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with lab(tmp_path / "data") as one:
        live = await one.due()
        [digest] = live.plans
        commit = one.kairos.store.commit
        asked: list[asyncio.Task[bool]] = []

        async def slow(*of: Any, **by: Any) -> int:
            monkeypatch.undo()
            ends = (
                one.tasks.change(live.task, NOON)
                if is_changed
                else one.tasks.backfill(live, [Backfill(digest, NOON, NOON + HOUR)])
            )
            sequence = await commit(*of, **by)
            asked.append(asyncio.ensure_future(ends))
            await asyncio.sleep(0.1)
            return sequence

        monkeypatch.setattr(one.kairos.store, "commit", slow)
        await one.run(live, steps_max=1)
        assert await asked[0]
        now = one.tasks.get("1")
        noted = one.kairos.store.document(PROGRESS_KIND, "1")
        assert noted is not None
        assert now is not None
        assert from_bytes(noted) == now.progress
        assert now.progress.parts[digest].through_ms == NOON + HOUR
        assert len(now.progress.backfills) == (0 if is_changed else 1)


async def test_a_clock_that_stood_in_the_past_makes_nothing_twice(tmp_path: Path) -> None:
    with lab(tmp_path / "data") as one:
        live = await one.create(task(sampled("sum")))
        await one.put({NOON + at * HOUR: at for at in range(10)})
        for hours in (10, 3, 5, 10):
            one.clock.now_ms = NOON + hours * HOUR
            await one.run(live)
            assert await one.of_all() == [[NOON + at * HOUR, at] for at in range(10)]


async def test_a_query_that_fails_holds_up_no_other(tmp_path: Path) -> None:
    said = task(sampled("sum"))
    bad = task({"name": "rate", "unit": "hours"}, sampled("sum"), save_as="bad")
    said["rollups"] = [*bad["rollups"], *said["rollups"]]
    with lab(tmp_path / "data") as one:
        live = await one.create(said)
        # Two series at one moment: rate cannot be computed.
        await one.put({NOON: 1}, host="a")
        await one.put({NOON: 1}, host="b")
        one.clock.now_ms = NOON + HOUR
        await one.run(live)
        assert await one.of_all() == [[NOON, 2]]
        assert live.errors.keys() == {live.task.parts[0].digest}


async def test_a_name_that_may_not_live_here_is_told(tmp_path: Path) -> None:
    said = task(sampled("sum"), save_as="x" * (limits.KAIROSDB_NAME_BYTES_MAX + 1))
    with lab(tmp_path / "data") as one:
        live = await one.create(said)
        await one.put({NOON: 1})
        one.clock.now_ms = NOON + HOUR
        await one.run(live)
        [error] = live.errors.values()
        assert "save_as cannot store" in error
        assert len(error) < 10_000


@pytest.mark.parametrize("is_changed", [False, True])
async def test_a_task_that_is_deleted_or_changed_while_a_step_is_computed_writes_nothing(
    is_changed: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with lab(tmp_path / "data") as one:
        live = await one.due()
        snapshot, loop = one.kairos.store.snapshot, asyncio.get_running_loop()

        def slow(*of: Any) -> Any:
            """On the thread that computes."""
            ends = one.tasks.change(live.task, NOON) if is_changed else one.tasks.delete("1")
            assert asyncio.run_coroutine_threadsafe(ends, loop).result(10)
            return snapshot(*of)

        with monkeypatch.context() as meanwhile:
            meanwhile.setattr(one.kairos.store, "snapshot", slow)
            await one.run(live)
        assert not one.tasks.is_in_force(live)
        assert await one.of_all() == []
        assert (one.kairos.store.document(PROGRESS_KIND, "1") is not None) == is_changed
        if is_changed and (new := one.tasks.get("1")) is not None:
            await one.run(new)
            assert await one.of_all() == [[NOON, 1]]


async def test_many_points_of_one_step_are_several_commits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "ROLLUP_COMMIT_POINTS", 3)
    with lab(tmp_path / "data") as one:
        live = await one.create(task(sampled("sum"), group_by=[{"name": "tag", "tags": ["host"]}]))
        for host in map(str, range(10)):
            await one.put({NOON: 1}, host=host)
        one.clock.now_ms = NOON + HOUR
        await one.run(live)
        assert len(await one.values("m.hourly", "host")) == 10


async def test_an_end_between_the_commits_of_one_step_costs_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "ROLLUP_COMMIT_POINTS", 3)
    with lab(tmp_path / "data") as one:
        live = await one.create(task(sampled("sum"), group_by=[{"name": "tag", "tags": ["host"]}]))
        for host in map(str, range(10)):
            await one.put({NOON: int(host)}, host=host)
        one.clock.now_ms = NOON + HOUR

        async def no_more(*_: Any, **__: Any) -> int:
            raise Unavailable("the server ends")

        with monkeypatch.context() as end:
            end.setattr(one.kairos.store, "commit", no_more)
            await one.run(live)
        assert len(await one.values("m.hourly", "host")) == 9
        assert live.progress.parts[live.task.parts[0].digest].through_ms == NOON
    with lab(tmp_path / "data", NOON + HOUR) as one:
        await one.tasks.load()
        again = one.tasks.get("1")
        assert again is not None
        await one.run(again)
        assert await one.values("m.hourly", "host") == {(str(host),): [[NOON, host]] for host in range(10)}


async def test_texts_and_what_no_double_can_say(tmp_path: Path) -> None:
    with lab(tmp_path / "data") as one:
        live = await one.create(task(sampled("sum")))
        await one.put({NOON: 1e308, NOON + 1: 1e308, NOON + HOUR: 1})
        one.clock.now_ms = NOON + 2 * HOUR
        await one.run(live)
        assert await one.of_all() == [[NOON + HOUR, 1]]


async def test_the_room_runs_them_by_itself(tmp_path: Path) -> None:
    with lab(tmp_path / "data") as one:
        said = task(sampled("sum"))
        said["execution_interval"] = {"value": 1, "unit": "milliseconds"}
        async with one.runner.running():
            live = await one.create(said)
            await one.put({NOON: 1})
            one.clock.now_ms = NOON + HOUR
            await _until(one, [[NOON, 1]])
            await one.put({NOON + HOUR: 2})
            one.clock.now_ms = NOON + 2 * HOUR
            await _until(one, [[NOON, 1], [NOON + HOUR, 2]])
        assert live.success_ms > 0
        assert not list(works(live, one.clock(), one.tasks.after_ms))


async def test_a_fault_of_ours_in_one_task_holds_up_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with lab(tmp_path / "data") as one:
        said = task(sampled("sum"))
        said["execution_interval"] = {"value": 1, "unit": "seconds"}
        step = one.runner.step
        async with one.runner.running():

            async def faulty(run: Run, *others: Any) -> bool:
                if run.live.task.id == "faulty":
                    raise ZeroDivisionError
                return await step(run, *others)

            monkeypatch.setattr(one.runner, "step", faulty)
            bad = await one.create(task(sampled("sum"), save_as="other"), "faulty")
            await one.create(said, "good")
            await one.put({NOON: 1})
            one.clock.now_ms = NOON + HOUR
            await _until(one, [[NOON, 1]])
        assert list(bad.errors.values()) == ["a fault of ours, see the log"]


async def test_tasks_are_read_when_the_disk_lets_us(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "ROLLUP_LOAD_RETRY_S", 0.01)
    with lab(tmp_path / "data") as one:
        load, failures = Tasks.load, [Unavailable("no"), Unavailable("no")]

        async def sometimes(tasks: Tasks) -> None:
            if failures:
                raise failures.pop()
            await load(tasks)

        monkeypatch.setattr(Tasks, "load", sometimes)
        async with one.runner.running():

            async def is_loaded() -> bool:
                return one.tasks.is_loaded

            await soon(is_loaded)


async def _until(one: Lab, expected: list[list[Any]]) -> None:
    async def holds() -> bool:
        return await one.of_all() == expected

    await soon(holds)
