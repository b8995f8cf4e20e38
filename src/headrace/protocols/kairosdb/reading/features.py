"""How aggregators and group_bys describe themselves: what a question may set, and what /api/v1/features tells of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from headrace.errors import Refused
from headrace.protocols.kairosdb.reading.fields import alone, refuse, shown, text


@dataclass(frozen=True, slots=True)
class Property:
    """One property. read: of what stands in the JSON and the place of its owner, with the property's name.

    kind, options, default: what /features says of it. parts: of an object.
    """

    name: str
    description: str
    kind: str
    read: Callable[[Any, str, str], Any]
    default: str = ""
    options: tuple[str, ...] = ()
    parts: tuple[tuple[str, str], ...] = ()

    def described(self) -> dict[str, Any]:
        """As /features shows it."""
        said: dict[str, Any] = {
            "name": self.name,
            "label": _label(self.name),
            "description": self.description,
            "optional": False,
            "type": self.kind,
            "options": list(self.options),
            "defaultValue": self.default,
        }
        if self.parts:
            said["properties"] = [
                {"name": name, "label": _label(name), "type": kind, "optional": False} for name, kind in self.parts
            ]
        return said


@dataclass(frozen=True, slots=True)
class Feature:
    """Something that a question may name. java_class: KairosDB's own, which its errors name."""

    name: str
    description: str
    java_class: str
    properties: Mapping[str, Property] = field(default_factory=dict)

    def read(self, members: Mapping[str, Any], context: str) -> dict[str, Any]:
        """Its properties out of a JSON object, in the order in which they stand there. Raises Refused for the first
        faulty one."""
        found = {}
        for name, said in members.items():
            if name == "name":
                continue
            known = self.properties.get(name)
            if known is None:
                raise Refused(
                    "query",
                    f"Property '{name}' was specified for object '{self.name}' but no matching setter was found on "
                    f"'class {self.java_class}'",
                )
            if said is not None:
                found[name] = known.read(said, context, name)
        return found

    def described(self) -> dict[str, Any]:
        """As /features shows it."""
        return {
            "name": self.name,
            "label": self.name.upper(),
            "description": self.description,
            "properties": [one.described() for one in self.properties.values()],
        }


def by_name(*properties: Property) -> dict[str, Property]:
    """Properties as a table."""
    return {one.name: one for one in properties}


def one_of(options: tuple[str, ...], wording: str) -> Callable[[Any, str, str], str]:
    """Reads a word in any case; `wording` follows the bad word in an error."""

    def read(said: Any, context: str, name: str) -> str:
        word = text(alone(said), f"{context}.{name}")
        if word.lower() not in options:
            refuse(f"{context}.{shown(word)}", wording)
        return word.lower()

    return read


def _label(name: str) -> str:
    return name.replace("_", " ").capitalize()
