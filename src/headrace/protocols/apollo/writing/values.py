"""From values as they were sent to columns. A text that is a number is the number."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Final

import msgspec
import numpy as np

from headrace import limits
from headrace.errors import Refused
from headrace.model.points import Kind, Values
from headrace.model.values import INT64_MAX, INT64_MIN, ValuesBuilder
from headrace.protocols.apollo.wire import Value

_JSON_NUMBER: Final = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
_NUMBER = msgspec.json.Decoder(int | float)


def values_column(values: Sequence[Value]) -> Values:
    """The columns of n values. Raises Refused (rules "value-range", "value-too-long") naming the sample."""
    types = set(map(type, values))
    try:
        if types == {int}:
            return Values(np.full(len(values), Kind.INT64, dtype=np.uint8), np.array(values, dtype=np.int64))
        if types == {float}:
            doubles = np.array(values, dtype=np.float64)
            return Values(np.full(len(values), Kind.DOUBLE, dtype=np.uint8), doubles.view(np.int64))
    except OverflowError:
        pass  # found again below, with its place
    builder = ValuesBuilder()
    for place, value in enumerate(values):
        builder.add(_checked(_number_of(value) if isinstance(value, str) else value, place))
    return builder.build()


def _number_of(text: str) -> Value:
    """The number that a text is, in JSON's spelling and within 64 bits; else the text."""
    if not _JSON_NUMBER.fullmatch(text):
        return text
    try:
        number = _NUMBER.decode(text)
    except msgspec.DecodeError:  # beyond a double
        return text
    return number if isinstance(number, float) or INT64_MIN <= number <= INT64_MAX else text


def _checked(value: Value, place: int) -> Value:
    if isinstance(value, str):
        if len(value.encode()) > limits.APOLLO_TEXT_BYTES_MAX:
            most = limits.APOLLO_TEXT_BYTES_MAX
            raise Refused("value-too-long", f"samples[{place}].val: text is longer than {most} bytes")
    elif not INT64_MIN <= value <= INT64_MAX and not isinstance(value, float):
        raise Refused("value-range", f"samples[{place}].val: integer is beyond 64 bits")
    assert not isinstance(value, float) or math.isfinite(value), "JSON has no other"
    return value
