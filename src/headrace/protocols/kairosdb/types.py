"""Registered types of values: KairosDB's own three, the documented `complex-number`, and those that a deployer adds."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Literal

import msgspec

from headrace import limits
from headrace.model.cut_text import cut
from headrace.model.values import INT64_MAX, INT64_MIN, Custom

BUILT_IN: Final = frozenset(("long", "double", "string"))

Field = Literal["double", "long", "string"]


@dataclass(frozen=True, slots=True)
class CustomType:
    """A type whose values are JSON objects with the same fields, each present.

    name: as writers say it in `type`.   group: as answers say it in `group_by`.   fields: name -> what it holds, in the
    order in which answers show them.
    """

    name: str
    group: str
    fields: Mapping[str, Field]


COMPLEX: Final = CustomType("complex-number", "complex", {"real": "double", "imaginary": "double"})
"""KairosDB's documentation: Custom Types. Its own server does not register it; its page on writing uses it."""

_OBJECT = msgspec.json.Decoder(dict[str, msgspec.Raw])
_NUMBER = msgspec.json.Decoder(int | float)
_STRING = msgspec.json.Decoder(str)


class Types:
    """The registry of one server."""

    def __init__(self, added: Iterable[CustomType] = ()) -> None:
        self._custom = {custom.name: custom for custom in (COMPLEX, *added)}

    def __contains__(self, name: str) -> bool:
        return name in BUILT_IN or name in self._custom

    def group_of(self, name: str) -> str:
        """The group of a stored custom value's type; its own name when it is registered no longer."""
        custom = self._custom.get(name)
        return custom.group if custom else name

    def read(self, name: str, text: bytes) -> Custom:
        """The value of custom type `name` that a JSON text means. Raises ValueError with the reason for the sender."""
        custom = self._custom[name]
        if not text.startswith(b"{"):
            raise ValueError(f"must be an object of type {name}")
        given = _OBJECT.decode(text)
        if missing := [field for field in custom.fields if field not in given]:
            raise ValueError(f'must have the field "{missing[0]}"')
        if unknown := [field for field in given if field not in custom.fields]:
            raise ValueError(f'must not have the field "{cut(unknown[0], limits.KAIROSDB_SHOWN_TEXT_MAX)}"')
        members = (f"{_quoted(field)}:{_field(field, kind, given[field])}" for field, kind in custom.fields.items())
        return Custom(name, "{" + ",".join(members) + "}")


def double_text(value: float) -> str:
    """A finite double as KairosDB prints it: Java's digits, without the `.0` of an integral one (5, 1.5, 1.0E10)."""
    if value == 0 or 1e-3 <= abs(value) < 1e7:
        text = f"{value:.0f}" if value.is_integer() else repr(value)
        return "-0" if text == "0" and math.copysign(1, value) < 0 else text
    # repr has the shortest digits that mean this double, as Java from version 19 on.
    sign, digits, exponent = _decimal(value)
    return f"{sign}{digits[0]}.{digits[1:] or '0'}E{exponent}"


def _decimal(value: float) -> tuple[str, str, int]:
    """Sign, significant digits and the power of ten of the first of them."""
    mantissa, _, exponent = f"{value!r}".partition("e")
    sign = "-" * mantissa.startswith("-")
    whole, _, fraction = mantissa.removeprefix("-").partition(".")
    digits = (whole + fraction).lstrip("0")
    leading_zeros = len(whole + fraction) - len(digits)
    return sign, digits.rstrip("0"), int(exponent or 0) + len(whole) - 1 - leading_zeros


def _field(name: str, kind: Field, raw: msgspec.Raw) -> str:
    text = bytes(raw)
    try:
        if kind == "string":
            return _quoted(_STRING.decode(text))
        value = _NUMBER.decode(text)
        if kind == "double":
            double = float(value)
            if math.isinf(double):
                raise ValueError
            return double_text(double)
        if isinstance(value, int) and INT64_MIN <= value <= INT64_MAX:
            return str(value)
    except (msgspec.DecodeError, ValueError, OverflowError):
        pass
    raise ValueError(f"must have a {kind} as its {name}")


def _quoted(text: str) -> str:
    return msgspec.json.encode(text).decode()
