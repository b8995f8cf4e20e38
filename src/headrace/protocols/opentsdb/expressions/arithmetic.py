"""Formulas over columns, as JEXL 2.1 computes them value by value (commons-jexl 2.1.1: JexlArithmetic, Interpreter).

Constants without a fraction are integers of any length and divide as such: 7 / 2 is 3. Whatever meets a column, or a
constant with a fraction, is a double. Divided by zero, everything is 0. A comparison is true or false, which count as
1 and 0. NaN is equal to itself and less than everything else.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from headrace.protocols.opentsdb.expressions.formula import CHOICE, ELVIS, UNARY, Constant, Formula, Operator, Variable

Operand = Any
"""An int or a bool; a double, or an array of doubles; an array of booleans."""


def evaluate(formula: Formula, columns: Mapping[str, NDArray[np.float64]]) -> NDArray[np.float64]:
    """The formula's value for each row.

    columns: of each variable, arrays of one shape. Needs formula.height times the memory of one.
    """
    left: list[Operand] = []
    with np.errstate(all="ignore"):
        for step in formula.steps:
            match step:
                case Constant(value):
                    left.append(value)
                case Variable(name):
                    left.append(columns[name])
                case Operator(sign) if sign == CHOICE:
                    no, yes, condition = left.pop(), left.pop(), left.pop()
                    left.append(_choose(condition, yes, no))
                case Operator(sign) if sign in UNARY:
                    left.append(_UNARY[sign](left.pop()))
                case Operator(sign):
                    second, first = left.pop(), left.pop()
                    left.append(_BINARY[sign](first, second))
        [result] = left
        shape = columns[formula.variables[0]].shape
        return np.broadcast_to(np.asarray(_double(result), dtype=np.float64), shape)


def _is_whole(value: Operand) -> bool:
    return isinstance(value, int)


def _is_truth(value: Operand) -> bool:
    return isinstance(value, bool) or getattr(value, "dtype", None) == np.bool_


def _double(value: Operand) -> Operand:
    if isinstance(value, np.ndarray):
        return value.astype(np.float64, copy=False)
    try:
        return np.float64(value)
    except OverflowError:
        return np.float64(np.inf if value > 0 else -np.inf)


def _truth(value: Operand) -> Operand:
    """Zero and NaN are false."""
    if _is_truth(value):
        return value
    if _is_whole(value):
        return value != 0
    return _plain((value != 0) & ~np.isnan(value))


def _plain(value: Operand) -> Operand:
    """A truth of constants as Python's, so that it does not meet integers as a number of NumPy."""
    return value if isinstance(value, np.ndarray) else bool(value)


def _arithmetic(whole: Callable[[int, int], Operand], double: Callable[[Operand, Operand], Operand]) -> Any:
    def compute(first: Operand, second: Operand) -> Operand:
        if _is_whole(first) and _is_whole(second):
            return whole(int(first), int(second))
        return double(_double(first), _double(second))

    return compute


def _divide_whole(first: int, second: int) -> int | float:
    if second == 0:
        return 0.0
    quotient = abs(first) // abs(second)
    return quotient if (first < 0) == (second < 0) else -quotient


def _divide(first: Operand, second: Operand) -> Operand:
    return np.where(second == 0, 0.0, first / second) if np.ndim(first) or np.ndim(second) else _one(first, second)


def _one(first: np.float64, second: np.float64) -> np.float64:
    return np.float64(0.0) if second == 0 else first / second


def _remainder_whole(first: int, second: int) -> int | float:
    """Java's BigInteger.mod, which has none of a divisor below zero."""
    return first % second if second > 0 else 0.0


def _remainder(first: Operand, second: Operand) -> Operand:
    remainder = np.where(second == 0, 0.0, np.fmod(first, second))
    return remainder if remainder.ndim else np.float64(remainder)


def _comparison(
    whole: Callable[[int, int], bool], double: Callable[[Operand, Operand], Operand], of_truths: bool = False
) -> Any:
    def compare(first: Operand, second: Operand) -> Operand:
        if of_truths and (_is_truth(first) or _is_truth(second)):
            return _plain(double(_double(_truth(first)), _double(_truth(second))))
        if _is_whole(first) and _is_whole(second):
            return whole(first, second)
        return _plain(double(_double(first), _double(second)))

    return compare


def _less(first: Operand, second: Operand) -> Operand:
    return (first < second) | (np.isnan(first) & ~np.isnan(second))


def _equal(first: Operand, second: Operand) -> Operand:
    return (first == second) | (np.isnan(first) & np.isnan(second))


def _negate(value: Operand) -> Operand:
    return _not(value) if _is_truth(value) else -value


def _not(value: Operand) -> Operand:
    truth = _truth(value)
    return not truth if isinstance(truth, bool) else ~truth


def _choose(condition: Operand, yes: Operand, no: Operand) -> Operand:
    truth = _truth(condition)
    if isinstance(truth, bool):
        return yes if truth else no
    if _is_truth(yes) and _is_truth(no):
        return np.where(truth, yes, no)
    return np.where(truth, _double(yes), _double(no))


_UNARY: Final[Mapping[str, Callable[[Operand], Operand]]] = {"negate": _negate, "not": _not}

_BINARY: Final[Mapping[str, Callable[[Operand, Operand], Operand]]] = {
    "+": _arithmetic(lambda a, b: a + b, lambda a, b: a + b),
    "-": _arithmetic(lambda a, b: a - b, lambda a, b: a - b),
    "*": _arithmetic(lambda a, b: a * b, lambda a, b: a * b),
    "/": _arithmetic(_divide_whole, _divide),
    "%": _arithmetic(_remainder_whole, _remainder),
    "==": _comparison(lambda a, b: a == b, _equal, of_truths=True),
    "!=": _comparison(lambda a, b: a != b, lambda a, b: ~_equal(a, b), of_truths=True),
    "<": _comparison(lambda a, b: a < b, _less),
    ">": _comparison(lambda a, b: a > b, lambda a, b: _less(b, a)),
    "<=": _comparison(lambda a, b: a <= b, lambda a, b: ~_less(b, a)),
    ">=": _comparison(lambda a, b: a >= b, lambda a, b: ~_less(a, b)),
    "&&": lambda a, b: _plain(_truth(a) & _truth(b)),
    "||": lambda a, b: _plain(_truth(a) | _truth(b)),
    ELVIS: lambda a, b: _choose(a, a, b),
}
