"""What a value's text means. Integer or double is decided by the text: it is part of the data."""

from __future__ import annotations

import re
from typing import Final

from headrace.model.values import INT64_MAX, INT64_MIN

_INTEGER_CHARACTERS_MAX: Final = 19
"""Of an integer without its sign (OpenTSDB: Tags.parseLong)."""

BLANKS: Final = "".join(map(chr, range(0x21)))
"""What Java's String.trim takes off."""

_FOREIGN = re.compile(r"[^0-9]")
# Possessive quantifiers: a long run of digits with a wrong end is refused in one pass.
_DOUBLE = re.compile(r"[+-]?(?:[0-9]++(?:\.[0-9]*+)?+|\.[0-9]++)(?:[eE][+-]?[0-9]++)?")

_SEVERAL_POINTS = re.compile(r"[+-]?[0-9]*+\.[0-9]*+\.")


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

    Blanks around it are cut, though OpenTSDB does so for a double only (Double.parseDouble, and Tags.parseLong not).
    Raises ValueError.
    """
    text = text.strip(BLANKS)
    if "." not in text and "e" not in text and "E" not in text:
        return integer(text)
    if not _DOUBLE.fullmatch(text):
        if _SEVERAL_POINTS.match(text):
            raise ValueError("multiple points")
        raise ValueError(f'For input string: "{text}"')
    return float(text)


def number_of_line(text: str) -> int | float:
    """As `number`; behind a double may stand one of Java's letters for it, as in 1.5f (Double.parseDouble). Only a
    line, which knows no texts, is read so. Raises ValueError."""
    cut = text.rstrip(BLANKS)
    if cut[-1:] in ("d", "D", "f", "F") and _DOUBLE.fullmatch(cut[:-1]) and not cut[:-1].lstrip("+-").isdecimal():
        return float(cut[:-1])
    return number(text)
