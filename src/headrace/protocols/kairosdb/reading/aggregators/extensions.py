"""The aggregators of KairosDB Extensions (before: KairosDB Histograms), as its classes describe and define them. Those
of its that KairosDB has by the same name stand with the others."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Final

from headrace.kernels.answering.histograms import MANTISSA_BITS
from headrace.protocols.kairosdb.reading import fields
from headrace.protocols.kairosdb.reading.aggregators.aggregator import (
    PLUGIN_CLASSES,
    Aggregator,
    Asked,
    Found,
    named_property,
    of_histograms,
)
from headrace.protocols.kairosdb.reading.aggregators.along_time import FILTER
from headrace.protocols.kairosdb.reading.aggregators.over_ranges import (
    AVERAGE,
    COUNT,
    DEVIATION,
    GREATEST,
    LEAST,
    PERCENTILE,
    RANGE,
    TOTAL,
    sampling_of,
)
from headrace.protocols.kairosdb.reading.features import Feature, Property, by_name
from headrace.protocols.kairosdb.reading.fields import refuse
from headrace.protocols.kairosdb.reading.histograms import filtering, in_ranges, merging
from headrace.query.chain.engine import NUMBER, Step
from headrace.query.chain.ranges import Ranges, Span, floored
from headrace.query.chain.windows import Windows, windowed


def _of_ranges(
    name: str, description: str, java_class: str, own: Property, step: Callable[[Found, Asked, str], Step]
) -> Aggregator:
    """An aggregator with the properties of ranges and one of its own."""
    return Aggregator(Feature(name, description, PLUGIN_CLASSES + java_class, RANGE | by_name(own)), step)


def _precision(said: Any, place: str) -> int:
    bits = fields.integer(said, place)
    if bits < 1:
        refuse(place, "must be greater than or equal to 1")
    if bits > MANTISSA_BITS:
        refuse(place, f"must be less than or equal to {MANTISSA_BITS}")
    return bits


def _merge(found: Found, asked: Asked, place: str) -> Step:
    precision = found.get("precision", MANTISSA_BITS)
    merge = partial(merging.merged, sampling=sampling_of(found, asked), precision=precision)
    return Step(None, of_type=of_histograms(Step(None, holding=merge)))


MERGE: Final = _of_ranges(
    "merge",
    "The histograms of each range as one.",
    "HistogramMergeAggregator",
    named_property("precision", "Bits of the mantissa that tell bins apart.", "int", _precision, "52"),
    _merge,
)


def _apdex(found: Found, asked: Asked, place: str) -> Step:
    target = found.get("target", -1.0)
    if target < 0:
        refuse(f"{place}.target", "must be greater than or equal to 0")
    score = partial(in_ranges.scores, sampling=sampling_of(found, asked), target=target)
    return Step(None, of_type=of_histograms(Step(score, gives=NUMBER)))


APDEX: Final = _of_ranges(
    "apdex",
    "The Apdex score of each range of histograms.",
    "HistogramApdexAggregator",
    named_property("target", "The time up to which users are satisfied.", "double", fields.number, "1"),
    _apdex,
)


def _moving_window(found: Found, asked: Asked, place: str) -> Step:
    length, unit = found.get("sampling", (1, "ms"))
    zone = found.get("time_zone", asked.zone)

    def from_(moment_ms: int) -> Windows:
        anchor = fields.anchor(moment_ms)
        if found.get("align_sampling", False):
            anchor = floored(anchor, unit, zone)
        return Windows(Ranges(anchor, Span(1, unit, zone)), length)

    return Step(
        None,
        holding=partial(windowed, windows=from_(found.get("start_time", asked.start_ms))),
        reads_from_ms=from_(asked.start_ms).first_ms,
    )


MOVING_WINDOW: Final = _of_ranges(
    "movingWindow",
    "The points of the time before each unit of time, again and again.",
    "MovingWindowAggregator",
    named_property("align_sampling", "Windows end where the unit begins.", "boolean", fields.property_boolean, "false"),
    _moving_window,
)


def _remaining(found: Found, asked: Asked, place: str) -> Step:
    return Step(None, of_type=of_histograms(Step(filtering.remaining, gives=NUMBER)))


REMAINING: Final = Aggregator(
    Feature(
        "percent_remaining",
        "The part of its samples that filters have left of each histogram.",
        f"{PLUGIN_CLASSES}HistogramPercentRemainingAggregator",
    ),
    _remaining,
)


def _only(aggregator: Aggregator, java_class: str) -> Aggregator:
    """What an aggregator does to histograms, by the name that the plugin has for that alone: an h before it."""
    feature = aggregator.feature

    def step(found: Found, asked: Asked, place: str) -> Step:
        return Step(None, of_type=aggregator.step(found, asked, place).of_type)

    description = f"As {feature.name}, of histograms only."
    return Aggregator(Feature(f"h{feature.name}", description, PLUGIN_CLASSES + java_class, feature.properties), step)


OF_HISTOGRAMS: Final = (
    _only(AVERAGE, "HistogramMeanAggregator"),
    _only(COUNT, "HistogramCountAggregator"),
    _only(DEVIATION, "HistogramStdDevAggregator"),
    _only(FILTER, "HistogramFilterAggregator"),
    _only(GREATEST, "HistogramMaxAggregator"),
    _only(LEAST, "HistogramMinAggregator"),
    _only(PERCENTILE, "HistogramPercentileAggregator"),
    _only(TOTAL, "HistogramSumAggregator"),
)
