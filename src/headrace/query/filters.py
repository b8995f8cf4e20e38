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
from headrace.model.query import ANY_VALUE, Matches, OneOf


def one_of(values: Collection[str], ignore_case: bool = False) -> Matches:
    """The value is one of `values`."""
    if not ignore_case:
        return OneOf(frozenset(values))

    def matches(distinct: pa.Array) -> NDArray[np.bool_]:
        wanted = pc.utf8_lower(pa.array(values, type=distinct.type))
        return _as_bools(pc.is_in(pc.utf8_lower(distinct), value_set=wanted))

    return matches


def none_of(values: Collection[str], ignore_case: bool = False) -> Matches:
    """The value is there and none of `values`."""
    if not ignore_case:
        return OneOf(frozenset(values), excluded=True)
    matches = one_of(values, ignore_case)
    return lambda distinct: ~matches(distinct)


def wildcard(pattern: str, ignore_case: bool = False) -> Matches:
    """`*` stands for any text, every other character for itself."""
    parts = re.split(r"\*+", pattern)
    if parts == ["", ""]:
        return ANY_VALUE
    if len(parts) == 1 and not ignore_case:
        return OneOf(frozenset(parts))
    expression = ".*".join(re.escape(part) for part in parts)
    return _found(rf"\A(?s:{expression})\z", ignore_case)


def regexp(pattern: str) -> Matches:
    """The regular expression is found anywhere in the value. Raises Refused (rule "regexp") for what RE2 cannot do."""
    matches = _found(pattern, ignore_case=False)
    try:
        matches(pa.array([""]))
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
    return lambda distinct: _as_bools(pc.match_substring_regex(distinct, expression, ignore_case=ignore_case))


def _as_bools(found: pa.BooleanArray) -> NDArray[np.bool_]:
    return np.asarray(found.to_numpy(zero_copy_only=False), dtype=np.bool_)
