"""The differences that are known and wanted: each with its name and its reason, and a count of how often it was met."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

Case = TypeVar("Case")

FAILED = "headrace failed"
"""The kind of difference that no entry explains, whatever it says: what asking.Watched found."""


@dataclass(frozen=True)
class Difference:
    """One thing in which two answers to one case differ.

    kind: of a short list that the comparison knows, such as "status".   words: what is where, for a reader.
    real, ours: what was compared, for those who judge it.
    """

    kind: str
    words: str
    real: object = None
    ours: object = None

    def __str__(self) -> str:
        return f"{self.kind}: {self.words}"


@dataclass(frozen=True)
class Wanted(Generic[Case]):
    """A difference that stays.   explains: whether it is what is seen in a case.

    in_short_run: it is met in the short run of the suite too; all are met in a long one.
    """

    name: str
    reason: str
    explains: Callable[[Case, Difference], bool]
    in_short_run: bool = False


class Table(Generic[Case]):
    """All wanted differences of one server. A difference that none explains is a fault, and so is an entry that a run
    which is long enough does not meet: the difference is gone, or nothing asks for it."""

    def __init__(self, entries: Sequence[Wanted[Case]]) -> None:
        assert len({entry.name for entry in entries}) == len(entries), "two entries of one name"
        self.entries = entries
        self.met: Counter[str] = Counter()

    def explanation(self, case: Case, difference: Difference) -> str | None:
        """The name of the first entry that explains it, not counted; None if none does."""
        if difference.kind == FAILED:
            return None
        return next((entry.name for entry in self.entries if entry.explains(case, difference)), None)

    def unexplained(self, case: Case, differences: Sequence[Difference]) -> list[Difference]:
        """Those of one case's differences that no entry explains; the entries that do are counted once each."""
        names = [(self.explanation(case, one), one) for one in differences]
        self.met.update({name for name, _ in names if name is not None})
        return [one for name, one in names if name is None]

    def never_met(self, short: bool) -> list[str]:
        """The entries that a run should have met, and did not. short: it was the short run."""
        expected = [entry.name for entry in self.entries if entry.in_short_run or not short]
        return [name for name in expected if not self.met[name]]
