"""Integers of questions, as Java's readers take them."""

from __future__ import annotations

import re
from typing import Any

from headrace.errors import Refused
from headrace.protocols.opentsdb.faults import shown
from headrace.rules import Rule

INT_MAX = 2**31 - 1
LONG_MAX = 2**63 - 1

_INTEGER = re.compile(r"[+-]?[0-9]{1,20}", re.ASCII)


class Whole(int):
    """An integer member of JSON: a number, of which a fraction is cut, or a text of digits; "" is 0 (Jackson)."""


def whole_member(kind: type, given: Any) -> Any:
    """How msgspec makes a Whole: the `dec_hook` of a decoder. Raises NotImplementedError for any other type, ValueError
    for what is no integer of 64 bits."""
    if kind is not Whole:
        raise NotImplementedError(kind)
    if isinstance(given, bool) or not isinstance(given, int | float | str):
        raise ValueError(f"expected an integer, got {type(given).__name__}")
    number = integer_of(given.strip() or "0", LONG_MAX) if isinstance(given, str) else int(given)
    if number is None or not -LONG_MAX - 1 <= number <= LONG_MAX:
        raise ValueError(f"expected an integer of 64 bits, got {shown(str(given))}")
    return Whole(number)


def integer_of(text: str, most: int = INT_MAX) -> int | None:
    """The integer that a text says, sign and leading zeros allowed; None if it says none, or one beyond `most` (Java:
    Integer.parseInt, Long.parseLong)."""
    if not _INTEGER.fullmatch(text):
        return None
    number = int(text)
    return number if -most - 1 <= number <= most else None


def parameter(text: str | None, rule: Rule, complaint: str) -> int | None:
    """The integer of a parameter in the URL; None where it is absent. Raises Refused with these words."""
    if text is None:
        return None
    number = integer_of(text)
    if number is None:
        raise Refused(rule, complaint)
    return number
