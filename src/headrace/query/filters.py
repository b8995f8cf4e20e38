"""Conditions on tag values (model.query.Matches). Each gets the distinct values of one tag, once per query.

Patterns come from strangers: they run in RE2 (by Arrow), whose time is linear in the text whatever the pattern says.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from headrace.errors import Refused
from headrace.model.query import Matches


def one_of(values: Collection[str], ignore_case: bool = False) -> Matches:
    """The value is one of `values`."""
    wanted = {value.lower() if ignore_case else value for value in values}

    def matches(distinct: NDArray[np.object_]) -> NDArray[np.bool_]:
        found = ((value.lower() if ignore_case else value) in wanted for value in distinct)
        return np.fromiter(found, dtype=np.bool_, count=len(distinct))

    return matches


def none_of(values: Collection[str], ignore_case: bool = False) -> Matches:
    """The value is there and none of `values`."""
    matches = one_of(values, ignore_case)
    return lambda distinct: ~matches(distinct)


def wildcard(pattern: str, ignore_case: bool = False) -> Matches:
    """`*` stands for any text, every other character for itself."""
    expression = ".*".join(re.escape(part) for part in re.split(r"\*+", pattern))
    return _found(rf"\A(?s:{expression})\z", ignore_case)


def regexp(pattern: str) -> Matches:
    """The regular expression is found anywhere in the value. Raises Refused (rule "regexp") for what RE2 cannot do."""
    matches = _found(pattern, ignore_case=False)
    try:
        matches(np.array([""], dtype=np.object_))
    except pa.ArrowInvalid as error:
        raise Refused("regexp", f"Invalid regular expression: {pattern}", str(error)) from error
    return matches


def whole_regexp(pattern: str) -> Matches:
    """The regular expression describes the whole value. Raises as `regexp`."""
    regexp(pattern)
    return _found(rf"\A(?:{pattern})\z", ignore_case=False)


def any_of(conditions: Sequence[Matches]) -> Matches:
    """One of the conditions, which are not none, holds."""
    return lambda distinct: np.logical_or.reduce([matches(distinct) for matches in conditions])


def _found(expression: str, ignore_case: bool) -> Matches:
    def matches(distinct: NDArray[np.object_]) -> NDArray[np.bool_]:
        texts = pa.array(distinct, type=pa.string())
        found: NDArray[np.bool_] = pc.match_substring_regex(texts, expression, ignore_case=ignore_case).to_numpy(
            zero_copy_only=False
        )
        return found.astype(np.bool_)

    return matches
