"""What Alibaba's sub-queries say about single points: which values count, and how many points come back (limit, offset,
globalLimit, dpValue, preDpValue)."""

from __future__ import annotations

import operator
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from headrace.errors import Refused
from headrace.model.points import Values
from headrace.model.query import ValuesMatch
from headrace.model.values import INT64_MAX, INT64_MIN
from headrace.protocols.opentsdb.faults import shown
from headrace.query.aggregation.engine import Result
from headrace.query.conditions import Comparison, compared

COMPARISONS: Final[dict[str, Comparison]] = {
    ">": operator.gt,
    "<": operator.lt,
    "=": operator.eq,
    "==": operator.eq,
    "<=": operator.le,
    ">=": operator.ge,
    "!=": operator.ne,
}

_CONDITION = re.compile(r"([<>!=]=?)\s*([^<>!=\s].*)", re.DOTALL)
_INTEGER = re.compile(r"[+-]?[0-9]{1,19}", re.ASCII)


def value_condition(name: str, text: str | None) -> ValuesMatch | None:
    """What `dpValue` or `preDpValue` (name) says, like >=45.2; None when it says nothing. Raises Refused (rule
    "value-condition")."""
    if not text:
        return None
    found = _CONDITION.fullmatch(text.strip())
    if found is None or found[1] not in COMPARISONS:
        raise Refused("value-condition", f"Invalid {name}: {shown(text)}. It must look like >=45.2")
    return compared(COMPARISONS[found[1]], _number(found[2]), found[2])


def _number(text: str) -> int | float | None:
    if _INTEGER.fullmatch(text) and INT64_MIN <= int(text) <= INT64_MAX:
        return int(text)
    try:
        return float(text)
    except ValueError:
        return None


@dataclass(frozen=True, slots=True)
class Narrowing:
    """Of each result the points whose value meets `where`, `limit` of them from `offset` on; of all results together at
    most `global_limit`, as many of each (aliyun-tsdb-java-sdk: TestHiTSDBClientQueryLimitAndDpValue). 0: no limit."""

    where: ValuesMatch | None = None
    offset: int = 0
    limit: int = 0
    global_limit: int = 0

    def page(self, results: int) -> slice:
        """The rows that stay of each of this many results."""
        share = max(self.global_limit // max(results, 1), 1) if self.global_limit else 0
        limit = min(self.limit or share, share or self.limit)
        return slice(self.offset, self.offset + limit if limit else None)

    def of(self, results: Iterable[Result]) -> Iterator[Result]:
        """What is left of the results of one sub-query, without the results of which nothing is left."""
        if self == NO_NARROWING:
            yield from results
            return
        kept = [self._matching(result) for result in results]
        kept = [result for result in kept if len(result.times)]
        page = self.page(len(kept))
        for result in kept:
            if len(result.times) > self.offset:
                yield _taken(result, page)

    def _matching(self, result: Result) -> Result:
        if self.where is None:
            return result
        rows = self.where(result.values)
        values = Values(result.values.kinds[rows], result.values.bits[rows], result.values.heap)
        return Result(result.series, result.times[rows], values)


NO_NARROWING: Final = Narrowing()


def _taken(result: Result, rows: slice) -> Result:
    values = Values(result.values.kinds[rows], result.values.bits[rows], result.values.heap)
    return Result(result.series, result.times[rows], values)


def narrowing(where: ValuesMatch | None, offset: int | None, limit: int | None, global_limit: int | None) -> Narrowing:
    """Raises Refused (rule "limit") for what is negative."""
    for name, number in (("offset", offset), ("limit", limit), ("globalLimit", global_limit)):
        if number is not None and number < 0:
            raise Refused("limit", f"'{name}' must not be negative: {number}")
    return Narrowing(where, offset or 0, limit or 0, global_limit or 0)
