"""Conditions on tag values (model.query.Matches). Each gets the distinct values of one tag, once per query."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection

import numpy as np
from numpy.typing import NDArray

from headrace.errors import Refused
from headrace.model.query import Matches


def one_of(values: Collection[str], ignore_case: bool = False) -> Matches:
    """The value is one of `values`."""
    if ignore_case:
        folded = {value.lower() for value in values}
        return _each(lambda value: value.lower() in folded)
    exact = frozenset(values)
    return _each(exact.__contains__)


def none_of(values: Collection[str], ignore_case: bool = False) -> Matches:
    """The value is there and none of `values`."""
    matches = one_of(values, ignore_case)
    return lambda distinct: ~matches(distinct)


def wildcard(pattern: str, ignore_case: bool = False) -> Matches:
    """`*` stands for any text, every other character for itself."""
    expression = ".*".join(re.escape(part) for part in re.split(r"\*+", pattern))
    compiled = re.compile(expression, re.DOTALL | (re.IGNORECASE if ignore_case else 0))
    return _each(lambda value: compiled.fullmatch(value) is not None)


def regexp(pattern: str) -> Matches:
    """The regular expression is found anywhere in the value. Raises Refused (rule "regexp") when it is none."""
    try:
        compiled = re.compile(pattern)
    except re.error as error:
        raise Refused("regexp", f"Invalid regular expression {pattern!r}: {error}") from error
    return _each(lambda value: compiled.search(value) is not None)


def _each(holds: Callable[[str], bool]) -> Matches:
    def matches(distinct: NDArray[np.object_]) -> NDArray[np.bool_]:
        return np.fromiter((holds(value) for value in distinct), dtype=np.bool_, count=len(distinct))

    return matches
