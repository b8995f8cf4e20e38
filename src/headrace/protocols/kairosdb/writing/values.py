"""What a value means, with a type and without, and what a time means. A number's text says whether it is a long."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from headrace import limits
from headrace.model.points import Values
from headrace.model.time import TIME_MS_MAX
from headrace.model.values import INT64_MAX, INT64_MIN, Value, integers_column, numbers_column
from headrace.protocols.kairosdb.faults import shown
from headrace.protocols.kairosdb.types.registry import BUILT_IN, Types

INVALID_TYPE: Final = " value is an invalid type"
"""KairosDB's words, with no dot and no index."""

# Possessive quantifiers in all: a long run of digits with a wrong end is refused in one pass.
_QUOTED_NUMBER = re.compile(r"[+-]?(?:[0-9]++(?:\.[0-9]++)?|\.[0-9]++)")
"""What KairosDB takes for a number although it is quoted (Util.isNumber); `1e5` and `1.` are texts."""

DOUBLE_TEXT: Final = re.compile(r"[+-]?(?:[0-9]++(?:\.[0-9]*+)?+|\.[0-9]++)(?:[eE][+-]?[0-9]++)?")
"""A finite double as a text in which Java reads one."""

_NUMBER = re.compile(r"[\x00-\x20]*+[+-]?(?:[0-9]++(?:\.[0-9]*+)?|\.[0-9]++)(?:[eE][+-]?[0-9]++)?[\x00-\x20]*+")
"""A time or a ttl, quoted or not (Gson: nextLong, nextInt, which read a text as Java's Double.parseDouble does)."""
_BLANKS: Final = "".join(map(chr, range(0x21)))
_PLAIN_CHARACTERS = b"0123456789-.,"
_STRING = msgspec.json.Decoder(str)


class BadValue(ValueError):  # noqa: N818 - as errors.Refused
    """A value or time that is not taken. rule: a stable name; words: what is wrong, behind the place of the point."""

    def __init__(self, rule: str, words: str) -> None:
        super().__init__(words)
        self.rule = rule
        self.words = words


def unregistered(kind: str) -> str:
    """KairosDB's words, which stand alone."""
    return f"Unregistered data point type '{shown(kind)}'"


def plain_columns(pairs: Sequence[Sequence[msgspec.Raw]]) -> tuple[NDArray[np.int64], Values] | None:
    """(int64[n] ms, n values) of pairs that are all plain numbers, or None when any needs a closer look."""
    try:
        stamps, texts = zip(*pairs, strict=True)
    except ValueError:
        return None
    # An exponent without a point is a long here, unlike elsewhere; anything but a number holds other characters.
    if b",".join(texts).translate(None, _PLAIN_CHARACTERS):
        return None
    times_ms, values = integers_column(stamps), numbers_column(texts)
    if times_ms is None or values is None or (abs(times_ms) > TIME_MS_MAX).any():
        return None
    return times_ms, values


def time_of(raw: msgspec.Raw, *, cut: bool) -> int:
    """Ms of a JSON number, quoted or not.   cut: a fraction is cut off, as within `datapoints`; else refused.

    Raises BadValue.
    """
    text = _text_of_number(raw)
    stamp = None if text is None else _finite(text)
    if stamp is None or (not cut and stamp != int(stamp)):
        raise BadValue("timestamp-invalid", ".timestamp must be a number of milliseconds.")
    if abs(stamp) > TIME_MS_MAX:
        raise BadValue("timestamp-range", f".timestamp must be within {TIME_MS_MAX} milliseconds of 1970.")
    return int(stamp)


def integer_of(raw: msgspec.Raw, greatest: int) -> int | None:
    """The integer 0 … greatest that a JSON number spells, quoted or not, as `60.0` or `6e1` too; None for all else."""
    text = _text_of_number(raw)
    number = None if text is None else _finite(text)
    return int(number) if number is not None and 0 <= number <= greatest and number == int(number) else None


def check_not_empty(raw: msgspec.Raw, kind: str | None) -> None:
    """Raises BadValue for null, an empty text that is not said to be a string, and an empty array."""
    text = bytes(raw)
    if text == b"null" or (text == b'""' and kind != "string"):
        raise BadValue("value-empty", ".value may not be empty.")
    if text.startswith(b"[") and not text[1:-1].strip(b" \t\r\n"):
        raise BadValue("value-empty", ".value may not be an empty array.")


def value_of(raw: msgspec.Raw, kind: str | None, types: Types) -> Value:
    """The value that `raw`, checked not to be empty, means as type `kind`; None: by its looks. Raises BadValue."""
    text = bytes(raw)
    if kind is not None and kind not in types:
        raise BadValue("type-unknown", unregistered(kind))
    if kind is not None and kind not in BUILT_IN:
        _check_length(text)
        try:
            custom = types.read(kind, text)
        except ValueError as error:
            raise BadValue("value-custom", f".value {error}.") from None
        _check_length(custom.json.encode())
        return custom
    if text[0] in b"[{":
        raise BadValue("value-type", INVALID_TYPE)
    spelled = _STRING.decode(text) if text[0] == ord('"') else text.decode()
    if kind == "string" or (kind is None and not _is_number(text, spelled, kind)):
        _check_length(spelled.encode())
        return spelled
    number = _finite(spelled) if _is_number(text, spelled, kind) else None
    if number is None:
        raise BadValue("value-number", f'.value is not a number: "{shown(spelled)}"')
    if kind is None and text[0] == ord('"') and "." not in spelled and not _is_long(spelled, number):
        return spelled  # an id of many digits, of which a double would lose some
    if kind == "double" or (kind is None and not _is_long(spelled, number)):
        return _double(spelled)
    if not INT64_MIN <= number <= INT64_MAX:
        raise BadValue("value-range", f".value is beyond the range of a long: {shown(spelled)}")
    return int(number)


def _is_number(text: bytes, spelled: str, kind: str | None) -> bool:
    if text[0] == ord('"'):
        return bool((DOUBLE_TEXT if kind == "double" else _QUOTED_NUMBER).fullmatch(spelled))
    return text not in (b"true", b"false")


def _is_long(spelled: str, number: Decimal) -> bool:
    """Whether a number is a long: no point in its text, whole, and within 64 bits.

    Python spells doubles `1e-05` and `1e+300`; KairosDB would make 0 of the one and wrap the other, as it does with 26
    digits.
    """
    return "." not in spelled and INT64_MIN <= number <= INT64_MAX and number == int(number)


def _double(spelled: str) -> float:
    double = float(spelled)
    if math.isinf(double):
        raise BadValue("value-range", f".value is beyond the range of a double: {shown(spelled)}")
    return double


def _finite(text: str) -> Decimal | None:
    """The number a text spells, exactly, up to what a double can hold; None for all else."""
    try:
        number = Decimal(text)
        return number if number.is_finite() and not math.isinf(float(number)) else None
    except (InvalidOperation, OverflowError):
        return None


def _text_of_number(raw: msgspec.Raw) -> str | None:
    text = bytes(raw)
    if text.startswith(b'"'):
        text = _STRING.decode(text).encode()
    spelled = text.decode()
    return spelled.strip(_BLANKS) if _NUMBER.fullmatch(spelled) else None


def _check_length(text: bytes) -> None:
    if len(text) > limits.KAIROSDB_TEXT_BYTES_MAX:
        raise BadValue("value-too-long", f".value is longer than {limits.KAIROSDB_TEXT_BYTES_MAX} bytes.")
