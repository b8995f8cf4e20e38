"""Case after case to the real server and to headrace, until as many as were asked for have been compared."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from random import Random
from typing import Protocol, TypeVar

from oracles.comparing.differences import FAILED, Difference, Table

C = TypeVar("C")

FLEETING_SHARE = 1 / 1000
"""Of the cases: so many may differ once and not when they are asked again, as OpenTSDB fills its caches of names in its
own time. More is a race that somebody has to find: runs of 3,000 cases had none."""

TOLD_EVERY = 1000
"""Cases after which a run says how far it is."""

SHOWN_MAX = 20
"""Differences that are minimised and shown in full; the others are counted."""


class Oracle(Protocol[C]):
    """One real server beside headrace."""

    @property
    def table(self) -> Table[C]: ...

    def cases(self, random: Random) -> Iterator[C]:
        """Without end; what a case needs (points, say) has been sent to both servers when it is given out."""
        ...

    def kind(self, case: C) -> str:
        """Of which sort it is, for the counts."""
        ...

    def differences(self, case: C) -> list[Difference]:
        """Asks both servers, and says in what their answers differ."""
        ...

    def minimised(self, case: C, difference: Difference) -> str:
        """The smallest that still shows it, with both answers, for a reader."""
        ...


@dataclass
class Outcome:
    """What a run found. cases, unexplained: kind -> how many.   shown: some of those without a reason, in full.
    fleeting: cases whose difference was gone when they were asked again."""

    cases: Counter[str] = field(default_factory=Counter)
    differing: int = 0
    fleeting: int = 0
    unexplained: Counter[str] = field(default_factory=Counter)
    shown: list[str] = field(default_factory=list)
    never_met: list[str] = field(default_factory=list)
    took_s: float = 0

    @property
    def is_clean(self) -> bool:
        return not self.unexplained and not self.never_met and not self.has_races

    @property
    def has_races(self) -> bool:
        """More cases than FLEETING_SHARE differed once."""
        return self.fleeting > FLEETING_SHARE * sum(self.cases.values())

    def __str__(self) -> str:
        """The whole outcome, for a reader."""
        total = sum(self.cases.values())
        lines = [*self.shown, f"{total} cases in {self.took_s:.0f} s: {_listed(self.cases)}"]
        lines.append(
            f"{self.differing} answered differently, {sum(self.unexplained.values())} of them without a reason"
        )
        if self.fleeting:
            much = ", which is too many" if self.has_races else ""
            lines.append(f"{self.fleeting} differed once, and not when they were asked again{much}")
        if self.unexplained:
            lines.append(f"  without a reason: {_listed(self.unexplained)}")
        if self.never_met:
            lines.append(f"  wanted differences that were not met: {', '.join(self.never_met)}")
        return "\n".join(lines)


def run(
    oracle: Oracle[C], count: int, seed: int, short: bool = False, tell: Callable[[str], None] = lambda words: None
) -> Outcome:
    """Compare `count` cases. short: judge as the suite's short run, which does not meet every wanted difference.
    tell: what hears how far it is."""
    outcome = Outcome()
    began_s = time.monotonic()
    shown: set[str] = set()
    for number, case in zip(range(count), oracle.cases(Random(seed)), strict=False):
        if number and not number % TOLD_EVERY:
            unexplained = sum(outcome.unexplained.values())
            tell(f"{number} cases in {time.monotonic() - began_s:.0f} s, {unexplained} without a reason")
        outcome.cases[oracle.kind(case)] += 1
        found = oracle.differences(case)
        if not found:
            continue
        outcome.differing += 1
        left = oracle.table.unexplained(case, found)
        if not left:
            continue
        first = left[0]
        if first.kind != FAILED and not oracle.differences(case):
            outcome.fleeting += 1
            if len(outcome.shown) < SHOWN_MAX:
                outcome.shown.append(f"once: {oracle.kind(case)} {first}"[:2000])
            continue
        name = f"{oracle.kind(case)} {first.kind}"
        outcome.unexplained[name] += 1
        if len(outcome.shown) < SHOWN_MAX and (name not in shown or outcome.unexplained[name] <= 3):
            shown.add(name)
            outcome.shown.append(oracle.minimised(case, first))
    outcome.never_met = oracle.table.never_met(short)
    outcome.took_s = time.monotonic() - began_s
    return outcome


def met(table: Table[C]) -> str:
    """How often each wanted difference was met, a line each."""
    width = max((len(entry.name) for entry in table.entries), default=0)
    return "\n".join(f"  {table.met[entry.name]:6} {entry.name:{width}}  {entry.reason}" for entry in table.entries)


def _listed(counts: Counter[str]) -> str:
    return ", ".join(f"{count} {name}" for name, count in counts.most_common())
