"""All aggregators, and the chain of them that a question asks for."""

from __future__ import annotations

from typing import Any, Final

from headrace.protocols.kairosdb.reading import fields
from headrace.protocols.kairosdb.reading.aggregators.aggregator import Aggregator, Asked
from headrace.protocols.kairosdb.reading.aggregators.along_time import (
    DIFFERENCE,
    DIVIDE,
    FILTER,
    MOVING_AVERAGE,
    RATE,
    SAMPLER,
    SCALE,
    SCORE,
    TRIM,
)
from headrace.protocols.kairosdb.reading.aggregators.extensions import (
    APDEX,
    MERGE,
    MOVING_WINDOW,
    OF_HISTOGRAMS,
    REMAINING,
)
from headrace.protocols.kairosdb.reading.aggregators.over_ranges import (
    AVERAGE,
    COUNT,
    DEVIATION,
    FIRST,
    GAPS,
    GREATEST,
    LAST,
    LEAST,
    LEAST_SQUARES,
    PERCENTILE,
    TOTAL,
)
from headrace.protocols.kairosdb.reading.aggregators.save_as import SAVE_AS
from headrace.protocols.kairosdb.reading.fields import refuse
from headrace.query.chain.engine import Step

_IN_ORDER: Final[tuple[Aggregator, ...]] = (
    AVERAGE,
    TOTAL,
    LEAST,
    GREATEST,
    COUNT,
    DEVIATION,
    FIRST,
    LAST,
    PERCENTILE,
    LEAST_SQUARES,
    GAPS,
    DIFFERENCE,
    RATE,
    SAMPLER,
    SCALE,
    DIVIDE,
    MOVING_AVERAGE,
    TRIM,
    FILTER,
    SAVE_AS,
    SCORE,
    MERGE,
    APDEX,
    MOVING_WINDOW,
    REMAINING,
    *OF_HISTOGRAMS,
)

AGGREGATORS: Final = {aggregator.feature.name: aggregator for aggregator in _IN_ORDER}
"""By name, as KairosDB's own come, then those of KairosDB Extensions. js_function, js_filter and js_range belong to
another plugin and are unknown here as there."""


def steps(said: Any, context: str, asked: Asked) -> tuple[Step, ...]:
    """The chain of one metric's aggregators. context: the metric's place. Raises Refused for the first fault."""
    found: list[Step] = []
    after_gaps = False
    for at, one in enumerate(fields.is_list(said, f"{context}.aggregators") if said is not None else ()):
        place = f"{context}.aggregators[{at}]"
        members = fields.is_members(one, place)
        if members.get("name") in (None, ""):
            refuse(place, "must have a name")
        name = fields.text(fields.alone(members["name"]), f"{place}.name")
        if name not in AGGREGATORS:
            refuse(f"{place}.{fields.shown(name)}", "invalid aggregators name")
        aggregator = AGGREGATORS[name]
        step = aggregator.step(aggregator.feature.read(members, place), asked, place)
        if after_gaps and step.numbers_only:
            refuse(place, f"{name} cannot compute with the gaps that an aggregator before it marks")
        after_gaps |= name == "gaps"
        found.append(step)
    return tuple(found)
