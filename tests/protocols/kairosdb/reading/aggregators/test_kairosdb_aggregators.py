"""The aggregators: what each says of itself, and that a fault in one can be told from a fault in another."""

from __future__ import annotations

from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from headrace.errors import Refused
from headrace.model.time import UNIT_MS
from headrace.protocols.kairosdb.reading.aggregators import along_time, over_ranges, save_as
from headrace.protocols.kairosdb.reading.aggregators.aggregator import Aggregator, Asked
from headrace.protocols.kairosdb.reading.aggregators.table import AGGREGATORS, steps
from headrace.query.chain.engine import Step

ASKED = Asked(0, 60_000, ZoneInfo("UTC"))

NEEDED: dict[str, dict[str, Any]] = {
    "percentile": {"percentile": 0.5},
    "div": {"divisor": 2},
    "sma": {"size": 3},
    "save_as": {"metric_name": "saved"},
    "score": {"thresholds": [{"value": 1}]},
}
"""Properties without which an aggregator is refused."""


def step_of(name: str, **properties: Any) -> Step:
    [step] = steps([{"name": name, **NEEDED.get(name, {}), **properties}], "metric", ASKED)
    return step


def test_every_aggregator_of_a_family_is_in_the_table() -> None:
    families = [value for module in (along_time, over_ranges, save_as) for value in vars(module).values()]
    found = {value.feature.name for value in families if isinstance(value, Aggregator)}
    assert found == AGGREGATORS.keys()


def test_a_trace_names_the_aggregator() -> None:
    named = {}
    for name in AGGREGATORS:
        apply = step_of(name).apply
        function = apply.func if isinstance(apply, partial) else apply
        named[name] = function.__name__
    assert "<lambda>" not in named.values()
    assert len(set(named.values())) == len(AGGREGATORS), "one function each"


@pytest.mark.parametrize("name", ["avg", "sum", "min", "max", "count"])
def test_what_can_be_folded_is(name: str) -> None:
    step = step_of(name, sampling={"value": 1, "unit": "minutes"})
    assert step.fold is not None
    assert step.fold.sampling.ranges.span.count == 1
    assert UNIT_MS[step.fold.sampling.ranges.span.unit] == 60_000


@pytest.mark.parametrize("name", sorted(NEEDED))
def test_what_an_aggregator_needs_is_asked_for_at_its_place(name: str) -> None:
    with pytest.raises(Refused, match=r"metric\.aggregators\[0\]\."):
        steps([{"name": name}], "metric", ASKED)
