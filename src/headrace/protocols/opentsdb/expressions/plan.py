"""From the JSON of /api/query/exp to what is done for it: the queries of its metrics, and its formulas in an order in
which each comes after those that it names."""

from __future__ import annotations

import dataclasses
import math
from graphlib import CycleError, TopologicalSorter
from typing import NamedTuple

from headrace.errors import Refused
from headrace.limits import EXPRESSION_SERIES_BYTES
from headrace.protocols.opentsdb.expressions.formula import Formula, check_lengths, formula
from headrace.protocols.opentsdb.expressions.joins import Join, Series, Variable
from headrace.protocols.opentsdb.expressions.request import (
    Downsampler,
    ExpRequest,
    Expression,
    Filter,
    Metric,
    Timespan,
)
from headrace.protocols.opentsdb.expressions.table import Table, computed, laid_out
from headrace.protocols.opentsdb.faults import shown
from headrace.protocols.opentsdb.reading.question import Asked, Question, question
from headrace.protocols.opentsdb.reading.read import Reading
from headrace.protocols.opentsdb.reading.wire import Query, SubQuery
from headrace.query.alignment import doubles_of
from headrace.query.functions import FUNCTIONS


class NamedQuery(NamedTuple):
    """A metric of the request, read once. missing: what it is where a formula finds no value."""

    id: str
    asked: Asked
    filtered: frozenset[str]
    missing: float


class NamedFormula(NamedTuple):
    """An expression of the request. missing: what it is where another formula finds no value of it."""

    id: str
    formula: Formula
    join: Join
    missing: float
    place: str


class Plan(NamedTuple):
    """question: how all metrics are read.   formulas: each after those that it names.   outputs: ids and aliases."""

    question: Question
    metrics: list[NamedQuery]
    formulas: list[NamedFormula]
    outputs: list[tuple[str, str | None]]


def plan_of(request: ExpRequest, now_ms: int) -> Plan:
    """Plan a request that `checked` has let through. Raises Refused, with the place where it is at fault."""
    time = request.time or Timespan()
    filters = {each.id: each for each in request.filters or ()}
    metrics = [
        _named_query(metric, time, filters.get(metric.filter, Filter()), now_ms, f"metrics[{at}]")
        for at, metric in enumerate(request.metrics or ())
    ]
    check_lengths((each.expr or "" for each in request.expressions or ()), "expressions")
    formulas = [_named_formula(each, f"expressions[{at}]") for at, each in enumerate(request.expressions or ())]
    whole = dataclasses.replace(metrics[0][1], parts=[named.asked for named, _ in metrics])
    names = [named for named, _ in metrics]
    outputs = [(each.id or "", each.alias) for each in request.outputs or ()]
    return Plan(whole, names, _in_order(formulas, names), outputs or [(each.id, None) for each in formulas or names])


def carried_out(plan: Plan, reading: Reading) -> dict[str, Table]:
    """The table of each output's id. Raises Refused, and Unavailable as QueryAccount.hold."""
    snapshot = reading.snapshot
    wanted = {name for name, _ in plan.outputs}
    tables: dict[str, Table] = {}
    variables: dict[str, Variable] = {}
    for metric in plan.metrics:
        series = _series_of(metric, reading)
        variables[metric.id] = Variable(series, metric.filtered, metric.missing)
        if metric.id in wanted:
            tables[metric.id] = laid_out(series, 0.0, snapshot)
    for each in plan.formulas:
        table = computed(each.formula, variables, each.join, each.place, snapshot)
        filtered = frozenset().union(*(variables[name].filtered for name in each.formula.variables))
        variables[each.id] = Variable(table.rows, filtered, each.missing)
        if each.id in wanted:
            tables[each.id] = table
    return tables


def _named_query(metric: Metric, time: Timespan, said: Filter, now_ms: int, place: str) -> tuple[NamedQuery, Question]:
    try:
        sub = SubQuery(
            aggregator=metric.aggregator or time.aggregator,
            metric=metric.metric,
            downsample=_downsample(time.downsampler),
            rate=time.rate,
            filters=said.tags or [],
            explicit_tags=said.explicit_tags,
        )
        asked = question(
            Query(start=time.start, end=time.end, queries=[sub], timezone=time.timezone, no_annotations=True), now_ms
        )
        missing = metric.fill_policy.missing(f"{place}.fillPolicy") if metric.fill_policy else 0.0
    except Refused as refused:
        raise Refused(refused.rule, refused.detail, refused.at or place) from refused
    filtered = frozenset(tag.tagk or "" for tag in said.tags or ())
    return NamedQuery(metric.id or "", asked.parts[0], filtered, missing), asked


def _downsample(said: Downsampler | None) -> str | None:
    if said is None:
        return None
    if said.fill_policy is not None:
        said.fill_policy.missing("time.downsampler.fillPolicy")
    if not said.interval:
        raise Refused("downsample", "Missing or empty interval", "time.downsampler")
    if said.aggregator not in FUNCTIONS:
        raise Refused(
            "downsample", f"No such downsampling function: {shown(said.aggregator or '')}", "time.downsampler"
        )
    return f"{said.interval}-{said.aggregator}"


def _named_formula(said: Expression, place: str) -> NamedFormula:
    if not said.expr:
        raise Refused("expression", "missing or empty expr", f"{place}.expr")
    join = Join()
    if said.join is not None:
        operator = (said.join.operator or "").lower()
        if operator not in ("union", "intersection"):
            raise Refused("expression", f"Unrecognized set operator: {shown(operator)}", f"{place}.join.operator")
        join = Join(operator == "intersection", said.join.use_query_tags, said.join.include_agg_tags)
    missing = said.fill_policy.missing(f"{place}.fillPolicy") if said.fill_policy else math.nan
    return NamedFormula(said.id or "", formula(said.expr, f"{place}.expr"), join, missing, f"{place}.expr")


def _in_order(formulas: list[NamedFormula], metrics: list[NamedQuery]) -> list[NamedFormula]:
    by_id = {each.id: each for each in formulas}
    known = by_id.keys() | {metric.id for metric in metrics}
    for each in formulas:
        for name in each.formula.variables:
            if name not in known:
                raise Refused("expression", f"The expression was missing input {shown(name)}", each.place)
            if name == each.id:
                raise Refused("expression", f"Self referencing expression found: {name}", each.place)
    try:
        order = list(TopologicalSorter({each.id: each.formula.variables for each in formulas}).static_order())
    except CycleError as error:
        circle = error.args[1]
        raise Refused(
            "expression", f"Circular reference found: {' -> '.join(circle)}", by_id[circle[0]].place
        ) from None
    return [by_id[name] for name in order if name in by_id]


def _series_of(metric: NamedQuery, reading: Reading) -> list[Series]:
    found = []
    elements = reading.numbers(metric.asked)
    reading.snapshot.memory.hold(EXPRESSION_SERIES_BYTES * len(elements))
    for element in elements:
        reading.snapshot.memory.hold(8 * len(element.times))
        head = element.head
        found.append(
            Series(
                frozenset((head["metric"],)),
                head["tags"],
                frozenset(head["aggregateTags"]),
                element.times,
                doubles_of(element.values),
            )
        )
    return found
