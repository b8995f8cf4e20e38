"""A case, as the table of OpenTSDB's wanted differences sees it."""

from __future__ import annotations

from dataclasses import dataclass

from oracles.comparing import sorts
from oracles.comparing.sorts import Said


@dataclass(frozen=True)
class Case(sorts.Case):
    """What it asks of /api/query is looked at often."""

    @property
    def query(self) -> Said:
        """Of /api/query; {} of others."""
        found = self.said.get("query")
        return found if isinstance(found, dict) else {}

    @property
    def parts(self) -> list[Said]:
        return [part for part in self.query.get("queries") or () if isinstance(part, dict)]
