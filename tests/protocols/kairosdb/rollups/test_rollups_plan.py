"""Where ranges lie, whatever stretch of them is computed."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rollup_lab import HOUR, NOON, sampled

from headrace import limits
from headrace.protocols.kairosdb.rollups.plan import plan_of_metric

DAY = 24 * HOUR


def plan(*aggregators: dict[str, Any], begin: int = NOON, zone: str = "UTC", **metric: Any) -> Any:
    said = {"name": "m", "aggregators": list(aggregators), **metric}
    return plan_of_metric(said, zone, "saved", begin, (0, 0))


@pytest.mark.parametrize("unit", ["milliseconds", "seconds", "minutes", "hours", "days", "weeks", "months", "years"])
@settings(max_examples=30)
@given(st.data())
def test_stretches_lie_side_by_side_and_all_begin_where_ranges_do(unit: str, data: st.DataObject) -> None:
    zone = data.draw(st.sampled_from(["UTC", "Europe/Berlin", "Asia/Kathmandu"]))
    one = plan(sampled("sum", data.draw(st.integers(1, 7)), unit), zone=zone, begin=NOON)
    first = one.floor(data.draw(st.integers(NOON - 400 * DAY, NOON + 400 * DAY)))
    limit = one.ceiling(first + data.draw(st.integers(1, 3)) * (10**6 if unit == "milliseconds" else 1000 * DAY))
    bounds = [first]
    while bounds[-1] < limit and len(bounds) < 40:
        bounds.append(one.reach(bounds[-1], data.draw(st.integers(1, 1000)), limit))
    assert all(before < after <= limit for before, after in pairwise(bounds))
    assert [one.floor(bound) for bound in bounds] == bounds
    assert one.ceiling(first) == first


def test_ranges_are_counted_from_where_the_roll_up_began() -> None:
    # Seven hours from the midnight before, on every later day too.
    one = plan(sampled("sum", 7))
    assert (one.floor(NOON + 100 * DAY) - (NOON - 12 * HOUR)) % (7 * HOUR) == 0


def test_how_much_is_read_around_a_stretch() -> None:
    alone, two = plan(sampled("sum")), plan(sampled("sum", 10, "minutes"), sampled("max"))
    assert (alone.before_ms, alone.after_ms) == (0, 0)
    assert (two.before_ms, two.after_ms) == (HOUR // 6, HOUR // 6)
    assert plan(sampled("sum"), {"name": "diff"}).before_ms == 2 * HOUR
    assert plan(sampled("sum"), {"name": "sma", "size": 10}).before_ms == 11 * HOUR
    assert plan(sampled("gaps")).ranges_max == limits.ROLLUP_STEP_GAPS_MAX
    limited = plan({"name": "diff"}, sampled("sum"), limit=10)
    assert (limited.before_ms, limited.ranges_max) == (0, 1)


def test_what_is_asked() -> None:
    asked = plan(sampled("sum"), {"name": "diff"}).question(NOON, NOON + HOUR, NOON + HOUR).query
    assert asked.range == (NOON - 2 * HOUR, NOON + HOUR - 1)
    assert [step.saved.metric for step in asked.steps if step.saved] == ["saved"]
    assert plan(sampled("sum", align_end_time=True), {"name": "save_as", "metric_name": "x"}).ends == (True, True)
    assert plan(sampled("sum", align_end_time="true", align_start_time="true")).ends == (False,)
    assert plan(sampled("gaps", align_end_time=True)).ends == (False,)
