"""From texts to columns of values: plain numbers by the column, all else put together one by one."""

from __future__ import annotations

import struct
from array import array
from collections.abc import Sequence
from typing import Final, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from headrace.model.points import HEAP_LENGTH_BITS, Kind, Values

INT64_MIN: Final = -(2**63)
INT64_MAX: Final = 2**63 - 1


class Custom(NamedTuple):
    """A value of a registered type. json: its canonical text, which comes back as it is."""

    type: str
    json: str


Value = int | float | bool | str | Custom
"""One value: int64, double, boolean, text or custom."""

_INTEGERS = msgspec.json.Decoder(list[int])
_NUMBERS = msgspec.json.Decoder(list[int | float])
_DOUBLE_BITS = struct.Struct("=d")
_INT64_BITS = struct.Struct("=q")


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
        self._bits = array("q")
        self._heap = bytearray()

    def __len__(self) -> int:
        return len(self._bits)

    def add(self, value: Value) -> None:
        """Append one value; an int must fit int64, a text HEAP_LENGTH_BITS."""
        # Most frequent first, but bool before int, which it also is.
        if isinstance(value, float):
            self._put(Kind.DOUBLE, _INT64_BITS.unpack(_DOUBLE_BITS.pack(value))[0])
        elif isinstance(value, bool):
            self._put(Kind.BOOL, int(value))
        elif isinstance(value, int):
            self._put(Kind.INT64, value)
        elif isinstance(value, str):
            self._put_text(Kind.TEXT, value)
        else:
            self._put_text(Kind.CUSTOM, f"{value.type}\0{value.json}")

    def extend(self, numbers: Values) -> None:
        """Append values of kinds without a heap."""
        assert not numbers.heap, "texts are added one by one"
        self._kinds += numbers.kinds.tobytes()
        self._bits.frombytes(numbers.bits.tobytes())

    def _put_text(self, kind: Kind, text: str) -> None:
        encoded = text.encode()
        self._put(kind, len(self._heap) << HEAP_LENGTH_BITS | len(encoded))
        self._heap += encoded

    def _put(self, kind: Kind, bits: int) -> None:
        self._kinds.append(kind)
        self._bits.append(bits)

    def build(self) -> Values:
        """All that was added, in that order."""
        kinds = np.frombuffer(bytearray(self._kinds), dtype=np.uint8)
        return Values(kinds, np.frombuffer(self._bits, dtype=np.int64), bytes(self._heap))
