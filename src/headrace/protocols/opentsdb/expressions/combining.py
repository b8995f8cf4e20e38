"""The functions of /api/query/gexp that make one series of several: those with the same tags belong together (OpenTSDB:
SumSeries, DiffSeries, MultiplySeries, DivideSeries)."""

from __future__ import annotations

from collections.abc import Sequence
from string import ascii_lowercase
from typing import Any, Final

import numpy as np

from headrace.errors import Refused
from headrace.model.points import Kind, Values
from headrace.model.query import Fill
from headrace.protocols.opentsdb.expressions.formula import Formula, formula
from headrace.protocols.opentsdb.expressions.functions import Maker, Transform
from headrace.protocols.opentsdb.expressions.joins import Join, Row, Series, Variable, described, joined
from headrace.protocols.opentsdb.expressions.table import of_rows
from headrace.protocols.opentsdb.reading.answer import Element
from headrace.query.alignment import doubles_of
from headrace.store import Snapshot

_JOIN: Final = Join(with_aggregated=False)


def combination(sign: str) -> Maker:
    """Of 2 to 26 arguments, with this sign between them."""

    def make(parameters: Sequence[str], place: str) -> Transform:
        return lambda arguments, snapshot: _combined(_formula(sign, len(arguments), place), arguments, snapshot)

    return make


def check_count(count: int, place: str) -> None:
    """Raises Refused (rule "expression") when so many arguments cannot be combined."""
    if not 2 <= count <= len(ascii_lowercase):
        raise Refused("expression", f"Must have 2 to 26 series, got {count} instead", place)


def _formula(sign: str, count: int, place: str) -> Formula:
    return formula(f" {sign} ".join(ascii_lowercase[:count]), place)


def _combined(formula: Formula, arguments: Sequence[Sequence[Element]], snapshot: Snapshot) -> list[Element]:
    """A series counts as 0 where it has no value, or NaN."""
    variables = {}
    elements: dict[tuple[str, int], Element] = {}
    for name, argument in zip(ascii_lowercase, arguments, strict=False):
        snapshot.memory.hold(8 * sum(len(element.times) for element in argument))
        series = [_series(element) for element in argument]
        variables[name] = Variable(series, frozenset(), 0.0)
        elements.update({(name, id(each)): element for each, element in zip(series, argument, strict=True)})
    missing = dict.fromkeys(variables, 0.0)
    combined = []
    for row in joined(variables, _JOIN):
        table = of_rows(formula, [row], missing, snapshot)
        found = [elements[name, id(series)] for name, series in row.items()]
        bits = np.ascontiguousarray(table.values[0]).view(np.int64)
        kinds = np.full(len(bits), Kind.DOUBLE, dtype=np.uint8)
        combined.append(
            Element(
                _head(row, [each.head for each in found]),
                table.times,
                Values(kinds, bits),
                Fill.NONE,
                found[0].aggregator,
                any(each.in_ms for each in found),
            )
        )
    return combined


def _series(element: Element) -> Series:
    head = element.head
    return Series(
        frozenset((head["metric"],)),
        head["tags"],
        frozenset(head["aggregateTags"]),
        element.times,
        doubles_of(element.values),
    )


def _head(row: Row, heads: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """That of the first series, but for what all of them have in common."""
    _, tags, aggregated = described(row)
    head = heads[0] | {"tags": tags, "aggregateTags": sorted(aggregated)}
    if "tsuids" in head:
        head["tsuids"] = sorted({tsuid for each in heads for tsuid in each["tsuids"]})
    head.pop("annotations", None)
    return head
