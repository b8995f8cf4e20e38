"""Conditions on values (model.query.ValuesMatch): which of many stand in a relation to a number or a text."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from headrace.model.points import Kind, Values
from headrace.model.query import ValuesMatch

Comparison = Callable[[Any, Any], Any]

OF_TEXTS: Final = (operator.eq, operator.ne)
"""Texts have no order here: they are equal or not."""


def compared(comparison: Comparison, number: float | None, text: str) -> ValuesMatch:
    """Numbers are compared with `number` (integers as integers where both are; None: none of them matches), texts and
    booleans with `text`."""

    def matches(values: Values) -> NDArray[np.bool_]:
        kept = np.zeros(len(values), dtype=np.bool_)
        if number is not None:
            integers, doubles = values.kinds == Kind.INT64, values.kinds == Kind.DOUBLE
            kept[integers] = comparison(values.bits[integers], number)
            kept[doubles] = comparison(values.doubles()[doubles], float(number))
        if comparison in OF_TEXTS:
            for row in np.flatnonzero(values.kinds > Kind.INT64).tolist():
                kept[row] = comparison(text_of(values, row), text)
        return kept

    return matches


def text_of(values: Values, row: int) -> str:
    """A value that is no number as text."""
    if values.kinds[row] == Kind.BOOL:
        return "true" if values.bits[row] else "false"
    return values.text(row)
