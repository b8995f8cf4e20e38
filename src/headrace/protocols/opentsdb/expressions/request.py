"""The JSON of POST /api/query/exp: its shapes, what must hold between their parts, and how an answer echoes it
(OpenTSDB: net.opentsdb.query.pojo)."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from headrace.errors import Refused
from headrace.limits import EXPRESSION_PARTS_MAX
from headrace.protocols.opentsdb.faults import shown
from headrace.protocols.opentsdb.reading.wire import JsonFilter, decode_json

_FILL_VALUES = {"none": math.nan, "nan": math.nan, "null": math.nan, "zero": 0.0}


class FillPolicy(msgspec.Struct):
    """What stands where there is no value."""

    policy: str | None = None
    value: float | None = None

    def missing(self, place: str) -> float:
        """That value. Raises Refused (rule "expression")."""
        policy = (self.policy or "scalar").lower()
        value = self.value or 0.0
        if policy == "scalar":
            return value
        if policy not in _FILL_VALUES:
            raise Refused("expression", f"Unrecognized fill policy: {shown(policy)}", place)
        wanted = _FILL_VALUES[policy]
        if value != 0 and not (math.isnan(value) and math.isnan(wanted)):
            raise Refused("expression", f"The fill policy {policy} goes with no value of its own", place)
        return wanted

    def echo(self) -> dict[str, Any]:
        """As an answer repeats it."""
        value = self.missing("")
        derived = "zero" if value == 0 else "nan" if math.isnan(value) else "scalar"
        return {"policy": self.policy.lower() if self.policy else derived, "value": _spelled(value)}


class Downsampler(msgspec.Struct, rename="camel"):
    """OpenTSDB reads the fill policy here and makes nothing of it."""

    interval: str | None = None
    aggregator: str | None = None
    fill_policy: FillPolicy | None = None


class Timespan(msgspec.Struct, rename="camel"):
    """When, and what holds for all metrics."""

    start: str | int | float | None = None
    end: str | int | float | None = None
    timezone: str | None = None
    downsampler: Downsampler | None = None
    aggregator: str | None = None
    rate: bool = False


class Filter(msgspec.Struct, rename="camel"):
    """Filters of tags under an id."""

    id: str | None = None
    tags: list[JsonFilter] | None = None
    explicit_tags: bool = False


class Metric(msgspec.Struct, rename="camel"):
    """A metric under an id. OpenTSDB reads the time offset and makes nothing of it."""

    metric: str | None = None
    id: str | None = None
    filter: str | None = None
    aggregator: str | None = None
    time_offset: str | None = None
    fill_policy: FillPolicy | None = None


class Join(msgspec.Struct, rename="camel"):
    """Which series of the variables belong together."""

    operator: str | None = None
    include_agg_tags: bool = True
    use_query_tags: bool = False


class Expression(msgspec.Struct, rename="camel"):
    """A formula under an id."""

    id: str | None = None
    expr: str | None = None
    join: Join | None = None
    fill_policy: FillPolicy | None = None


class Output(msgspec.Struct):
    """What is answered, and under which name."""

    id: str | None = None
    alias: str | None = None


class ExpRequest(msgspec.Struct):
    """The whole question. Unknown keys are ignored."""

    name: str | None = None
    time: Timespan | None = None
    filters: list[Filter] | None = None
    metrics: list[Metric] | None = None
    expressions: list[Expression] | None = None
    outputs: list[Output] | None = None

    def echo(self) -> dict[str, Any]:
        """The member `query` of an answer. Of a request that `checked` has let through."""
        return {
            "name": self.name,
            "time": _time_echo(self.time) if self.time else None,
            "filters": None if self.filters is None else [_filter_echo(each) for each in self.filters],
            "metrics": [_metric_echo(metric) for metric in self.metrics or ()],
            "expressions": None if self.expressions is None else [_expression_echo(each) for each in self.expressions],
            "outputs": None if self.outputs is None else msgspec.to_builtins(self.outputs),
        }


_REQUEST = msgspec.json.Decoder(ExpRequest, strict=False)


def request_of_body(body: bytes) -> ExpRequest:
    """Read and check. Raises Refused: rules "body-empty", "json", "expression" with the place."""
    return checked(decode_json(_REQUEST, body))


def checked(request: ExpRequest) -> ExpRequest:
    """The request if its parts go together; what a metric says of its query is checked with the query. Raises Refused
    (rule "expression")."""
    if request.time is None:
        raise Refused("expression", "missing time")
    if not request.metrics:
        raise Refused("expression", "missing or empty metrics")
    ids: set[str] = set()
    for kind, parts in _listed(request):
        if kind == "filters":
            _check_ids(kind, parts, set())
        elif kind != "outputs":  # OpenTSDB passes over an output of no known id
            _check_ids(kind, parts, ids)
    filters = {each.id for each in request.filters or ()}
    for at, metric in enumerate(request.metrics):
        if metric.filter and metric.filter not in filters:
            raise Refused("expression", f"unrecognized filter id {shown(metric.filter)}", f"metrics[{at}].filter")
    return request


def _listed(request: ExpRequest) -> Iterator[tuple[str, Sequence[Metric | Filter | Expression | Output]]]:
    kinds: tuple[tuple[str, Sequence[Metric | Filter | Expression | Output] | None], ...] = (
        ("metrics", request.metrics),
        ("filters", request.filters),
        ("expressions", request.expressions),
        ("outputs", request.outputs),
    )
    for kind, parts in kinds:
        if parts and len(parts) > EXPRESSION_PARTS_MAX:
            raise Refused("expression", f"more than {EXPRESSION_PARTS_MAX} {kind}", kind)
        yield kind, parts or ()


def _check_ids(kind: str, parts: Sequence[Metric | Filter | Expression | Output], taken: set[str]) -> None:
    for at, part in enumerate(parts):
        name, place = part.id or "", f"{kind}[{at}].id"
        if not name:
            raise Refused("expression", "missing or empty id", place)
        if not name.isalnum():
            raise Refused("expression", f'Invalid id ("{shown(name)}"): it may have letters and digits', place)
        if len(name) == 1 and name.isdigit():
            raise Refused("expression", "The ID cannot be an integer", place)
        if name in taken:
            raise Refused("expression", f"duplicated id: {shown(name)}", place)
        taken.add(name)


def _spelled(value: float) -> float | str:
    return "NaN" if math.isnan(value) else value


def _fill_echo(fill: FillPolicy | None) -> dict[str, Any] | None:
    return fill.echo() if fill else None


def _time_echo(time: Timespan) -> dict[str, Any]:
    downsampler = time.downsampler
    return {
        "start": None if time.start is None else str(time.start),
        "end": None if time.end is None else str(time.end),
        "timezone": time.timezone,
        "downsampler": downsampler
        and {
            "interval": downsampler.interval,
            "aggregator": downsampler.aggregator,
            "fillPolicy": _fill_echo(downsampler.fill_policy),
        },
        "aggregator": time.aggregator,
        "rate": time.rate,
    }


def _filter_echo(said: Filter) -> dict[str, Any]:
    tags = [
        {
            "tagk": tag.tagk,
            "filter": tag.filter,
            "group_by": bool(tag.group_by or tag.group_by_snake),
            "type": tag.type,
        }
        for tag in said.tags or ()
    ]
    return {"id": said.id, "tags": tags, "explicitTags": said.explicit_tags}


def _metric_echo(metric: Metric) -> dict[str, Any]:
    return {
        "metric": metric.metric,
        "id": metric.id,
        "filter": metric.filter,
        "aggregator": metric.aggregator,
        "timeOffset": metric.time_offset,
        "fillPolicy": _fill_echo(metric.fill_policy),
    }


def _expression_echo(expression: Expression) -> dict[str, Any]:
    join = expression.join or Join("union")
    return {
        "id": expression.id,
        "expr": expression.expr,
        "join": {
            "operator": (join.operator or "").lower(),
            "includeAggTags": join.include_agg_tags,
            "useQueryTags": join.use_query_tags,
        },
        "fillPolicy": _fill_echo(expression.fill_policy),
    }
