"""The aggregators that make of each range of time one value, or a few."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Final, Protocol

from headrace.kernels.answering.reductions import LEGACY
from headrace.protocols.kairosdb.reading import fields
from headrace.protocols.kairosdb.reading.aggregators.aggregator import (
    SAMPLING,
    TIME_ZONE,
    Aggregator,
    Asked,
    Found,
    described,
    named_property,
    of_histograms,
    word_property,
)
from headrace.protocols.kairosdb.reading.features import by_name
from headrace.protocols.kairosdb.reading.fields import refuse
from headrace.protocols.kairosdb.reading.histograms import in_ranges
from headrace.protocols.kairosdb.reading.histograms.merging import percentiles
from headrace.query.chain import within_ranges
from headrace.query.chain.engine import NUMBER, Step
from headrace.query.chain.ranges import Ranges, Span, aligned
from headrace.query.chain.rows import Rows
from headrace.query.chain.within_ranges import Folding, Sampling, Stamp
from headrace.query.functions import AVG, MAX, MIN, SUM, Function

RANGE: Final = by_name(
    SAMPLING,
    named_property("align_sampling", "Ranges begin where the unit begins.", "boolean", fields.property_boolean, "true"),
    named_property(
        "align_start_time",
        "A value gets the time at which its range begins.",
        "boolean",
        fields.property_boolean,
        "false",
    ),
    named_property(
        "align_end_time",
        "A value gets the time at which the next range begins.",
        "boolean",
        fields.property_boolean,
        "false",
    ),
    named_property(
        "start_time", "Ranges are counted from here instead of the start of the query.", "long", fields.integer
    ),
    named_property(
        "trim", "Of gaps: only between the first point and the last.", "boolean", fields.property_boolean, "false"
    ),
    TIME_ZONE,
)
"""Properties of all aggregators here."""


def sampling_of(found: Found, asked: Asked) -> Sampling:
    """The ranges that the properties of one of these aggregators mean, and how their values are stamped."""
    count, unit = found.get("sampling", (1, "ms"))
    zone = found.get("time_zone", asked.zone)
    anchor = fields.anchor(found.get("start_time", asked.start_ms))
    if found.get("align_sampling", True):
        anchor = aligned(anchor, unit, zone)
    stamp = Stamp.START if found.get("align_start_time") else Stamp.END if found.get("align_end_time") else Stamp.POINT
    return Sampling(Ranges(anchor, Span(count, unit, zone)), stamp)


class OfRanges(Protocol):
    """Makes rows of what lies within ranges, and is named in a trace."""

    def __call__(self, rows: Rows, sampling: Sampling) -> Rows:
        """The values of the ranges."""
        ...


def _reducing(apply: OfRanges, function: Function, to_histograms: OfRanges) -> Callable[[Found, Asked, str], Step]:
    """The steps of `apply`, which reduces each range by `function` and so can do with some of the series at a time.
    to_histograms: makes of histograms what `apply` makes of numbers."""

    def step(found: Found, asked: Asked, place: str) -> Step:
        sampling = sampling_of(found, asked)
        return Step(
            partial(apply, sampling=sampling),
            numbers_only=True,
            fold=Folding(sampling, function),
            of_type=of_histograms(Step(partial(to_histograms, sampling=sampling), gives=NUMBER)),
        )

    return step


def _plain(apply: OfRanges, *, numbers_only: bool) -> Callable[[Found, Asked, str], Step]:
    """The steps of `apply`, which needs to know nothing but the ranges."""

    def step(found: Found, asked: Asked, place: str) -> Step:
        return Step(partial(apply, sampling=sampling_of(found, asked)), numbers_only)

    return step


def avg_of_ranges(rows: Rows, sampling: Sampling) -> Rows:
    """The mean of each range."""
    return within_ranges.reduce_ranges(rows, sampling, AVG)


def sum_of_ranges(rows: Rows, sampling: Sampling) -> Rows:
    """The sum of each range."""
    return within_ranges.reduce_ranges(rows, sampling, SUM)


def min_of_ranges(rows: Rows, sampling: Sampling) -> Rows:
    """The least value of each range."""
    return within_ranges.reduce_ranges(rows, sampling, MIN)


def max_of_ranges(rows: Rows, sampling: Sampling) -> Rows:
    """The greatest value of each range."""
    return within_ranges.reduce_ranges(rows, sampling, MAX)


def percentile_of_ranges(rows: Rows, sampling: Sampling, probability: float) -> Rows:
    """A percentile of each range, as KairosDB interpolates it."""
    return within_ranges.reduce_ranges(rows, sampling, Function(LEGACY, probability))


AVERAGE: Final = Aggregator(
    described("avg", "The mean of each range.", "AvgAggregator", RANGE), _reducing(avg_of_ranges, AVG, in_ranges.means)
)

TOTAL: Final = Aggregator(
    described("sum", "The sum of each range.", "SumAggregator", RANGE), _reducing(sum_of_ranges, SUM, in_ranges.sums)
)

LEAST: Final = Aggregator(
    described("min", "The least value of each range.", "MinAggregator", RANGE),
    _reducing(min_of_ranges, MIN, in_ranges.least),
)

GREATEST: Final = Aggregator(
    described("max", "The greatest value of each range.", "MaxAggregator", RANGE),
    _reducing(max_of_ranges, MAX, in_ranges.greatest),
)


def _count(found: Found, asked: Asked, place: str) -> Step:
    sampling = sampling_of(found, asked)
    count = partial(within_ranges.count_ranges, sampling=sampling)
    samples = Step(partial(in_ranges.counts, sampling=sampling), gives=NUMBER)
    return Step(count, gives=NUMBER, fold=Folding(sampling, None), of_type=of_histograms(samples))


COUNT: Final = Aggregator(
    described("count", "The number of points of each range, of samples in histograms.", "CountAggregator", RANGE),
    _count,
)


def _deviation(found: Found, asked: Asked, place: str) -> Step:
    sampling, count = sampling_of(found, asked), found.get("dev_count", 1)
    times = {"value": None, "pos_sd": float(count), "neg_sd": -float(count)}[found.get("return_type", "value")]
    return Step(
        partial(within_ranges.deviations, sampling=sampling, times_from_mean=times),
        numbers_only=True,
        of_type=of_histograms(
            Step(partial(in_ranges.deviations, sampling=sampling, times_from_mean=times), gives=NUMBER)
        ),
    )


DEVIATION: Final = Aggregator(
    described(
        "dev",
        "The sample deviation of each range, or the mean plus or minus so many of them.",
        "StdAggregator",
        RANGE
        | by_name(
            word_property(
                "return_type",
                "What is returned.",
                ("value", "pos_sd", "neg_sd"),
                "is not a valid return type, must be 'value', 'pos_sd' or 'neg_sd'.",
                "value",
            ),
            named_property("dev_count", "How many deviations from the mean.", "int", fields.integer, "1"),
        ),
    ),
    _deviation,
)

FIRST: Final = Aggregator(
    described("first", "The first value of each range.", "FirstAggregator", RANGE),
    _plain(within_ranges.first_of_ranges, numbers_only=False),
)

LAST: Final = Aggregator(
    described("last", "The last value of each range.", "LastAggregator", RANGE),
    _plain(within_ranges.last_of_ranges, numbers_only=False),
)


def _percentile(found: Found, asked: Asked, place: str) -> Step:
    sampling, probability = sampling_of(found, asked), found.get("percentile", 0.0)
    if not probability:
        refuse(f"{place}.percentile", "may not be zero")
    if not 0 < probability <= 1:
        refuse(f"{place}.percentile", "must be between 0 and 1")
    return Step(
        partial(percentile_of_ranges, sampling=sampling, probability=probability),
        numbers_only=True,
        of_type=of_histograms(Step(partial(percentiles, sampling=sampling, probability=probability), gives=NUMBER)),
    )


PERCENTILE: Final = Aggregator(
    described(
        "percentile",
        "A percentile of each range.",
        "PercentileAggregator",
        RANGE | by_name(named_property("percentile", "Above 0, at most 1.", "double", fields.number, "0.1")),
    ),
    _percentile,
)

LEAST_SQUARES: Final = Aggregator(
    described("least_squares", "The ends of the line that fits each range best.", "LeastSquaresAggregator", RANGE),
    _plain(within_ranges.lines, numbers_only=True),
)


def _gaps(found: Found, asked: Asked, place: str) -> Step:
    return Step(
        partial(
            within_ranges.mark_gaps,
            sampling=sampling_of(found, asked),
            first_ms=asked.start_ms,
            last_ms=asked.end_ms,
            trim=found.get("trim", False),
        )
    )


GAPS: Final = Aggregator(
    described(
        "gaps",
        "Marks each range without a point by a null.",
        "DataGapsMarkingAggregator",
        RANGE,
    ),
    _gaps,
)
