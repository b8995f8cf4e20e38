"""What a sort of cases is, and a case."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from typing import Any, Protocol

from oracles.comparing.differences import Difference

Said = dict[str, Any]
"""A case as JSON, so that parts of it can be left out to find what matters."""


class Sort(Protocol):
    """One sort of cases."""

    @property
    def name(self) -> str: ...

    def some(self, random: Random) -> Iterator[Said]:
        """Some cases that share what was written for them."""
        ...

    def differences(self, said: Said) -> list[Difference]:
        """Writes what the case needs, asks both, compares."""
        ...

    def shown(self, said: Said) -> str:
        """The case and both answers, for a reader."""
        ...


@dataclass(frozen=True)
class Case:
    """One case of a sort, as the table of wanted differences sees it."""

    sort: Sort
    said: Said
