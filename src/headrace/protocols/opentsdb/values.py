"""What a value's text means, one by one and by the column. Integer or double is decided by the text: it is part of
the data."""

from __future__ import annotations

import re
import struct
from collections.abc import Sequence
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from headrace.model.points import HEAP_LENGTH_BITS, Kind, Values

Value = int | float | bool | str
"""One value: int64, double, boolean or text."""

INT64_MIN: Final = -(2**63)
INT64_MAX: Final = 2**63 - 1

_INTEGER_CHARACTERS_MAX = 19
"""Of an integer without its sign (OpenTSDB: Tags.parseLong)."""

_FOREIGN = re.compile(r"[^0-9]")
# Possessive quantifiers: a long run of digits with a wrong end is refused in one pass.
_DOUBLE = re.compile(r"[\x00-\x20]*+[+-]?(?:[0-9]++(?:\.[0-9]*+)?+|\.[0-9]++)(?:[eE][+-]?[0-9]++)?[\x00-\x20]*+")

_INTEGERS = msgspec.json.Decoder(list[int])
_NUMBERS = msgspec.json.Decoder(list[int | float])
_PLAIN_CHARACTERS = b"0123456789-+.eE"
_DOUBLE_BITS = struct.Struct("=d")
_INT64_BITS = struct.Struct("=q")


def integer(text: str) -> int:
    """The int64 that `text` spells in decimal digits after an optional sign.

    Raises ValueError in the words of OpenTSDB's Tags.parseLong, which its telnet shows.
    """
    digits = text[1:] if text.startswith(("+", "-")) else text
    if not text:
        raise ValueError("Empty string")
    if not digits:
        raise ValueError(f"Just a sign, no value: {text}")
    if len(digits) > _INTEGER_CHARACTERS_MAX:
        raise ValueError(f"Value too long: {text}")
    if foreign := _FOREIGN.search(digits):
        raise ValueError(f"Invalid character '{foreign.group()}' in {text}")
    number = int(text)
    if not INT64_MIN <= number <= INT64_MAX:
        raise ValueError(f"Overflow in {text}")
    return number


def number(text: str) -> int | float:
    """An int64 when the text holds none of `.`, `e`, `E`; else a double, which may be infinite (1e400).

    Blanks around a double are fine, around an integer not (OpenTSDB: Tags.parseLong and Double.parseDouble). Raises
    ValueError.
    """
    if "." not in text and "e" not in text and "E" not in text:
        return integer(text)
    if not _DOUBLE.fullmatch(text):
        raise ValueError(f'For input string: "{text}"')
    return float(text)


def integers_column(texts: Sequence[bytes | msgspec.Raw]) -> NDArray[np.int64] | None:
    """int64[n] of n texts in JSON's spelling of an integer, or None when one of them is not plainly that."""
    try:
        return np.array(_INTEGERS.decode(_joined(texts)), dtype=np.int64)
    except (msgspec.DecodeError, OverflowError, ValueError):
        return None


def numbers_column(texts: Sequence[bytes | msgspec.Raw]) -> Values | None:
    """The INT64 and DOUBLE values of n texts in JSON's spelling of a number, or None when one of them is not plainly
    that."""
    try:
        numbers = _NUMBERS.decode(_joined(texts))
        doubles = np.array(numbers, dtype=np.float64)
        is_integer = np.array([type(value) is int for value in numbers], dtype=np.bool_)
        bits = doubles.view(np.int64)
        if is_integer.all():
            bits = np.array(numbers, dtype=np.int64)
        elif is_integer.any():
            rows = np.flatnonzero(is_integer)
            bits[rows] = np.array([numbers[row] for row in rows.tolist()], dtype=np.int64)
    except (msgspec.DecodeError, OverflowError, ValueError):
        return None
    return Values(np.where(is_integer, Kind.INT64, Kind.DOUBLE).astype(np.uint8), bits)


def _joined(texts: Sequence[bytes | msgspec.Raw]) -> bytes:
    return b"[" + b",".join(texts) + b"]"


class ValuesBuilder:
    """Values put together one by one, where a batch is not plain numbers."""

    def __init__(self) -> None:
        self._kinds = bytearray()
        self._bits: list[int] = []
        self._heap = bytearray()

    def add(self, value: Value) -> None:
        """Append one value; an int must fit int64."""
        if isinstance(value, bool):
            self._put(Kind.BOOL, int(value))
        elif isinstance(value, int):
            self._put(Kind.INT64, value)
        elif isinstance(value, float):
            self._put(Kind.DOUBLE, _INT64_BITS.unpack(_DOUBLE_BITS.pack(value))[0])
        else:
            text = value.encode()
            self._put(Kind.TEXT, len(self._heap) << HEAP_LENGTH_BITS | len(text))
            self._heap += text

    def _put(self, kind: Kind, bits: int) -> None:
        self._kinds.append(kind)
        self._bits.append(bits)

    def build(self) -> Values:
        """All that was added, in that order."""
        kinds = np.frombuffer(bytearray(self._kinds), dtype=np.uint8)
        return Values(kinds, np.array(self._bits, dtype=np.int64), bytes(self._heap))
