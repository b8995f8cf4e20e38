"""Aggregators that go along one series of points: each point's value, or it and its neighbours."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headrace.errors import Refused
from headrace.kernels.answering.ranges import moving_average
from headrace.model.points import Kind
from headrace.query.chain.ranges import Span
from headrace.query.chain.rows import Rows
from headrace.query.conditions import text_of

COMPARISONS: dict[str, Callable[[Any, Any], Any]] = {
    "lte": operator.le,
    "lt": operator.lt,
    "gte": operator.ge,
    "gt": operator.gt,
    "equal": operator.eq,
    "ne": operator.ne,
}


def differences(rows: Rows) -> Rows:
    """Each value minus the one before it; one point fewer."""
    rows = rows.merged()
    return Rows.of_doubles(rows.times[1:], np.diff(rows.doubles()))


def rates(rows: Rows, per: Span) -> Rows:
    """Change per `per` since the point before. Raises Refused (rule "same-time", detail "rate") for two points at one
    time."""
    rows = rows.merged()
    steps = _steps(rows, "rate")
    return Rows.of_doubles(rows.times[1:], np.diff(rows.doubles()) / steps * per.lengths_ms(rows.times[:-1]))


def samples(rows: Rows, per: Span) -> Rows:
    """Each value spread over the time since the point before, per `per`. Raises as `rates`, with detail "sampler"."""
    rows = rows.merged()
    steps = _steps(rows, "sampler")
    return Rows.of_doubles(rows.times[1:], rows.doubles()[1:] / steps * per.lengths_ms(rows.times[:-1]))


def _steps(rows: Rows, name: str) -> NDArray[np.int64]:
    steps = np.diff(rows.times)
    if (steps == 0).any():
        raise Refused("same-time", name)
    return steps


def scaled(rows: Rows, factor: float) -> Rows:
    """Each value times `factor`."""
    rows = rows.merged()
    return Rows.of_doubles(rows.times, rows.doubles() * factor)


def divided(rows: Rows, divisor: float) -> Rows:
    """Each value divided by `divisor`."""
    rows = rows.merged()
    return Rows.of_doubles(rows.times, rows.doubles() / divisor)


def moving_averages(rows: Rows, size: int) -> Rows:
    """The mean of each value and the size - 1 before it, from the size-th point on."""
    rows = rows.merged()
    out = np.empty(max(len(rows) - size + 1, 0), dtype=np.float64)
    moving_average(rows.doubles(), size, out)
    return Rows.of_doubles(rows.times[size - 1 :], out)


def scores(rows: Rows, thresholds: NDArray[np.float64], falling: bool) -> Rows:
    """How many of the ascending thresholds each value has reached, or has not. A threshold counts as reached by a
    value that is equal to it."""
    rows = rows.merged()
    reached = np.searchsorted(thresholds, rows.doubles(), side="right").astype(np.float64)
    return Rows.of_doubles(rows.times, len(thresholds) - reached if falling else reached)


def trimmed(rows: Rows, first: bool, last: bool) -> Rows:
    """Without the first point, the last, or both."""
    rows = rows.merged()
    return rows.taken(slice(int(first), max(len(rows) - int(last), int(first))))


def filtered(rows: Rows, comparison: str, number: float | None, text: str | None) -> Rows:
    """Without the points whose value stands in `comparison` to the threshold, and without those that cannot be
    compared with it.

    number: the threshold for numbers, None when it is none.   text: for texts, None when it is a number and nothing
    else (KairosDB: FilterAggregator).
    """
    rows = rows.merged()
    compare = COMPARISONS[comparison]
    kinds = rows.values.kinds
    kept = np.zeros(len(rows), dtype=np.bool_)
    numbers = kinds <= Kind.INT64
    if number is not None and numbers.any():
        kept[numbers] = ~compare(rows.taken(numbers).doubles(), number)
    if text is not None:
        for row in np.flatnonzero((kinds == Kind.TEXT) | (kinds == Kind.BOOL)).tolist():
            kept[row] = not compare(text_of(rows.values, row), text)
    return rows.taken(kept)
