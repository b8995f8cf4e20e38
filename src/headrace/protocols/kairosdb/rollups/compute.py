"""One step of a roll-up: the values of some ranges, read from a snapshot, as points to be written."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from headrace.errors import Refused
from headrace.gate import RuleSet
from headrace.model.points import NEVER, Admitted, Kind
from headrace.model.series import Registry
from headrace.protocols.kairosdb.reading.read import answer_to
from headrace.protocols.kairosdb.reading.save import saved_points, together
from headrace.protocols.kairosdb.reading.wire import MetricQuery
from headrace.protocols.kairosdb.rollups.plan import Plan
from headrace.query import groups
from headrace.query.chain.engine import GroupOf, Result
from headrace.query.chain.rows import Rows
from headrace.store import Snapshot


class Stretch(NamedTuple):
    """From where a range begins to where one ends, in ms."""

    first_ms: int
    end_ms: int


class Step(NamedTuple):
    """points: None when there are none.   read: points that were read for them.   first_expiry_ms: see
    store.Columns."""

    points: Admitted | None
    read: int
    first_expiry_ms: int = NEVER


class Into(NamedTuple):
    """What points to write are made with: see save.saved_points, chain.engine.run."""

    table: Registry
    rules: RuleSet
    group_of: GroupOf


def compute(snapshot: Snapshot, plan: Plan, stretch: Stretch, now_ms: int, into: Into, may_refuse: bool) -> Step | None:
    """The values of all ranges of the stretch, each as if the query were asked of all time.

    may_refuse: None is returned instead where there is more to read than limits.QUERY_PIECE_POINTS, about.
    Raises Refused as a question, and (rule "save-as") when the name of what is saved may not live here.
    """
    asked = plan.question(*stretch, now_ms)
    if may_refuse and not _fits(snapshot, asked):
        return None
    answer = answer_to(snapshot, asked, into.group_of)
    if not answer.sample_size:
        return Step(None, 0)
    results = [_only_of(stretch, result, plan.ends) for result in answer.results]
    points = together(saved_points(asked, results, into.table, into.rules, now_ms))
    return Step(points, answer.sample_size, answer.first_expiry_ms)


def _fits(snapshot: Snapshot, asked: MetricQuery) -> bool:
    """Whether about a piece is read for it."""
    try:
        series = groups.find(snapshot, asked.query.selection)
    except Refused as refused:
        if refused.rule != "metric-unknown":
            raise
        return True
    pieces = snapshot.pieces(series, *asked.query.range)
    return len(pieces) == 1 and pieces[0].stretches == 1


def _only_of(stretch: Stretch, result: Result, ends: Sequence[bool]) -> Result:
    """Of what is saved, that which belongs to the stretch; more was read, since values depend on it."""
    saves = [
        (saved, _finite(rows.taken(_within(stretch, rows, by_end))))
        for (saved, rows), by_end in zip(result.saves, ends, strict=True)
    ]
    return result._replace(saves=tuple(saves))


def _within(stretch: Stretch, rows: Rows, by_end: bool) -> slice:
    """by_end: a value belongs to the range that ends at its time."""
    bounds = np.searchsorted(rows.times, stretch, side="right" if by_end else "left")
    return slice(int(bounds[0]), int(bounds[1]))


def _finite(rows: Rows) -> Rows:
    """Without what no answer could show."""
    kept = np.isfinite(rows.values.bits.view(np.float64)) | (rows.values.kinds != Kind.DOUBLE)
    return rows if kept.all() else rows.taken(kept)
