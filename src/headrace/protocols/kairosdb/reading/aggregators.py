"""The aggregators: how each is said, what it takes, what it makes. One entry in AGGREGATORS each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from headrace.kernels.answering.reductions import LEGACY
from headrace.protocols.kairosdb.reading import fields
from headrace.protocols.kairosdb.reading.features import Feature, Property, by_name, one_of
from headrace.protocols.kairosdb.reading.fields import refuse
from headrace.query.chain import along_time, within_ranges
from headrace.query.chain.engine import NUMBER, Saved, Step
from headrace.query.chain.ranges import Ranges, Span, aligned
from headrace.query.chain.rows import Rows
from headrace.query.chain.within_ranges import Folding, Sampling, Stamp
from headrace.query.functions import AVG, MAX, MIN, SUM, Function


@dataclass(frozen=True, slots=True)
class Asked:
    """What of the whole question an aggregator goes by.

    end_ms: the end of the question, or now if that is earlier.
    """

    start_ms: int
    end_ms: int
    zone: ZoneInfo


Found = Mapping[str, Any]
"""Properties as they were read."""


@dataclass(frozen=True, slots=True)
class Aggregator:
    """step: makes the step of the properties, the question, and the place that an error names."""

    feature: Feature
    step: Callable[[Found, Asked, str], Step]


def _property(name: str, description: str, kind: str, read: Callable[[Any, str], Any], default: str = "") -> Property:
    return Property(name, description, kind, lambda said, context, own: read(said, f"{context}.{own}"), default)


_TIME_ZONE = Property(
    "time_zone", "The zone whose calendar counts.", "string", lambda said, context, _: fields.zone(said, context)
)
_UNIT = Property(
    "unit",
    "The unit of time.",
    "enum",
    lambda said, context, _: fields.unit(said, context),
    "MILLISECONDS",
    tuple(fields.UNITS),
)
_SAMPLING = Property(
    "sampling", "The length of a range.", "Object", fields.span, parts=(("value", "long"), ("unit", "enum"))
)

RANGE = by_name(
    _SAMPLING,
    _property("align_sampling", "Ranges begin where the unit begins.", "boolean", fields.boolean, "true"),
    _property(
        "align_start_time", "A value gets the time at which its range begins.", "boolean", fields.boolean, "false"
    ),
    _property(
        "align_end_time", "A value gets the time at which the next range begins.", "boolean", fields.boolean, "false"
    ),
    _property("start_time", "Ranges are counted from here instead of the start of the query.", "long", fields.integer),
    _TIME_ZONE,
)
"""Properties of all range aggregators."""


def _sampling(found: Found, asked: Asked) -> Sampling:
    count, unit = found.get("sampling", (1, "ms"))
    zone = found.get("time_zone", asked.zone)
    anchor = fields.anchor(found.get("start_time", asked.start_ms))
    if found.get("align_sampling", True):
        anchor = aligned(anchor, unit, zone)
    stamp = Stamp.START if found.get("align_start_time") else Stamp.END if found.get("align_end_time") else Stamp.POINT
    return Sampling(Ranges(anchor, Span(count, unit, zone)), stamp)


def _range(
    name: str,
    description: str,
    java_class: str,
    apply: Callable[[Rows, Sampling], Rows],
    numbers_only: bool = True,
    gives: str | None = None,
    folding: Callable[[Sampling], Folding] | None = None,
) -> Aggregator:
    """An aggregator with the properties of all range aggregators and no others."""
    feature = Feature(name, description, f"org.kairosdb.core.aggregator.{java_class}", RANGE)

    def step(found: Found, asked: Asked, place: str) -> Step:
        sampling = _sampling(found, asked)
        fold = folding(sampling) if folding else None
        return Step(lambda rows: apply(rows, sampling), numbers_only, gives, fold=fold)

    return Aggregator(feature, step)


def _reducing(name: str, description: str, java_class: str, function: Function) -> Aggregator:
    return _range(
        name,
        description,
        java_class,
        lambda rows, sampling: within_ranges.reduce_ranges(rows, sampling, function),
        folding=lambda sampling: Folding(sampling, function),
    )


def _own(
    name: str,
    description: str,
    java_class: str,
    properties: dict[str, Property],
    step: Callable[[Found, Asked, str], Step],
) -> Aggregator:
    """An aggregator with properties of its own."""
    return Aggregator(Feature(name, description, f"org.kairosdb.core.aggregator.{java_class}", properties), step)


def _of_numbers(apply: Callable[[Rows], Rows]) -> Step:
    return Step(apply, numbers_only=True)


def _dev(found: Found, asked: Asked, place: str) -> Step:
    sampling, count = _sampling(found, asked), found.get("dev_count", 1)
    times = {"value": None, "pos_sd": float(count), "neg_sd": -float(count)}[found.get("return_type", "value")]
    return _of_numbers(lambda rows: within_ranges.deviations(rows, sampling, times))


def _percentile(found: Found, asked: Asked, place: str) -> Step:
    sampling, probability = _sampling(found, asked), found.get("percentile", 0.0)
    if not probability:
        refuse(f"{place}.percentile", "may not be zero")
    if not 0 < probability <= 1:
        refuse(f"{place}.percentile", "must be between 0 and 1")
    function = Function(LEGACY, probability)
    return _of_numbers(lambda rows: within_ranges.reduce_ranges(rows, sampling, function))


def _gaps(found: Found, asked: Asked, place: str) -> Step:
    sampling, trim = _sampling(found, asked), found.get("trim", False)
    first, last = asked.start_ms, asked.end_ms
    return Step(lambda rows: within_ranges.mark_gaps(rows, sampling, first, last, trim))


def _rate(found: Found, asked: Asked, place: str) -> Step:
    per = _per(found, asked)
    return _of_numbers(lambda rows: along_time.rates(rows, per))


def _sampler(found: Found, asked: Asked, place: str) -> Step:
    per = _per(found, asked)
    return _of_numbers(lambda rows: along_time.samples(rows, per))


def _per(found: Found, asked: Asked) -> Span:
    count, unit = found.get("sampling", (1, "ms"))
    return Span(count, found.get("unit", unit), found.get("time_zone", asked.zone))


def _scale(found: Found, asked: Asked, place: str) -> Step:
    factor = found.get("factor", 0.0)
    return _of_numbers(lambda rows: along_time.scaled(rows, factor))


def _div(found: Found, asked: Asked, place: str) -> Step:
    divisor = found.get("divisor", 0.0)
    if not divisor:
        refuse(f"{place}.m_divisor", "may not be zero")
    return _of_numbers(lambda rows: along_time.divided(rows, divisor))


def _sma(found: Found, asked: Asked, place: str) -> Step:
    size = found.get("size", 0)
    if not size:
        refuse(f"{place}.m_size", "may not be zero")
    if size < 0:
        refuse(f"{place}.m_size", "must be greater than or equal to 1")
    return _of_numbers(lambda rows: along_time.moving_averages(rows, size))


def _trim(found: Found, asked: Asked, place: str) -> Step:
    which = found.get("trim")
    return Step(lambda rows: along_time.trimmed(rows, which in ("first", "both"), which in ("last", "both")))


def _filter(found: Found, asked: Asked, place: str) -> Step:
    number, text = found.get("threshold", (0.0, "0"))
    comparison = found.get("filter_op", "equal")
    return Step(lambda rows: along_time.filtered(rows, comparison, number, text))


def _threshold(said: Any, place: str) -> tuple[float | None, str]:
    """As a number, None when it is none, and as a text."""
    text = fields.text(said, place)
    if isinstance(said, str):
        try:
            return float(text), text
        except ValueError:
            return None, text
    return float(said), text


def _save_as(found: Found, asked: Asked, place: str) -> Step:
    if not found.get("metric_name"):
        refuse(f"{place}.metricName", "may not be empty")
    saved = Saved(found["metric_name"], found.get("tags", {}), found.get("ttl", 0), found.get("add_saved_from", True))
    return Step(lambda rows: rows.merged(), saved=saved)


def _tags(said: Any, place: str) -> dict[str, str]:
    return {name: fields.text(value, f"{place}.{name}") for name, value in fields.is_members(said, place).items()}


def _score(found: Found, asked: Asked, place: str) -> Step:
    if "thresholds" not in found:
        refuse(f"{place}.thresholds", "may not be null")
    thresholds = np.sort(np.array(found["thresholds"], dtype=np.float64))
    falling = found.get("order") == "descending"
    return _of_numbers(lambda rows: along_time.scores(rows, thresholds, falling))


_boundary = one_of(("superior", "inferior"), "is not a valid boundary, must be 'superior' or 'inferior'.")


def _thresholds(said: Any, place: str) -> list[float]:
    """Least values that pass each threshold: one equal to it passes an inferior one only."""
    found = []
    for at, one in enumerate(fields.is_list(said, place)):
        members = fields.is_members(one, f"{place}[{at}]")
        value = fields.number(members.get("value", 0), f"{place}[{at}].value")
        inferior = _boundary(members.get("boundary", "superior"), place, "boundary") == "inferior"
        found.append(value if inferior else float(np.nextafter(value, np.inf)))
    return found


def _of_words(name: str, description: str, options: tuple[str, ...], wording: str, default: str) -> Property:
    return Property(name, description, "enum", one_of(options, wording), default, options)


AGGREGATORS: dict[str, Aggregator] = {
    one.feature.name: one
    for one in (
        _reducing("avg", "The mean of each range.", "AvgAggregator", AVG),
        _reducing("sum", "The sum of each range.", "SumAggregator", SUM),
        _reducing("min", "The least value of each range.", "MinAggregator", MIN),
        _reducing("max", "The greatest value of each range.", "MaxAggregator", MAX),
        _range(
            "count",
            "The number of points of each range.",
            "CountAggregator",
            within_ranges.count_ranges,
            numbers_only=False,
            gives=NUMBER,
            folding=lambda sampling: Folding(sampling, None),
        ),
        _own(
            "dev",
            "The sample deviation of each range, or the mean plus or minus so many of them.",
            "StdAggregator",
            RANGE
            | by_name(
                _of_words(
                    "return_type",
                    "What is returned.",
                    ("value", "pos_sd", "neg_sd"),
                    "is not a valid return type, must be 'value', 'pos_sd' or 'neg_sd'.",
                    "value",
                ),
                _property("dev_count", "How many deviations from the mean.", "int", fields.integer, "1"),
            ),
            _dev,
        ),
        _range(
            "first",
            "The first value of each range.",
            "FirstAggregator",
            within_ranges.first_of_ranges,
            numbers_only=False,
        ),
        _range(
            "last", "The last value of each range.", "LastAggregator", within_ranges.last_of_ranges, numbers_only=False
        ),
        _own(
            "percentile",
            "A percentile of each range.",
            "PercentileAggregator",
            RANGE | by_name(_property("percentile", "Above 0, at most 1.", "double", fields.number, "0.1")),
            _percentile,
        ),
        _range(
            "least_squares",
            "The ends of the line that fits each range best.",
            "LeastSquaresAggregator",
            within_ranges.lines,
        ),
        _own(
            "gaps",
            "Marks each range without a point by a null.",
            "DataGapsMarkingAggregator",
            RANGE | by_name(_property("trim", "Only between the first point and the last.", "boolean", fields.boolean)),
            _gaps,
        ),
        _own(
            "diff",
            "Each value minus the one before it.",
            "DiffAggregator",
            {},
            lambda found, asked, place: _of_numbers(along_time.differences),
        ),
        _own(
            "rate",
            "The change per unit of time since the point before.",
            "RateAggregator",
            by_name(_SAMPLING, _UNIT, _TIME_ZONE),
            _rate,
        ),
        _own(
            "sampler",
            "Each value per unit of the time since the point before.",
            "SamplerAggregator",
            by_name(_UNIT, _TIME_ZONE),
            _sampler,
        ),
        _own(
            "scale",
            "Each value times a factor.",
            "ScaleAggregator",
            by_name(_property("factor", "The factor.", "double", fields.number, "0")),
            _scale,
        ),
        _own(
            "div",
            "Each value divided by a divisor.",
            "DivideAggregator",
            by_name(_property("divisor", "The divisor, not 0.", "double", fields.number, "1")),
            _div,
        ),
        _own(
            "sma",
            "The simple moving average.",
            "SmaAggregator",
            by_name(_property("size", "The number of values.", "int", fields.integer, "10")),
            _sma,
        ),
        _own(
            "trim",
            "Leaves out the first point, the last, or both.",
            "TrimAggregator",
            by_name(
                _of_words(
                    "trim",
                    "Which point.",
                    ("first", "last", "both"),
                    "is not a valid trim type, must be 'first', 'last' or 'both'.",
                    "both",
                )
            ),
            _trim,
        ),
        _own(
            "filter",
            "Leaves out the points that match.",
            "FilterAggregator",
            by_name(
                _of_words(
                    "filter_op",
                    "How a value that is left out stands to the threshold.",
                    tuple(along_time.COMPARISONS),
                    "is not a valid trim type, must be 'lte', 'lt', 'gte', 'gt', 'equal' or 'ne'.",
                    "equal",
                ),
                _property("threshold", "A number or a text.", "double", _threshold, "0"),
            ),
            _filter,
        ),
        _own(
            "save_as",
            "Stores the points under another metric, and passes them on.",
            "SaveAsAggregator",
            by_name(
                _property("metric_name", "The metric to store under.", "string", fields.text),
                _property("tags", "Tags to add.", "array", _tags),
                _property("ttl", "Seconds until they expire, 0 for never.", "int", fields.integer, "0"),
                _property("add_saved_from", "Add the tag saved_from.", "boolean", fields.boolean, "true"),
            ),
            _save_as,
        ),
        _own(
            "score",
            "The number of thresholds that each value has passed.",
            "ScoreAggregator",
            by_name(
                _property("thresholds", "Objects with value and boundary.", "array", _thresholds),
                _of_words(
                    "order",
                    "Whether scores rise or fall with values.",
                    ("ascending", "descending"),
                    "is not a valid order, must be 'ascending' or 'descending'.",
                    "ascending",
                ),
            ),
            _score,
        ),
    )
}
"""By name, as KairosDB's own come. merge, js_function, js_filter and js_range belong to plugins and are unknown here as
there."""


def steps(said: Any, context: str, asked: Asked) -> tuple[Step, ...]:
    """The chain of one metric's aggregators. context: the metric's place. Raises Refused for the first fault."""
    found: list[Step] = []
    after_gaps = False
    for at, one in enumerate(fields.is_list(said, f"{context}.aggregators") if said is not None else ()):
        place = f"{context}.aggregators[{at}]"
        members = fields.is_members(one, place)
        if not members.get("name"):
            refuse(place, "must have a name")
        name = fields.text(members["name"], place)
        if name not in AGGREGATORS:
            refuse(f"{place}.{fields.shown(name)}", "invalid aggregators name")
        aggregator = AGGREGATORS[name]
        step = aggregator.step(aggregator.feature.read(members, place), asked, place)
        if after_gaps and step.numbers_only:
            refuse(place, f"{name} cannot compute with the gaps that an aggregator before it marks")
        after_gaps |= name == "gaps"
        found.append(step)
    return tuple(found)
