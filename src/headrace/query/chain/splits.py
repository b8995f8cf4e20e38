"""Groups that the time or the value of a point decides, as numbers of groups, one for each row."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from headrace.errors import Refused
from headrace.limits import QUERY_GROUPS_MAX
from headrace.model.points import Kind
from headrace.model.time import UNIT_MS
from headrace.query.calendar import first_of, whole_units
from headrace.query.chain.rows import Rows

NO_NUMBER = -1
"""Group of the values that are no numbers."""

UTC = ZoneInfo("UTC")


class Split(Protocol):
    """Gives every row the number of its group."""

    def numbers(self, rows: Rows) -> NDArray[np.int64]:
        """int64[n]."""
        ...


@dataclass(frozen=True, slots=True)
class ByTime:
    """Times are cut into ranges from since_ms on, which take turns in `groups` groups (KairosDB: TimeGroupBy). Months
    are those of the calendar in UTC, a year is 52 weeks."""

    since_ms: int
    count: int
    unit: str
    groups: int

    def numbers(self, rows: Rows) -> NDArray[np.int64]:
        """See Split."""
        if self.unit == "month":
            units = whole_units(first_of(self.since_ms, "month"), rows.times, "month")
        else:
            length = 52 * UNIT_MS["week"] if self.unit == "year" else UNIT_MS[self.unit]
            units = (rows.times - self.since_ms) // length
        return units // self.count % self.groups


@dataclass(frozen=True, slots=True)
class ByValue:
    """Numbers cut to integers, then divided by `size`, both towards zero (KairosDB: ValueGroupBy)."""

    size: int

    def numbers(self, rows: Rows) -> NDArray[np.int64]:
        """See Split."""
        if not _are_numbers(rows):
            return np.full(len(rows), NO_NUMBER, dtype=np.int64)
        integers = np.clip(rows.doubles(), -(2.0**62), 2.0**62).astype(np.int64)
        np.copyto(integers, rows.values.bits, where=rows.values.kinds == Kind.INT64)
        numbers: NDArray[np.int64] = np.sign(integers) * (np.abs(integers) // self.size)
        return numbers


@dataclass(frozen=True, slots=True)
class ByBin:
    """The number of bounds, ascending, that are not greater than the value (KairosDB: BinGroupBy)."""

    bounds: tuple[float, ...]

    def numbers(self, rows: Rows) -> NDArray[np.int64]:
        """See Split."""
        if not _are_numbers(rows):
            return np.full(len(rows), NO_NUMBER, dtype=np.int64)
        return np.searchsorted(np.array(self.bounds), rows.doubles(), side="right").astype(np.int64)


def split(rows: Rows, splits: tuple[Split, ...], newest_first: bool = False) -> list[tuple[tuple[int, ...], Rows]]:
    """(numbers, rows) of every group, in order of their first points, or with `newest_first` of their last ones, the
    newest first. Without splits all rows are one.

    Raises Refused (rule "query-groups") for too many.
    """
    if not splits:
        return [((), rows)]
    rows = rows.merged()
    numbers = [by.numbers(rows) for by in splits]
    codes = np.zeros(len(rows), dtype=np.int64)
    for column in numbers:
        distinct, ranks = np.unique(column, return_inverse=True)
        codes = np.unique(codes * len(distinct) + ranks, return_inverse=True)[1]
    _, firsts = np.unique(codes, return_index=True)
    if len(firsts) > QUERY_GROUPS_MAX:
        raise Refused(
            "query-groups", f"the query would make {len(firsts)} groups, at most {QUERY_GROUPS_MAX} are allowed"
        )
    order = np.argsort(codes, kind="stable")
    bounds = np.searchsorted(codes[order], np.arange(len(firsts) + 1))
    in_order = np.argsort(-order[bounds[1:] - 1]) if newest_first else np.argsort(firsts)
    return [
        (
            tuple(int(column[firsts[code]]) for column in numbers),
            rows.taken(order[bounds[code] : bounds[code + 1]]),
        )
        for code in in_order.tolist()
    ]


def _are_numbers(rows: Rows) -> bool:
    return bool((rows.values.kinds <= Kind.INT64).all())
