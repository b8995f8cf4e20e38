"""The aggregators: what each says of itself, and that a fault in one can be told from a fault in another."""

from __future__ import annotations

from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from headrace.errors import Refused
from headrace.model.time import UNIT_MS
from headrace.protocols.kairosdb.reading.aggregators import along_time, extensions, over_ranges, save_as
from headrace.protocols.kairosdb.reading.aggregators.aggregator import Aggregator, Asked
from headrace.protocols.kairosdb.reading.aggregators.table import AGGREGATORS, steps
from headrace.protocols.kairosdb.types.histogram import HISTOGRAM
from headrace.query.chain.engine import Step

ASKED = Asked(0, 60_000, ZoneInfo("UTC"))

NEEDED: dict[str, dict[str, Any]] = {
    "percentile": {"percentile": 0.5},
    "div": {"divisor": 2},
    "sma": {"size": 3},
    "save_as": {"metric_name": "saved"},
    "score": {"thresholds": [{"value": 1}]},
    "apdex": {"target": 1},
    "hpercentile": {"percentile": 0.5},
}
"""Properties without which an aggregator is refused."""

REMAINING = "percent_remaining"
ONLY = ("havg", "hcount", "hdev", "hfilter", "hmax", "hmin", "hpercentile", "hsum")
"""The names that KairosDB Extensions has for what others do to histograms."""


def step_of(name: str, **properties: Any) -> Step:
    [step] = steps([{"name": name, **NEEDED.get(name, {}), **properties}], "metric", ASKED)
    return step


def test_every_aggregator_of_a_family_is_in_the_table() -> None:
    families = [value for module in (along_time, over_ranges, save_as, extensions) for value in vars(module).values()]
    found = {value.feature.name for value in (*families, *extensions.OF_HISTOGRAMS) if isinstance(value, Aggregator)}
    assert found == AGGREGATORS.keys()


def test_a_trace_names_the_aggregator() -> None:
    of_others, of_histograms = {}, {}
    for name in AGGREGATORS:
        step = step_of(name)
        of_others[name] = function_of(step)
        if HISTOGRAM in step.of_type:
            of_histograms[name] = function_of(step.of_type[HISTOGRAM])
    for named in (of_others, of_histograms):
        functions = [function for name, function in named.items() if function and name not in ONLY]
        assert "<lambda>" not in functions
        assert len(set(functions)) == len(functions), "one function each"
    assert {name for name, function in of_others.items() if not function} == {*ONLY, "merge", "apdex", REMAINING}
    assert all(of_histograms[name] == of_histograms[name[1:]] for name in ONLY)


def function_of(step: Step) -> str:
    """The name of what does the work, "" where nothing does."""
    work = step.holding or step.apply
    function = work.func if isinstance(work, partial) else work
    return function.__name__ if function else ""


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
