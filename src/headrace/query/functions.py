"""Every function that makes one value of many, and every aggregator across series: one line each."""

from __future__ import annotations

from typing import NamedTuple

from headrace.kernels.answering import reductions as code
from headrace.kernels.answering.aggregate import ABSENT, LERP, PREVIOUS, ZERO


class Function(NamedTuple):
    """code: of kernels.answering.reductions.   probability: of a percentile, else 0.   itself: of a single value it
    makes that value.
    folds: over integers it needs no more memory than one value per time."""

    code: int
    probability: float = 0.0
    itself: bool = False
    folds: bool = True


class Aggregator(NamedTuple):
    """A function over the values that the series of a group give at one time, and what a series gives where it has no
    point.

    neutral: a value given by ZERO changes no result, so that it need not be given at all.
    """

    function: Function
    interpolation: int
    neutral: bool = False


NONE = "none"
"""The aggregator that makes no groups: each series is its own result."""

SUM = Function(code.SUM, itself=True)
AVG = Function(code.AVG, itself=True)
MIN = Function(code.MIN, itself=True)
MAX = Function(code.MAX, itself=True)
COUNT = Function(code.COUNT)
FIRST = Function(code.FIRST, itself=True)
LAST = Function(code.LAST, itself=True)
DIFF = Function(code.DIFF)
DEV = Function(code.DEV, folds=False)
MULT = Function(code.PRODUCT, itself=True)
SQUARES = Function(code.SQUARES)
MEDIAN = Function(code.MEDIAN, itself=True, folds=False)


def _percentile(probability: float, method: int = code.LEGACY) -> Function:
    return Function(method, probability, itself=True, folds=False)


_PROBABILITIES = {"50": 0.5, "75": 0.75, "90": 0.9, "95": 0.95, "99": 0.99, "999": 0.999}

PERCENTILES = {
    **{f"p{digits}": _percentile(p) for digits, p in _PROBABILITIES.items()},
    **{f"ep{digits}r3": _percentile(p, code.R3) for digits, p in _PROBABILITIES.items()},
    **{f"ep{digits}r7": _percentile(p, code.R7) for digits, p in _PROBABILITIES.items()},
}

AGGREGATORS: dict[str, Aggregator] = {
    "sum": Aggregator(SUM, LERP),
    "avg": Aggregator(AVG, LERP),
    "min": Aggregator(MIN, LERP),
    "max": Aggregator(MAX, LERP),
    "count": Aggregator(COUNT, ZERO),
    "zimsum": Aggregator(SUM, ZERO, neutral=True),
    "mimmin": Aggregator(MIN, ABSENT),
    "mimmax": Aggregator(MAX, ABSENT),
    "pfsum": Aggregator(SUM, PREVIOUS),
    "first": Aggregator(FIRST, ZERO),
    "last": Aggregator(LAST, ZERO),
    "diff": Aggregator(DIFF, LERP),
    "dev": Aggregator(DEV, LERP),
    "mult": Aggregator(MULT, LERP),
    "squareSum": Aggregator(SQUARES, ZERO, neutral=True),
    "median": Aggregator(MEDIAN, LERP),
    **{name: Aggregator(function, LERP) for name, function in PERCENTILES.items()},
    NONE: Aggregator(LAST, ZERO),
}
"""OpenTSDB: Aggregators. mimmin and mimmax say that a missing value is the largest, or least, of all: it never wins,
so it is absent."""

FUNCTIONS: dict[str, Function] = {name: aggregator.function for name, aggregator in AGGREGATORS.items() if name != NONE}
"""What a bucket's values can be made into. All in doubles: an estimate by R_3 or R_7 becomes LEGACY there (see
`in_doubles`)."""


def in_doubles(function: Function) -> Function:
    """The function as OpenTSDB 2.5 computes it over doubles: it forgets which kind of estimate a percentile asked
    for."""
    return function._replace(code=code.LEGACY) if function.code in (code.R3, code.R7) else function
