"""Formulas over the joined series of variables: one table of values, a row for each series, a column for each time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from headrace.limits import EXPRESSION_BLOCK_VALUES, EXPRESSION_SERIES_BYTES
from headrace.protocols.opentsdb.expressions.arithmetic import evaluate
from headrace.protocols.opentsdb.expressions.formula import Formula
from headrace.protocols.opentsdb.expressions.joins import Join, Row, Series, Variable, described, joined
from headrace.query.alignment import placed, union_of
from headrace.store import Snapshot


class Table(NamedTuple):
    """times: int64[t] ms, ascending.   rows: series with a value at each of the times, their values views of
    `values`, float64[rows, t]."""

    times: NDArray[np.int64]
    rows: list[Series]
    values: NDArray[np.float64]


def laid_out(series: Sequence[Series], missing: float, snapshot: Snapshot) -> Table:
    """The series at the times of all of them, `missing` where one has none."""
    times = union_of([each.times for each in series], snapshot.memory.hold)
    snapshot.memory.hold(8 * len(times) * len(series))
    values = np.full((len(series), len(times)), missing)
    for row, each in enumerate(series):
        placed(times, each.times, each.values, values[row])
    return Table(times, [each._replace(times=times, values=values[row]) for row, each in enumerate(series)], values)


def computed(formula: Formula, variables: Mapping[str, Variable], join: Join, place: str, snapshot: Snapshot) -> Table:
    """The formula for each row of the join, at each time at which any series in it has a value.

    variables: at least those of the formula. Where a variable has no series in a row it is 0, as in OpenTSDB; where its
    series has no value, or NaN, it is what the variable says. Raises Refused: "expression" for an empty intersection,
    and what QueryAccount.hold raises.
    """
    used = {name: variables[name] for name in formula.variables}
    snapshot.memory.hold(EXPRESSION_SERIES_BYTES * sum(len(variable.series) for variable in used.values()))
    rows = joined(used, join, place)
    return of_rows(formula, rows, {name: used[name].missing for name in used}, snapshot)


def of_rows(formula: Formula, rows: Sequence[Row], missing: Mapping[str, float], snapshot: Snapshot) -> Table:
    """The formula for each of the rows. missing: of each variable, as in `computed`."""
    times = union_of([series.times for row in rows for series in row.values()], snapshot.memory.hold)
    count = len(times)
    snapshot.memory.hold(8 * count * len(rows))
    values = np.empty((len(rows), count))
    with snapshot.memory.scratch():
        at_once = max(EXPRESSION_BLOCK_VALUES // max(count, 1), 1)
        snapshot.memory.hold(8 * (count * at_once * len(formula.variables) + EXPRESSION_BLOCK_VALUES * formula.height))
        for first in range(0, len(rows), at_once):
            block = rows[first : first + at_once]
            columns = {name: _column(name, block, times, missing[name]) for name in formula.variables}
            for begin in range(0, count, EXPRESSION_BLOCK_VALUES):
                snapshot.check()
                span = slice(begin, begin + EXPRESSION_BLOCK_VALUES)
                operands = {name: column[:, span] for name, column in columns.items()}
                values[first : first + at_once, span] = evaluate(formula, operands)
    return Table(times, [_series(row, times, values[at]) for at, row in enumerate(rows)], values)


def _column(name: str, rows: Sequence[Row], times: NDArray[np.int64], missing: float) -> NDArray[np.float64]:
    """One variable in some rows: float64[rows, times]."""
    values = np.full((len(rows), len(times)), missing)
    for out, row in zip(values, rows, strict=True):
        if name in row:
            placed(times, row[name].times, row[name].values, out)
            out[np.isnan(out)] = missing
        else:
            out[:] = 0.0
    return values


def _series(row: Row, times: NDArray[np.int64], values: NDArray[np.float64]) -> Series:
    metrics, tags, aggregated = described(row)
    return Series(metrics, tags, aggregated, times, values)
