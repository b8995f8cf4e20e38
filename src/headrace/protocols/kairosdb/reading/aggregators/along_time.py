"""The aggregators that go from point to point."""

from __future__ import annotations

from functools import partial
from typing import Any, Final

import numpy as np

from headrace.protocols.kairosdb.reading import fields
from headrace.protocols.kairosdb.reading.aggregators.aggregator import (
    SAMPLING,
    TIME_ZONE,
    UNIT,
    Aggregator,
    Asked,
    Found,
    described,
    named_property,
    of_histograms,
    of_numbers,
    word_property,
)
from headrace.protocols.kairosdb.reading.features import by_name, one_of
from headrace.protocols.kairosdb.reading.fields import refuse
from headrace.protocols.kairosdb.reading.histograms import filtering
from headrace.query.chain import along_time
from headrace.query.chain.engine import Step
from headrace.query.chain.ranges import Span


def _difference(found: Found, asked: Asked, place: str) -> Step:
    return of_numbers(along_time.differences)


DIFFERENCE: Final = Aggregator(
    described("diff", "Each value minus the one before it.", "DiffAggregator", {}),
    _difference,
)


def _per(found: Found, asked: Asked) -> Span:
    count, unit = found.get("sampling", (1, "ms"))
    return Span(count, found.get("unit", unit), found.get("time_zone", asked.zone))


def _rate(found: Found, asked: Asked, place: str) -> Step:
    return of_numbers(partial(along_time.rates, per=_per(found, asked)))


RATE: Final = Aggregator(
    described(
        "rate",
        "The change per unit of time since the point before.",
        "RateAggregator",
        by_name(SAMPLING, UNIT, TIME_ZONE),
    ),
    _rate,
)


def _sampler(found: Found, asked: Asked, place: str) -> Step:
    return of_numbers(partial(along_time.samples, per=_per(found, asked)))


SAMPLER: Final = Aggregator(
    described(
        "sampler",
        "Each value per unit of the time since the point before.",
        "SamplerAggregator",
        by_name(UNIT, TIME_ZONE),
    ),
    _sampler,
)


def _scale(found: Found, asked: Asked, place: str) -> Step:
    return of_numbers(partial(along_time.scaled, factor=found.get("factor", 0.0)))


SCALE: Final = Aggregator(
    described(
        "scale",
        "Each value times a factor.",
        "ScaleAggregator",
        by_name(named_property("factor", "The factor.", "double", fields.number, "0")),
    ),
    _scale,
)


def _divide(found: Found, asked: Asked, place: str) -> Step:
    divisor = found.get("divisor", 0.0)
    if not divisor:
        refuse(f"{place}.m_divisor", "may not be zero")
    return of_numbers(partial(along_time.divided, divisor=divisor))


DIVIDE: Final = Aggregator(
    described(
        "div",
        "Each value divided by a divisor.",
        "DivideAggregator",
        by_name(named_property("divisor", "The divisor, not 0.", "double", fields.number, "1")),
    ),
    _divide,
)


def _moving_average(found: Found, asked: Asked, place: str) -> Step:
    size = found.get("size", 0)
    if not size:
        refuse(f"{place}.m_size", "may not be zero")
    if size < 0:
        refuse(f"{place}.m_size", "must be greater than or equal to 1")
    return of_numbers(partial(along_time.moving_averages, size=size))


MOVING_AVERAGE: Final = Aggregator(
    described(
        "sma",
        "The simple moving average.",
        "SmaAggregator",
        by_name(named_property("size", "The number of values.", "int", fields.integer, "10")),
    ),
    _moving_average,
)


def _trim(found: Found, asked: Asked, place: str) -> Step:
    which = found.get("trim")
    return Step(partial(along_time.trimmed, first=which in ("first", "both"), last=which in ("last", "both")))


TRIM: Final = Aggregator(
    described(
        "trim",
        "Leaves out the first point, the last, or both.",
        "TrimAggregator",
        by_name(
            word_property(
                "trim",
                "Which point.",
                ("first", "last", "both"),
                "is not a valid trim type, must be 'first', 'last' or 'both'.",
                "both",
            )
        ),
    ),
    _trim,
)


def _filter(found: Found, asked: Asked, place: str) -> Step:
    number, text = found.get("threshold", (0.0, None))
    comparison = found.get("filter_op", "equal")
    keep = found.get("filter_indeterminate_inclusion", "keep") == "keep"
    bins = partial(filtering.filtered, comparison=comparison, threshold=number, keep=keep)
    return Step(
        partial(along_time.filtered, comparison=comparison, number=number, text=text),
        of_type=of_histograms(Step(None, holding=bins)),
    )


def _threshold(said: Any, place: str) -> tuple[float | None, str | None]:
    """As a number, None when it is none, and as a text, None when it was not said as one."""
    if not isinstance(said, str):
        return fields.number(said, place), None
    try:
        return float(said), said
    except ValueError:
        return None, said


FILTER: Final = Aggregator(
    described(
        "filter",
        "Leaves out the points that match, and of histograms the bins.",
        "FilterAggregator",
        by_name(
            word_property(
                "filter_op",
                "How a value that is left out stands to the threshold.",
                tuple(along_time.COMPARISONS),
                "is not a valid trim type, must be 'lte', 'lt', 'gte', 'gt', 'equal' or 'ne'.",
                "equal",
            ),
            named_property("threshold", "A number or a text.", "double", _threshold, "0"),
            word_property(
                "filter_indeterminate_inclusion",
                "What becomes of a histogram's bin of which only a part may match.",
                ("keep", "discard"),
                "is not a valid inclusion, must be 'keep' or 'discard'.",
                "keep",
            ),
        ),
    ),
    _filter,
)


def _score(found: Found, asked: Asked, place: str) -> Step:
    if "thresholds" not in found:
        refuse(f"{place}.thresholds", "may not be null")
    thresholds = np.sort(np.array(found["thresholds"], dtype=np.float64))
    falling = found.get("order") == "descending"
    return of_numbers(partial(along_time.scores, thresholds=thresholds, falling=falling))


_boundary = one_of(("superior", "inferior"), "is not a valid boundary, must be 'superior' or 'inferior'.")


def _thresholds(said: Any, place: str) -> list[float]:
    """Least values that pass each threshold: one equal to it passes an inferior one only."""
    found = []
    for at, one in enumerate(fields.is_list(said, place)):
        members = fields.is_members(one, f"{place}[{at}]")
        value = fields.number(members.get("value", 0), f"{place}[{at}].value")
        boundary = fields.text(fields.alone(members.get("boundary", "superior")), f"{place}[{at}].boundary")
        inferior = _boundary(boundary, place, "boundary") == "inferior"
        found.append(value if inferior else float(np.nextafter(value, np.inf)))
    return found


SCORE: Final = Aggregator(
    described(
        "score",
        "The number of thresholds that each value has passed.",
        "ScoreAggregator",
        by_name(
            named_property("thresholds", "Objects with value and boundary.", "array", _thresholds),
            word_property(
                "order",
                "Whether scores rise or fall with values.",
                ("ascending", "descending"),
                "is not a valid order, must be 'ascending' or 'descending'.",
                "ascending",
            ),
        ),
    ),
    _score,
)
