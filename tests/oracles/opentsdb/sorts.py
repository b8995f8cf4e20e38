"""What a sort of cases is, and a case."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from typing import Any, Protocol

from oracles.comparing.differences import Difference


class Sort(Protocol):
    """A case is described by JSON, so that parts of it can be left out to find what matters."""

    @property
    def name(self) -> str: ...

    def some(self, random: Random) -> Iterator[dict[str, Any]]:
        """Some cases that share what was written for them."""
        ...

    def differences(self, said: dict[str, Any]) -> list[Difference]:
        """Writes what the case needs, asks both, compares."""
        ...

    def shown(self, said: dict[str, Any]) -> str:
        """The case and both answers, for a reader."""
        ...


@dataclass(frozen=True)
class Case:
    """One case of a sort, as the table of wanted differences sees it."""

    sort: Sort
    said: dict[str, Any]

    @property
    def query(self) -> dict[str, Any]:
        """Of /api/query; {} of others."""
        found = self.said.get("query")
        return found if isinstance(found, dict) else {}

    @property
    def parts(self) -> list[dict[str, Any]]:
        return [part for part in self.query.get("queries") or () if isinstance(part, dict)]
