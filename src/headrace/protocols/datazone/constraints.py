"""What the service's model asks of the members of a request, and how a broken constraint is worded."""

from __future__ import annotations

import re
from typing import Final

from headrace.protocols.datazone.faults import invalid
from headrace.protocols.datazone.names import Entity

# The model's own spelling is what a message repeats; a pattern holds for the whole value, and \w is ASCII.
DOMAIN_ID: Final = re.compile(r"dzd[-_][a-zA-Z0-9_-]{1,36}", re.ASCII)
ENTITY_ID: Final = re.compile(r"[a-zA-Z0-9_-]{1,36}", re.ASCII)
TYPE_ID: Final = re.compile(r"(?!\.)[\w\.]*\w", re.ASCII)
CLIENT_TOKEN: Final = re.compile(r"[\x21-\x7E]+", re.ASCII)

ENTITY_TYPES: Final = ("ASSET", "LISTING")

FORM_NAME_LENGTH: Final = (1, 128)
TYPE_ID_LENGTH: Final = (1, 385)
TYPE_REVISION_LENGTH: Final = (1, 64)
CONTENT_LENGTH: Final = (0, 500_000)
CLIENT_TOKEN_LENGTH: Final = (1, 128)
NEXT_TOKEN_LENGTH: Final = (1, 8192)
MAX_RESULTS: Final = (1, 50)
"""The greatest is also the size of a page where none is asked for."""


class Violations:
    """The broken constraints of one request, in the order in which they were found. at: the JSON path of a member."""

    def __init__(self) -> None:
        self._texts: list[str] = []

    def answer_for(self) -> None:
        """Raises Refused (rule "validation") with all of them, if there are any."""
        if self._texts:
            raise invalid(self._texts)

    def missing(self, at: str) -> None:
        """A required member is absent or null."""
        self._add(f"Value at '{at}'", "not be null")

    def length(self, at: str, text: str, bounds: tuple[int, int]) -> None:
        """bounds: in Unicode characters, both included."""
        least, most = bounds
        if not least <= len(text) <= most:
            self._add(f"Value with length {len(text)} at '{at}'", f"have length between {least} and {most}, inclusive")

    def pattern(self, at: str, text: str, pattern: re.Pattern[str]) -> None:
        """The whole text must match."""
        if pattern.fullmatch(text) is None:
            self._add(f"Value at '{at}'", f"satisfy regular expression pattern: {pattern.pattern}")

    def one_of(self, at: str, text: str, choices: tuple[str, ...]) -> None:
        """An enumeration."""
        if text not in choices:
            self._add(f"Value at '{at}'", f"satisfy enum value set: [{', '.join(choices)}]")

    def between(self, at: str, number: int, bounds: tuple[int, int]) -> None:
        """bounds: both included."""
        least, most = bounds
        if not least <= number <= most:
            self._add(f"Value at '{at}'", f"be between {least} and {most}, inclusive")

    def entity(self, entity: Entity) -> None:
        """The members that every operation has in its path."""
        self.pattern("/domainIdentifier", entity.domain, DOMAIN_ID)
        self.one_of("/entityType", entity.type, ENTITY_TYPES)
        self.pattern("/entityIdentifier", entity.id, ENTITY_ID)

    def form_type(self, domain: str, type_id: str, revision: str | None) -> None:
        """The members by which GetFormType is asked."""
        self.pattern("/domainIdentifier", domain, DOMAIN_ID)
        self.length("/formTypeIdentifier", type_id, TYPE_ID_LENGTH)
        self.pattern("/formTypeIdentifier", type_id, TYPE_ID)
        if revision is not None:
            self.length("/revision", revision, TYPE_REVISION_LENGTH)

    def client_token(self, token: str) -> None:
        """A token that was sent."""
        self.length("/clientToken", token, CLIENT_TOKEN_LENGTH)
        self.pattern("/clientToken", token, CLIENT_TOKEN)

    def _add(self, value: str, constraint: str) -> None:
        self._texts.append(f"{value} failed to satisfy constraint: Member must {constraint}")
