"""What the functions make of several values (OpenTSDB 2.4.1: Aggregators), one value at a time."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence

Number = int | float

LINE, ZERO, PREVIOUS, NOTHING = "line", "zero", "previous", "nothing"
BETWEEN = {
    **dict.fromkeys(("zimsum", "count", "first", "last", "squareSum", "none"), ZERO),
    **dict.fromkeys(("mimmin", "mimmax"), NOTHING),
    "pfsum": PREVIOUS,
}
"""What a series gives between two of its points; all others draw a line."""

NOT_ITSELF = ("count", "diff", "dev", "squareSum")
"""Functions that make something else of a single value."""

_PERCENTILE = re.compile(r"e?p([0-9]+)(r3|r7)?$")


def of_integers(name: str, values: Sequence[int]) -> int:
    """What is no integer is cut towards zero."""
    if name == "avg":
        return cut(sum(values), len(values))
    if name == "dev":
        return int(_deviation(values))
    if found := _PERCENTILE.match(name):
        return int(_percentile([float(value) for value in values], _probability(found[1]), found[2] or ""))
    return int(_FUNCTIONS[name](values))


def of_doubles(name: str, values: Sequence[float]) -> float:
    """NaN takes no part, but in the product, and where it is the first or the last."""
    numbers = [value for value in values if not math.isnan(value)]
    if name in ("mult", "first", "last"):
        return float(_FUNCTIONS[name](values))
    if name == "count":
        return float(len(numbers))
    if not numbers:
        return math.nan
    if name == "diff":
        behind = values[values.index(numbers[0]) + 1 :]
        return values[-1] - numbers[0] if behind else 0.0
    if name == "avg":
        return sum(numbers) / len(numbers)
    if name == "dev":
        return _deviation(numbers)
    if found := _PERCENTILE.match(name):
        # The kind of estimation counts for integers alone.
        return _percentile(numbers, _probability(found[1]), "")
    return float(_FUNCTIONS[name](numbers))


def cut(dividend: int, divisor: int) -> int:
    """Java's division: towards zero."""
    found = abs(dividend) // abs(divisor)
    return found if (dividend < 0) == (divisor < 0) else -found


def _product(values: Sequence[Number]) -> Number:
    return math.prod(values)


def _difference(values: Sequence[Number]) -> Number:
    return values[-1] - values[0] if len(values) > 1 else 0


def _deviation(values: Sequence[Number]) -> float:
    mean = math.fsum(values) / len(values)
    return math.sqrt(math.fsum((value - mean) ** 2 for value in values) / len(values))


def _probability(digits: str) -> float:
    return float(f"0.{digits}")


def _percentile(values: Sequence[float], probability: float, kind: str) -> float:
    """Apache Commons Math: LEGACY, R_3 and R_7."""
    ordered, count = sorted(values), len(values)
    if kind == "r3":
        position = float(round(count * probability)) if probability > 0.5 / count else 0.0
    elif kind == "r7":
        position = 1 + (count - 1) * probability
    else:
        position = probability * (count + 1)
    below = math.floor(position)
    if position < 1:
        return ordered[0]
    if position >= count:
        return ordered[-1]
    return ordered[below - 1] + (position - below) * (ordered[below] - ordered[below - 1])


_FUNCTIONS: dict[str, Callable[[Sequence[Number]], Number]] = {
    **dict.fromkeys(("sum", "zimsum", "pfsum"), sum),
    **dict.fromkeys(("min", "mimmin"), min),
    **dict.fromkeys(("max", "mimmax"), max),
    "count": len,
    "first": lambda values: values[0],
    "last": lambda values: values[-1],
    "none": lambda values: values[0],
    "mult": _product,
    "diff": _difference,
    "squareSum": lambda values: sum(value * value for value in values),
    "median": lambda values: sorted(values)[len(values) // 2],
}
