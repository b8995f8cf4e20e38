"""What is computed: digits, exactness, ranges, texts."""

from __future__ import annotations

import itertools
import math
from collections import defaultdict
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from oracles.comparing.differences import Difference, Wanted
from oracles.comparing.sorts import Case, Said
from oracles.kairosdb.anchors import LONGEST_MS
from oracles.kairosdb.judging import Number, alike, same_number
from oracles.kairosdb.rewording import REGROUPED
from oracles.kairosdb.wanted.points import Points, Same, all_of, by_time, lacking, same_points
from oracles.kairosdb.wanted.told import (
    POINTS,
    chain_of,
    greatest,
    has_whole,
    kind,
    metric_of,
    passed,
    said_of,
    type_of,
    whole_of,
    written,
)

EPSILON = 2.0**-52

KEEP_SIZE = {"first", "last", "min", "max", "avg", "percentile", "trim", "filter", "save_as", "gaps", "sma"}
"""Aggregators after which no number is greater than before."""


NEAR = {*KEEP_SIZE - {"sma"}, "sum", "dev", "least_squares", "scale", "div", "count", "score"}
"""Aggregators whose numbers come from those of their range alone."""


def _is_count_of_texts(case: Case, found: Difference) -> bool:
    names = {one["name"] for one in passed(case, found)}
    return kind(found) == "type" and "count" in names and tuple(map(type_of, said_of(found))) == ("text", "number")


def _unlike(found: Difference) -> Iterator[tuple[int, Any, Any]]:
    """Time, value there, value here, of the points with two values."""
    real, ours = said_of(found)
    for one, other in zip(real["values"], ours["values"], strict=True):
        if not alike(one[1], other[1]):
            yield int(one[0]), one[1], other[1]


def _are_within(found: Difference, bound: Callable[[int], float]) -> bool:
    """Whether numbers differ by no more than is allowed at their time, and nothing else differs."""
    return all(
        isinstance(one, Number) and isinstance(other, Number) and abs(one.value - other.value) <= bound(time_ms)
        for time_ms, one, other in _unlike(found)
    )


def _is_near_line(case: Case, found: Difference) -> bool:
    chain = passed(case, found)
    is_line = any(one["name"] == "least_squares" for one in chain)
    return kind(found) == "values" and is_line and _are_within(found, partial(line_error, case, chain))


def line_error(case: Case, chain: list[Said], time_ms: int) -> float:
    """How far KairosDB's least_squares may be off: it lays its line through the year 1970, far from the points; the
    closer they are to one another, the more. 0 if there is none."""
    if "least_squares" not in {one["name"] for one in chain}:
        return 0
    near = _near(case, chain, time_ms)
    times = sorted({at for at, _ in near})
    step = min((after - before for before, after in itertools.pairwise(times)), default=1)
    return EPSILON * _size(near, chain) * max(map(abs, times), default=1) / step


def _near(case: Case, chain: list[Said], time_ms: int) -> list[tuple[int, float]]:
    """The numbers that may have come into a point at this time, with their times."""
    reach = sum(map(_length, chain)) if all(one["name"] in NEAR for one in chain) else math.inf
    numbers = [(at, float(value)) for _, at, value in written(case) if isinstance(value, int | float)]
    return [point for point in numbers if abs(point[0] - time_ms) <= reach]


def _size(near: list[tuple[int, float]], chain: list[Said]) -> float:
    """What no number exceeds that is made of these anywhere in the chain. Where that is not known, NaN: no difference
    is within it."""
    size = max((abs(value) for _, value in near), default=0.0)
    for one in chain:
        match one["name"]:
            case "sum":
                size *= len(near)
            case "diff" | "dev" | "least_squares":
                size *= 2 * abs(float(one.get("dev_count", 1)))
            case "scale":
                size *= max(1, abs(float(one.get("factor", 1))))
            case "div":
                size *= max(1, 1 / abs(float(one.get("divisor", 1))))
            case "count" | "score":
                size = max(size, len(near))
            case name if name not in KEEP_SIZE:
                return math.nan
    return size


def _is_lossy_sum(case: Case, found: Difference) -> bool:
    chain = passed(case, found)
    return (
        kind(found) == "values"
        and bool({one["name"] for one in chain} & {"avg", "sum"})
        and greatest(case) > 2**53
        and _are_within(found, lambda time_ms: 16 * EPSILON * _size(_near(case, chain, time_ms), chain))
    )


def _is_lossy_deviation(case: Case, found: Difference) -> bool:
    """KairosDB subtracts squares: what is lost of a variance is some units in the last place of the greatest square."""
    chain = passed(case, found)
    names = [one["name"] for one in chain if one["name"] != "save_as"]
    if kind(found) != "values" or "dev" not in names:
        return False

    def lost(time_ms: int) -> float:
        return 16 * EPSILON * _size(_near(case, chain, time_ms), chain) ** 2

    if names[-1] != "dev":
        return _are_within(found, lambda time_ms: math.sqrt(lost(time_ms)))
    return all(
        isinstance(one, Number) and isinstance(other, Number) and abs(one.value**2 - other.value**2) <= lost(time_ms)
        for time_ms, one, other in _unlike(found)
    )


def _is_through_one_time(case: Case, found: Difference) -> bool:
    chains = str(metric_of(found) if case.sort.name == "query" else case.said)
    return kind(found) in ("status", "words") and "NaN or Infinity" in found.words and "least_squares" in chains


def _is_trimmed(case: Case, found: Difference) -> bool:
    """Before the first point KairosDB has gaps, and all else is alike."""
    chain = chain_of(found)
    if kind(found) not in ("times", "values") or not chain:
        return False
    real, ours = said_of(found)
    values = real["values"][::-1] if metric_of(found).get(REGROUPED) else real["values"]
    others = ours["values"][::-1] if metric_of(found).get(REGROUPED) else ours["values"]
    while values and values[0][1] is None:
        values = values[1:]
    return (
        chain[-1]["name"] == "gaps"
        and chain[-1].get("trim") is True
        and len(values) < len(real["values"])
        and same_points(values, others, same_value(case, found))
    )


def _is_order_of_texts(case: Case, found: Difference) -> bool:
    """Of each time both have the same texts; or, after aggregators or a limit, one of two that some time near has."""
    if kind(found) != "values" or "text" not in map(type_of, said_of(found)):
        return False
    real, ours = (by_time(one["values"]) for one in said_of(found))
    is_chosen = bool(passed(case, found) or metric_of(found).get("limit"))
    stands_for = same_value(case, found) if is_chosen else None
    return all(
        sorted(map(str, real[str(time_ms)])) == sorted(map(str, ours[str(time_ms)]))
        or (stands_for is not None and stands_for(time_ms, one, other))
        for time_ms, one, other in _unlike(found)
    )


def _is_order_of_equal_doubles(case: Case, found: Difference) -> bool:
    """Of each time both have the same integers, and in the order of what doubles they are. Only of what was written:
    after an aggregator, numbers are doubles."""
    if kind(found) != "values" or {one["name"] for one in passed(case, found)} - {"save_as"}:
        return False
    real, ours = (by_time(one["values"]) for one in said_of(found))
    return all(_are_equal_doubles(real[str(time_ms)], ours[str(time_ms)]) for time_ms, _, _ in _unlike(found))


def _are_equal_doubles(values: list[Any], others: list[Any]) -> bool:
    return (
        all(isinstance(one, Number) and one.is_integer for one in (*values, *others))
        and sorted(values) == sorted(others)
        and [float(one) for one in values] == [float(one) for one in others]
    )


def same_value(case: Case, found: Difference) -> Same:
    """Whether a value there and one here are of one line, or of two texts that some time near has."""
    chain = passed(case, found)
    reach = sum(map(_length, chain))
    at: dict[int, set[str]] = defaultdict(set)
    for _, time_ms, value in written(case):
        if isinstance(value, str):
            at[time_ms].add(value)

    def same(time_ms: int, one: Any, other: Any) -> bool:
        if isinstance(one, Number) and isinstance(other, Number):
            return abs(one.value - other.value) <= line_error(case, chain, time_ms)
        return any({one, other} <= texts for near, texts in at.items() if abs(near - time_ms) <= reach)

    return same


def _length(aggregator: Said) -> int:
    sampling = aggregator.get("sampling")
    if not isinstance(sampling, dict):
        return 1  # of KairosDB's ranges, unless another length is said
    return int(float(sampling["value"])) * LONGEST_MS[str(sampling["unit"]).lower()]


def _is_minus_zero(case: Case, found: Difference) -> bool:
    """All but the zeros is alike, and they have come to a filter of 0 at the end."""
    is_at_zero = any(one["name"] == "filter" and one.get("threshold") == 0 for one in chain_of(found))
    if not is_at_zero or kind(found) not in POINTS or not has_whole(found):
        return False
    real, ours = (_without_zeros(all_of(one)) for one in whole_of(found))
    zeros, here = (by_time(_zeros(all_of(one))) for one in whole_of(found))
    chain = passed(case, found)
    return lacking(real, ours) == [] and all(
        max(len(zeros[time_ms]), len(here[time_ms])) <= _may_be_zeros(case, chain, int(time_ms))
        for time_ms in {*zeros, *here}
    )


def _may_be_zeros(case: Case, chain: list[Said], time_ms: int) -> int:
    """How many zeros a chain may give at a time: as many as were written, or as points that it may have made."""
    if all(one["name"] in ("scale", "div", "filter") for one in chain):
        return sum(1 for at, value in _near(case, chain, time_ms) if at == time_ms and value == 0)
    return len(_near(case, chain, time_ms))


def _without_zeros(points: Points) -> Points:
    return [point for point in points if not _is_zero(point)]


def _zeros(points: Points) -> Points:
    return [point for point in points if _is_zero(point)]


def _is_zero(point: list[Any]) -> bool:
    return isinstance(point[1], Number) and point[1].value == 0


def _is_shortest(case: Case, found: Difference) -> bool:
    if kind(found) != "spelling":
        return False
    there, here = (by_time(one["values"]) for one in said_of(found))
    pairs = [(there[at][0], here[at][0]) for at in there if len(there[at]) == len(here[at]) == 1]
    numbers = [pair for pair in pairs if all(isinstance(one, Number) for one in pair)]
    return all(_digits(other) <= _digits(one) for one, other in numbers if same_number(one, other) and one != other)


def _digits(number: Number) -> int:
    return sum(letter.isdigit() for letter in number.partition("E")[0])


ENTRIES: list[Wanted[Case]] = [
    Wanted("type of a count", "the number of texts is a number; KairosDB says text", _is_count_of_texts),
    Wanted(
        "exact lines",
        "least_squares is exact; KairosDB's is some digits off, and more where points are dense",
        _is_near_line,
    ),
    Wanted(
        "sums of great numbers",
        "integers are added up exactly; KairosDB's doubles lose what is small beside the greatest",
        _is_lossy_sum,
    ),
    Wanted(
        "lines through one time",
        "least_squares of points at one time is flat; KairosDB answers 500 for its NaN",
        _is_through_one_time,
    ),
    Wanted(
        "trimmed gaps",
        "each group is trimmed by its own points; KairosDB's second group begins with the query",
        _is_trimmed,
    ),
    Wanted(
        "deviation of great numbers",
        "dev is exact also of numbers that are great beside their deviation",
        _is_lossy_deviation,
    ),
    Wanted(
        "texts at one time",
        "texts of one millisecond are in the order of the alphabet; KairosDB's come as the series do",
        _is_order_of_texts,
    ),
    Wanted(
        "integers equal as doubles",
        "integers of one millisecond are in order; KairosDB has those that are equal as doubles by chance",
        _is_order_of_equal_doubles,
    ),
    Wanted("minus zero", "-0.0 is 0 to a filter, as to JSON's readers; to Java it is less", _is_minus_zero),
    Wanted(
        "shortest digits",
        "doubles are spelled by the fewest digits that mean them; Java 17 sometimes has one more",
        _is_shortest,
    ),
]
