"""Registered types of values: KairosDB's own three, its `complex`, the documented `complex-number`, the `histogram` of
KairosDB Extensions, and those that a deployer adds."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Literal

import msgspec

from headrace import limits
from headrace.model.cut_text import cut
from headrace.model.values import INT64_MAX, INT64_MIN, Custom
from headrace.protocols.kairosdb.types.doubles import double_text
from headrace.protocols.kairosdb.types.histogram import HISTOGRAM, histogram_text

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


_COMPLEX_FIELDS: Final[Mapping[str, Field]] = {"real": "double", "imaginary": "double"}

COMPLEX: Final = CustomType("complex", "complex", _COMPLEX_FIELDS)
"""KairosDB 1.3.0's example of a type, in its source and its page Custom Types (ComplexDataPointFactory)."""

COMPLEX_NUMBER: Final = CustomType("complex-number", "complex", _COMPLEX_FIELDS)
"""The same by the name that KairosDB's page on writing uses."""

_OBJECT = msgspec.json.Decoder(dict[str, msgspec.Raw])
_NUMBER = msgspec.json.Decoder(int | float)
_STRING = msgspec.json.Decoder(str)


class Types:
    """The registry of one server."""

    def __init__(self, added: Iterable[CustomType] = ()) -> None:
        """added: a type of the name of one that is there already takes its place."""
        self._custom = {custom.name: custom for custom in (COMPLEX, COMPLEX_NUMBER, *added)}

    def __contains__(self, name: str) -> bool:
        return name in BUILT_IN or name == HISTOGRAM or name in self._custom

    def group_of(self, name: str) -> str:
        """The group of a stored custom value's type; its own name when it is registered no longer."""
        custom = self._custom.get(name)
        return custom.group if custom else name

    def read(self, name: str, text: bytes) -> Custom:
        """The value of custom type `name` that a JSON text means. Raises ValueError with the reason for the sender."""
        if name == HISTOGRAM and name not in self._custom:
            return Custom(HISTOGRAM, histogram_text(text))
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
