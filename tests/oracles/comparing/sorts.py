"""What a sort of cases is, a case, and how cases of several sorts are mixed."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any, Generic, Protocol, TypeVar

from oracles.comparing.asking import Watched
from oracles.comparing.differences import Difference, Table
from oracles.comparing.shrinking import shrunk

SHRINK_S = 6.0

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


C = TypeVar("C", bound=Case)


class MixedSorts(Generic[C]):
    """Cases of several sorts, in turns by weight: a comparing.campaign.Oracle."""

    def __init__(
        self,
        table: Table[C],
        sorts: Sequence[tuple[Sort, int]],
        case: Callable[[Sort, Said], C],
        ours: Watched,
        stay: Collection[str] = (),
    ) -> None:
        """sorts: each with its weight.   ours: whom all of them ask; what it fails at is a difference of each.
        stay: members that are not left out to make a case smaller."""
        self.table = table
        self._sorts = sorts
        self._case = case
        self._ours = ours
        self._stay = stay

    def cases(self, random: Random) -> Iterator[C]:
        """Whole handfuls of one sort, since they share what is written for them."""
        sorts, weights = zip(*self._sorts, strict=True)
        while True:
            [sort] = random.choices(sorts, weights)
            for said in sort.some(random):
                yield self._case(sort, said)

    def kind(self, case: C) -> str:
        return case.sort.name

    def differences(self, case: C) -> list[Difference]:
        found = case.sort.differences(case.said)
        return [*self._ours.failures(), *found]

    def minimised(self, case: C, difference: Difference) -> str:
        def shows(said: Said) -> bool:
            smaller = self._case(case.sort, said)
            found = self.differences(smaller)
            return any(one.kind == difference.kind and self.table.explanation(smaller, one) is None for one in found)

        said = shrunk(case.said, shows, SHRINK_S, self._stay)
        found = self.differences(self._case(case.sort, said))
        return "\n".join([f"{case.sort.name} {', '.join(map(str, found))}", case.sort.shown(said), ""])
